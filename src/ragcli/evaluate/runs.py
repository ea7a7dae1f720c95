"""Runs in the TREC format: ``query Q0 document rank score tag``, one result a line."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import DataError
from ragcli.evaluate.columns import Column, Integers, Words, joined, parse_scores
from ragcli.evaluate.lines import Lines, first_repeated, group, in_threads, parts, stretches

_EXPECTED = "'query Q0 document rank score tag'"
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

    def part(self, first: int, last: int) -> "Run":
        """The results of some of the queries."""
        start = int(self.bounds[first])
        rows = slice(start, int(self.bounds[last]))
        bounds = self.bounds[first : last + 1] - start
        return Run(self.queries[first:last], bounds, self.documents.take(rows), self.scores[rows], self.digests[rows])

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
    blocks = list(in_threads(partial(parse_block, lines), lines.blocks()))
    names = [query for block in blocks for query in block.queries]
    counts = np.concatenate([np.zeros(0, dtype=np.int64), *(np.diff(block.bounds) for block in blocks)])
    documents = joined([block.documents for block in blocks])
    scores = np.concatenate([np.zeros(0, dtype=np.float32), *(block.scores for block in blocks)])
    digests = np.concatenate([np.zeros(0, dtype=np.uint64), *(block.digests for block in blocks)])
    blocks.clear()  # their memory is needed now
    run = _grouped(names, counts, documents, scores, digests)
    if not len(run.scores):
        raise DataError(f"{lines.name} holds no results")
    if len(run.queries) < len(names):
        list(in_threads(lambda part: _check_repeated(lines, run.part(*part)), parts(run.bounds)))
    return run


def parse_block(lines: Lines, block: tuple[int, int]) -> Run:
    """Read one of the blocks of a run, as if it were a run of its own; see ``read_run``."""
    names, documents, numbers = lines.columns(block, 6, (0, 2, 4), _EXPECTED)
    scores, bad = parse_scores(numbers)
    if bad is not None:
        where = lines.where(int(numbers.start[bad]))
        raise DataError(f"{where}: the score {lines.text(numbers, bad)!r} is not a number")
    first = stretches(names)
    run = _grouped(
        lines.texts(names.take(first)), np.diff(first, append=len(names)), documents, scores, documents.digest()
    )
    _check_repeated(lines, run)
    return run


def _grouped(
    queries: list[str], counts: Integers, documents: Column, scores: NDArray[np.float32], digests: Words
) -> Run:
    """A run of results in the order of a file, ``counts`` of them for each of ``queries``, which may come back."""
    groups = group(queries, counts)
    if groups.order is not None:
        documents, scores, digests = documents.take(groups.order), scores[groups.order], digests[groups.order]
    return Run(groups.queries, groups.bounds, documents, scores, digests)


def _check_repeated(lines: Lines, run: Run) -> None:
    row = first_repeated(run.bounds, run.documents, run.digests)
    if row is not None:
        query = run.queries[int(np.searchsorted(run.bounds, row, side="right")) - 1]
        where = lines.where(int(run.documents.start[row]))
        raise DataError(f"{where}: document {lines.text(run.documents, row)!r} occurs twice for query {query!r}")


def trec_lines(query: str, results: Iterable[tuple[str, float]], tag: str) -> Iterable[str]:
    """Lines of a run for one query, results in ranked order.

    White space in ids is percent-encoded, because the format separates fields by it.
    """
    for rank, (document, value) in enumerate(results, 1):
        yield f"{trec_name(query)} Q0 {trec_name(document)} {rank} {value:.9g} {trec_name(tag)}"


def trec_name(text: str) -> str:
    """A name as the format can hold it: white space percent-encoded."""
    return _SPACE.sub(lambda space: f"%{ord(space[0]):02X}", text)
