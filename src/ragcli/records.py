"""The records that flow through ragcli, in the order in which they are made.

Document -> Chunk -> (embedding) -> Hit -> Context -> Answer -> Score. All are frozen; offsets count Unicode
characters of ``Document.text`` (Python ``str`` indices), half open.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"
Metadata: TypeAlias = Mapping[str, JsonValue]

BlockKind: TypeAlias = Literal["heading", "paragraph", "list_item", "table", "code", "quote"]

DocumentType: TypeAlias = Literal[
    "markdown", "html", "xml", "rst", "text", "pdf", "docx", "pptx", "xlsx", "epub", "ipynb", "csv", "json", "code"
]


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit of a document: ``text[start:end]``. Blocks are ordered and do not overlap.

    Attributes:
        kind: What the unit is. A whole list item is one block; a fenced code block is one block, fences included.
        level: Heading level from 1, or nesting depth of a list item from 1; otherwise 0.
        header_end: For a table, where its header rows end (``text[start:header_end]``); otherwise 0.
        language: For code, the language in lower case when it is known.
        title: For a heading, its text without markup; otherwise empty.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    header_end: int = 0
    language: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One document: a file, or one record of a file that holds many.

    Attributes:
        id: Content-free identity, from source name, path and record (see ``document_id``).
        name: What judgements call it: the record's own id, or the path relative to the source.
        source: Name of the source it came from.
        path: Path relative to the source, with forward slashes.
        pages: Start offset of each page, for formats that have pages; otherwise empty.
        modified_ns: Modification time of the file, nanoseconds since the epoch.
    """

    id: str
    name: str
    source: str
    path: str
    type: DocumentType
    title: str
    text: str
    blocks: tuple[Block, ...] = ()
    pages: tuple[int, ...] = ()
    language: str = ""
    metadata: Metadata = field(default_factory=dict)
    modified_ns: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: ``document.text[start:end] == text``, always.

    Attributes:
        position: Ordinal within the document, from 0.
        tokens: Length of ``text`` in tokens of the chunker's tokenizer, special tokens not counted.
        headings: Breadcrumb of the section it lies in, outermost first.
        prefix: What the chunker adds in front of the text for embedding and lexical search only (breadcrumb,
            a cut table's header, symbol path); never part of ``text``.
        metadata: Chunk-level facts such as ``page``, ``language``, ``symbol``.
    """

    id: str
    document_id: str
    position: int
    text: str
    start: int
    end: int
    tokens: int
    headings: tuple[str, ...] = ()
    prefix: str = ""
    metadata: Metadata = field(default_factory=dict)

    @property
    def embedded_text(self) -> str:
        """The text that is embedded and indexed: the prefix, then the chunk."""
        return f"{self.prefix}\n{self.text}" if self.prefix else self.text


@dataclass(frozen=True, slots=True)
class Query:
    """One question. ``id`` is the caller's, or the ordinal as text."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class ArmScore:
    """What one retrieval arm said of a hit: its raw score and its rank from 1."""

    score: float
    rank: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document: ``document.text[start:end] == text``."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One ranked result. Higher scores are better; ranks start at 1.

    Attributes:
        document: The document's name, as judgements call it.
        arms: Per arm (``dense``, ``lexical``) the raw score and rank; an arm that did not return it is absent.
        surroundings: The section or the neighbours it lies in, where they were asked for; it holds ``text``.
    """

    rank: int
    score: float
    chunk_id: str
    document_id: str
    document: str
    path: str
    title: str
    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    arms: Mapping[str, ArmScore] = field(default_factory=dict)
    surroundings: Passage | None = None


LeftOutReason: TypeAlias = Literal["duplicate", "token budget", "cost limit"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A hit, or the part ``start`` to ``end`` of it, that is not in a context, and why.

    ``duplicate``: its text is there already.
    """

    chunk_id: str
    document: str
    rank: int
    start: int
    end: int
    reason: LeftOutReason


@dataclass(frozen=True, slots=True)
class Section:
    """Where in its document an excerpt is from ``start`` on: under which headings, on which page if it has pages."""

    start: int
    headings: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch of a document in a context: a chunk, several that were joined, or the beginning of one.

    Attributes:
        number: What a citation calls it; from 1, in the context's order.
        rank: Rank of its best hit; likewise ``score``.
        chunk_ids: The chunks it holds, wholly or in part.
        headings: Of its best hit; likewise ``metadata``.
        sections: One for each chunk, by start.
        cut: Whether its last chunk goes on in the document.
    """

    number: int
    document_id: str
    document: str
    path: str
    title: str
    text: str
    start: int
    end: int
    rank: int
    score: float
    chunk_ids: tuple[str, ...]
    headings: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What an answer is made from.

    Attributes:
        text: The excerpts, each below a line ``[number] where it is from``. A line of theirs that would pass for such a
            label has round brackets here.
        tokens: Length of ``text``; never more than ``budget_tokens``.
        vocabulary: What the tokens are counted with.
        left_out: Hits that are not in it, best first.
    """

    excerpts: tuple[Excerpt, ...]
    text: str
    tokens: int
    budget_tokens: int
    vocabulary: str
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """What an answer rests on: characters ``start`` to ``end`` of a document.

    Attributes:
        number: What the answer's text calls it, such as 1 for ``[1]``.
        heading: The innermost heading it stands under; empty without one.
        page: Where the document has pages.
    """

    number: int
    document: str
    path: str
    start: int
    end: int
    heading: str = ""
    page: int | None = None
    chunk_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to a question.

    Attributes:
        text: The answer; every ``[number]`` in it is one of the citations.
        refused: Whether it says that the documents have no answer.
        answerer: Who says so.
        input_tokens: What the model read, by its own account or counted; likewise ``output_tokens``.
        counted: Whether the tokens were counted here, because the model did not report them.
        cost: In the currency of the price; None where the price is not known.
        removed_citations: How many citations of nothing were taken out of the text.
        confidence: What was held against the threshold of refusing; None where the answerer has none.
    """

    text: str
    citations: tuple[Citation, ...]
    refused: bool
    answerer: str
    input_tokens: int = 0
    output_tokens: int = 0
    counted: bool = False
    cost: float | None = 0.0
    removed_citations: int = 0
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """One metric over a set of queries: the mean of ``per_query`` values."""

    metric: str
    value: float
    per_query: Mapping[str, float] = field(default_factory=dict)


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def document_id(source: str, path: str, record: str = "") -> str:
    """Identity of a document: where it is, not what it says. 32 hexadecimal digits."""
    return _digest("document", source, path, record)


def chunk_id(document: str, start: int, text: str) -> str:
    """Identity of a chunk: its document, position and text. 32 hexadecimal digits."""
    return _digest("chunk", document, str(start), text)
