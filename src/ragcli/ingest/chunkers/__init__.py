"""From a document to its chunks."""

from typing import Protocol

from ragcli.records import Chunk, Document


class Chunker(Protocol):
    """Cuts documents. Deterministic: same document, same settings, same chunks."""

    def chunk(self, document: Document) -> list[Chunk]:
        """The chunks of a document in text order.

        ``document.text[c.start:c.end] == c.text`` holds for every chunk, none is empty or only white space, and none
        is longer than the embedder's limit in the tokens of the chunker's counter (prefix included).
        """
        ...
