"""Runs in the TREC format: ``query Q0 document rank score tag``, one result a line."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import DataError
from ragcli.evaluate.columns import Column, Integers, Words, parse_scores
from ragcli.evaluate.lines import Lines, first_repeated, group, in_threads, stretches

_EXPECTED = "'query Q0 document rank score tag'"
_SHORTEST = 12  # bytes of a line: six fields of one letter
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Run:
    """Results of many queries as columns, grouped by query, otherwise in no particular order.

    Attributes:
        queries: Ids of the queries.
        bounds: Rows ``bounds[i]`` to ``bounds[i + 1]`` are the results of query i; int64 [q + 1].
        documents: Name of each result as the format writes it: white space percent-encoded.
        scores: Higher is better; float32 [n], the precision in which trec_eval compares.
        digests: Hash of each document, uint64 [n].
    """

    queries: tuple[str, ...]
    bounds: Integers
    documents: Column
    scores: NDArray[np.float32]
    digests: Words

    @classmethod
    def of(cls, results: Mapping[str, Mapping[str, float]]) -> "Run":
        """A run from query id -> document name -> score; queries without results have no rows."""
        sizes = [len(found) for found in results.values()]
        documents = Column.of(trec_name(name).encode() for found in results.values() for name in found)
        values = [value for found in results.values() for value in found.values()]
        scores = np.array(values, dtype=np.float64).astype(np.float32)
        if np.isnan(scores).any():
            raise DataError("a result has a score that is not a number")
        bounds = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        return cls(tuple(trec_name(query) for query in results), bounds, documents, scores, documents.digest())


def read_run(file: Path) -> Run:
    """Read a run from a file, plain or gzip, or from stdin for ``-``; ranks are ignored, as trec_eval does.

    Raises:
        DataError: It cannot be read, or a line is malformed or names a document twice for one query.
    """
    return parse_run(Lines.read(file))


def parse_run(lines: Lines) -> Run:
    """Read the text of a run; see ``read_run``."""
    most = lines.size // _SHORTEST  # memory is taken only where it is written to
    start, size, digests = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.uint64)
    scores = np.empty(most, np.float32)
    queries: list[str] = []
    counts: list[Integers] = [np.zeros(0, dtype=np.int64)]
    filled = 0
    for block in in_threads(partial(_block, lines), lines.blocks()):
        rows = slice(filled, filled + len(block.documents))
        start[rows], size[rows] = block.documents.start, block.documents.size
        scores[rows], digests[rows] = block.scores, block.digests
        queries += block.queries
        counts.append(block.counts)
        filled = rows.stop
    groups = group(queries, np.concatenate(counts))
    order = slice(filled) if groups.order is None else groups.order
    documents, scores, digests = Column(lines.data, start[order], size[order]), scores[order], digests[order]
    if not len(documents):
        raise DataError(f"{lines.name} holds no results")
    twice = first_repeated(groups.bounds, documents, digests)
    if twice is not None:
        query, where = groups.query_of(twice), lines.where(int(documents.start[twice]))
        raise DataError(f"{where}: document {lines.text(documents, twice)!r} occurs twice for query {query!r}")
    return Run(groups.queries, groups.bounds, documents, scores, digests)


@dataclass(frozen=True, slots=True)
class _Block:
    """The results of a stretch of lines, in their order; ``counts`` of them for each of ``queries``."""

    queries: list[str]
    counts: Integers
    documents: Column
    scores: NDArray[np.float32]
    digests: Words


def _block(lines: Lines, block: tuple[int, int]) -> _Block:
    names, documents, numbers = lines.columns(block, 6, (0, 2, 4), _EXPECTED)
    scores, bad = parse_scores(numbers)
    if bad is not None:
        where = lines.where(int(numbers.start[bad]))
        raise DataError(f"{where}: the score {lines.text(numbers, bad)!r} is not a number")
    first = stretches(names)
    queries = [lines.text(names, row) for row in first.tolist()]
    return _Block(queries, np.diff(first, append=len(names)), documents, scores, documents.digest())


def trec_lines(query: str, results: Iterable[tuple[str, float]], tag: str) -> Iterable[str]:
    """Lines of a run for one query, results in ranked order.

    White space in ids is percent-encoded, because the format separates fields by it.
    """
    for rank, (document, value) in enumerate(results, 1):
        yield f"{trec_name(query)} Q0 {trec_name(document)} {rank} {value:.9g} {trec_name(tag)}"


def trec_name(text: str) -> str:
    """A name as the format can hold it: white space percent-encoded."""
    return _SPACE.sub(lambda space: f"%{ord(space[0]):02X}", text)
