"""One chunk a document."""

from ragcli.config.ingest import WholeChunkerConfig
from ragcli.ingest.chunkers.whole import WholeChunker
from ragcli.models.tokens import WordCounter
from ragcli.records import Document


def test_a_document_stays_in_one_piece_beyond_any_limit() -> None:
    text = "\n one " + "word " * 1000 + "\n"
    document = Document("d1", "t", "s", "t", "text", "t", text)
    (chunk,) = WholeChunker(WholeChunkerConfig(), WordCounter(), 16).chunk(document)
    assert (chunk.text, chunk.start, chunk.tokens) == (text.strip(), 2, 1001)
