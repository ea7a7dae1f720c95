"""What is relevant to a question: judgements on documents or chunks as columns, and on spans of text."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import astuple, dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ragcli.errors import DataError
from ragcli.evaluate.columns import Column, Integers, Words, joined, parse_whole
from ragcli.evaluate.lines import Groups, Lines, first_repeated, group, in_threads, stretches
from ragcli.evaluate.runs import trec_name
from ragcli.records import Query

_TREC, _BEIR = "'query 0 document grade'", "'query-id corpus-id score'"


@dataclass(frozen=True, slots=True)
class Span:
    """A relevant piece of a document: by offsets in characters, half open, or by its text.

    Attributes:
        document: The document's name.
        start: Offsets are -1 where only the text is known.
        quote: The text; may be empty where there are offsets.
    """

    document: str
    start: int = -1
    end: int = -1
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Qrels:
    """Judgements on documents as columns, grouped by query.

    Attributes:
        queries: Ids of the judged queries.
        bounds: Rows ``bounds[i]`` to ``bounds[i + 1]`` are the judgements of query i; int64 [q + 1].
        documents: Name of each judged document as the TREC format writes it: white space percent-encoded.
        grades: 1 or more is relevant unless a metric says otherwise; int64 [n].
        digests: Hash of each document, uint64 [n].
    """

    queries: tuple[str, ...]
    bounds: Integers
    documents: Column
    grades: Integers
    digests: Words

    @classmethod
    def of(cls, judgements: Mapping[str, Mapping[str, int]]) -> "Qrels":
        """Judgements from query id -> document name -> grade."""
        sizes = [len(grades) for grades in judgements.values()]
        documents = Column.of(trec_name(name).encode() for grades in judgements.values() for name in grades)
        grades = np.array([grade for own in judgements.values() for grade in own.values()], dtype=np.int64)
        bounds = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        return cls(tuple(map(trec_name, judgements)), bounds, documents, grades, documents.digest())

    @property
    def fingerprint(self) -> str:
        """Digest of the judgements."""
        digest = blake2b("\n".join(self.queries).encode(), digest_size=8)
        for column in (self.bounds, self.digests, self.grades):
            digest.update(column.tobytes())
        return digest.hexdigest()

    def mapping(self) -> dict[str, dict[str, int]]:
        """The judgements as query id -> document name -> grade."""
        names = [self.documents[row].decode() for row in range(len(self.documents))]
        pairs = list(zip(names, self.grades.tolist(), strict=True))
        return {
            query: dict(pairs[int(first) : int(last)])
            for query, first, last in zip(self.queries, self.bounds[:-1], self.bounds[1:], strict=True)
        }


@dataclass(frozen=True, slots=True)
class Dataset:
    """Questions and what is relevant to them.

    Attributes:
        queries: All questions, judged or not, in file order.
        qrels: Query id -> document name (or chunk id) -> grade; only queries that have such judgements.
        spans: Query id -> relevant pieces of text; only queries that have such judgements.
        answers: Query id -> reference answers.
        must_pass: Ids of the golden questions.
        tags: Query id -> its tags, by which results are sliced.
        split: Which of several sets of judgements these are, such as ``test``; empty where there is only one.
    """

    name: str
    queries: tuple[Query, ...]
    qrels: Mapping[str, Mapping[str, int]]
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    must_pass: frozenset[str] = frozenset()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    split: str = ""

    def restricted(self, queries: Collection[str]) -> "Dataset":
        """The same with some of its questions alone."""
        return replace(
            self,
            queries=tuple(query for query in self.queries if query.id in queries),
            qrels={query: grades for query, grades in self.qrels.items() if query in queries},
            spans={query: spans for query, spans in self.spans.items() if query in queries},
        )

    @property
    def judged(self) -> tuple[Query, ...]:
        """The questions that have judgements."""
        return tuple(query for query in self.queries if query.id in self.qrels or query.id in self.spans)

    @property
    def judgements(self) -> dict[str, dict[str, int]]:
        """``qrels``, where a question with spans alone finds the documents that hold them relevant."""
        found = {query: dict(grades) for query, grades in self.qrels.items()}
        for query, spans in self.spans.items():
            if query not in found:
                found[query] = dict.fromkeys((span.document for span in spans), 1)
        return found

    @property
    def fingerprint(self) -> str:
        """Digest of questions, judgements and reference answers; tags and golden questions do not shape a value."""
        content = [
            [(query.id, query.text) for query in self.queries],
            {query: dict(grades) for query, grades in self.qrels.items()},
            {query: [astuple(span) for span in spans] for query, spans in self.spans.items()},
            dict(self.answers),
        ]
        return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Judgement:
    """One line of a file of judgements, and where it stands."""

    where: str
    query: str
    document: str
    grade: int


def read_qrels(file: Path) -> Qrels:
    """Read judgements: TREC (``query 0 document grade``) or BEIR (``query-id corpus-id score``, with that header).

    ``-`` is stdin; gzip is recognised.

    Raises:
        DataError: It cannot be read, or a line is malformed or judges a document a second time.
    """
    parsed = _parse(file)
    twice = first_repeated(parsed.groups.bounds, parsed.documents, parsed.digests)
    if twice is not None:
        query = parsed.groups.query_of(twice)
        where = parsed.lines.where(int(parsed.documents.start[twice]))
        raise DataError(
            f"{where}: document {parsed.lines.text(parsed.documents, twice)!r} is judged twice for query {query!r}",
            hint="ragcli eval validate --fix writes a clean copy",
        )
    groups = parsed.groups
    return Qrels(groups.queries, groups.bounds, parsed.documents, parsed.grades, parsed.digests)


def read_judgements(file: Path) -> Iterator[Judgement]:
    """Every judgement of a file in the formats of ``read_qrels``, repetitions included, by query."""
    parsed = _parse(file)
    documents, lines = parsed.documents, parsed.lines
    owners = np.repeat(np.arange(len(parsed.groups.queries)), np.diff(parsed.groups.bounds)).tolist()
    for row, (owner, grade) in enumerate(zip(owners, parsed.grades.tolist(), strict=True)):
        where = lines.where(int(documents.start[row]))
        yield Judgement(where, parsed.groups.queries[owner], lines.text(documents, row), grade)


@dataclass(frozen=True, slots=True)
class _Parsed:
    lines: Lines
    groups: Groups
    documents: Column
    grades: Integers
    digests: Words


def _parse(file: Path) -> _Parsed:
    lines = Lines.read(file)
    fields, expected, first = _layout(lines)
    blocks = list(in_threads(lambda block: _block(lines, block, fields, expected), lines.blocks(first)))
    groups = group(
        [name for block in blocks for name in block.queries], np.concatenate([[0], *(b.counts for b in blocks)])[1:]
    )
    order = slice(None) if groups.order is None else groups.order
    documents = joined([block.documents for block in blocks]).take(order)
    if not len(documents):
        raise DataError(f"{lines.name} holds no judgements")
    grades = np.concatenate([block.grades for block in blocks])[order]
    return _Parsed(lines, groups, documents, grades, documents.digest())


@dataclass(frozen=True, slots=True)
class _Block:
    """The judgements of a stretch of lines, in their order; ``counts`` of them for each of ``queries``."""

    queries: list[str]
    counts: Integers
    documents: Column
    grades: Integers


def _block(lines: Lines, block: tuple[int, int], fields: int, expected: str) -> _Block:
    names, documents, numbers = lines.columns(block, fields, (0, fields - 2, fields - 1), expected)
    grades, bad = parse_whole(numbers)
    if bad is not None:
        where = lines.where(int(numbers.start[bad]))
        raise DataError(f"{where}: expected {expected}, and {lines.text(numbers, bad)!r} is no whole number")
    first = stretches(names)
    return _Block(lines.texts(names.take(first)), np.diff(first, append=len(names)), documents, grades)


def _layout(lines: Lines) -> tuple[int, str, int]:
    """Fields a line, what is expected there, and where the first judgement is looked for."""
    start = 0
    for line in lines.data[: min(lines.size, 1 << 16)].tobytes().split(b"\n"):
        words = line.removeprefix(b"\xef\xbb\xbf").split()
        end = start + len(line) + 1
        if words and not words[0].startswith(b"#"):
            header = len(words) == 3 and words[2].lower() in {b"score", b"grade", b"relevance"}
            return (3, _BEIR, end if header else 0) if len(words) == 3 else (4, _TREC, 0)
        start = end
    return 4, _TREC, 0
