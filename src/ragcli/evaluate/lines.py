"""Line-oriented files as columns: TREC runs and judgements, from a file, a gzip file or stdin.

A file is one buffer, split a block at a time, so that what is worked on stays in the processor's cache.
"""

import gzip
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TypeVar

import numpy as np

from ragcli.errors import DataError
from ragcli.evaluate.columns import PADDING, Bytes, Column, Integers, Words, mixed, split_lines

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

STDIN = Path("-")
_BLOCK = 1 << 20
_MAPPED = 1 << 22  # bytes from which on a file is mapped
_CHUNK = 1 << 17  # rows that are sorted or matched together
_GZIP = b"\x1f\x8b"
_QUERY = re.compile(rb"([^ \t\n]++)[ \t][^\n]*+\n(?:\1[ \t][^\n]*+\n)*+")  # lines that start with the same field


@dataclass(frozen=True, slots=True)
class Lines:
    """The text of a file.

    Attributes:
        name: What errors call it.
        data: Its bytes, eight at least.
        size: How many they are.
    """

    name: str
    data: Bytes
    size: int

    @classmethod
    def read(cls, file: Path) -> "Lines":
        """Read a file, or stdin for ``-``; gzip is recognised by its first bytes.

        Raises:
            DataError: It cannot be read.
        """
        name = "stdin" if file == STDIN else str(file)
        try:
            data = _mapped(file) if file != STDIN and file.stat().st_size >= _MAPPED else _whole(file)
            if data[:2].tobytes() == _GZIP:
                data = np.frombuffer(gzip.decompress(data.tobytes()), dtype=np.uint8)
        except (OSError, EOFError, zlib.error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise DataError(f"cannot read {name}: {reason}") from error
        if len(data) < PADDING:
            data = np.concatenate([data, np.full(PADDING, 10, dtype=np.uint8)])
        return cls(name, data, len(data))

    def blocks(self, first: int = 0) -> Iterator[tuple[int, int]]:
        """Where stretches of whole lines start and end, from some place on; few end within those of one query."""
        first = max(first, 3 if self.data[:3].tobytes() == b"\xef\xbb\xbf" else 0)
        while first < self.size:
            last = self._line_end(first + _BLOCK)
            same_query = _QUERY.match(self.data.data, last, last + _BLOCK)
            last = same_query.end() if same_query else last
            yield first, last
            first = last

    def columns(self, block: tuple[int, int], count: int, wanted: Sequence[int], expected: str) -> list[Column]:
        """Some of the fields of a block's lines.

        Args:
            block: One of ``blocks``.
            count: How many fields each line has.
            wanted: Which of them.
            expected: What a line looks like, for errors.

        Raises:
            DataError: A line has another number of fields.
        """
        first, last = block
        found = split_lines(self.data[first:last], count)
        if found is None:
            raise self._malformed(first, last, count, expected)
        return [found.column(self.data, first, place) for place in wanted]

    def where(self, offset: int) -> str:
        """File and line of a place in ``data``."""
        return f"{self.name}:{int(np.count_nonzero(self.data[:offset] == 10)) + 1}"

    def text(self, column: Column, row: int) -> str:
        """A field as text.

        Raises:
            DataError: It is not UTF-8.
        """
        try:
            return column[row].decode()
        except UnicodeDecodeError as error:
            raise DataError(f"{self.where(int(column.start[row]))}: not UTF-8: {column[row]!r}") from error

    def texts(self, column: Column) -> list[str]:
        """All fields as text, each kept in memory once however often it occurs; see ``text``."""
        view, start = self.data.data, column.start
        places = zip(start.tolist(), (start + column.size).tolist(), strict=True)
        try:
            return [sys.intern(str(view[first:last], "utf-8")) for first, last in places]
        except UnicodeDecodeError:
            return [self.text(column, row) for row in range(len(column))]

    def _line_end(self, place: int) -> int:
        """The end of the line around a place."""
        step = 1 << 12
        while place < self.size:
            found = np.flatnonzero(self.data[place : min(place + step, self.size)] == 10)
            if len(found):
                return place + int(found[0]) + 1
            place += step
            step *= 2
        return self.size

    def _malformed(self, first: int, last: int, fields: int, expected: str) -> DataError:
        number = int(np.count_nonzero(self.data[:first] == 10))
        for line in self.data[first:last].tobytes().split(b"\n"):
            number += 1
            if len(line.split()) not in {0, fields} and not line.lstrip().startswith(b"#"):
                break
        return DataError(f"{self.name}:{number}: expected {expected}")


def _mapped(file: Path) -> Bytes:
    """A large file without copying it: fresh memory costs more than to parse what is in it."""
    with file.open("rb") as stream:
        return np.frombuffer(mmap(stream.fileno(), 0, access=ACCESS_READ), dtype=np.uint8)


def _whole(file: Path) -> Bytes:
    return np.frombuffer(sys.stdin.buffer.read() if file == STDIN else file.read_bytes(), dtype=np.uint8)


def in_threads(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """The results of some work in the order of its items, two or more at a time: numpy works without the GIL."""
    with ThreadPoolExecutor(min(4, len(os.sched_getaffinity(0)))) as workers:
        yield from workers.map(work, items)


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows by query.

    Attributes:
        queries: Ids in the order in which they first occur.
        bounds: Rows ``bounds[i]`` to ``bounds[i + 1]`` belong to query i; int64 [q + 1].
        order: Where in the file's order each row comes from, int64 [n]; None when nothing moves.
    """

    queries: tuple[str, ...]
    bounds: Integers
    order: Integers | None

    def query_of(self, row: int) -> str:
        """The query of a row."""
        return self.queries[int(np.searchsorted(self.bounds, row, side="right")) - 1]


def group(queries: Sequence[str], counts: Integers) -> Groups:
    """Bring stretches of rows, each of one query, together by query; order within a query stays.

    Args:
        queries: The query of each stretch; may come back.
        counts: The rows of each stretch.
    """
    numbers: dict[str, int] = {}
    owner = np.array([numbers.setdefault(query, len(numbers)) for query in queries], dtype=np.int64)
    totals = np.bincount(owner, weights=counts, minlength=len(numbers)).astype(np.int64)
    bounds = np.concatenate([[0], np.cumsum(totals)])
    order = None
    if (owner[1:] < owner[:-1]).any():
        order = np.argsort(np.repeat(owner, counts), kind="stable")
    return Groups(tuple(numbers), bounds, order)


def stretches(column: Column) -> Integers:
    """Rows at which a field differs from the one before, the first row included; int64."""
    if not len(column):
        return np.zeros(0, dtype=np.int64)
    changed = column.size[1:] != column.size[:-1]
    for number in range(column.width):
        word = column.word(number)
        changed |= word[1:] != word[:-1]
    return np.concatenate([[0], np.flatnonzero(changed) + 1])


def parts(bounds: Integers) -> Iterator[tuple[int, int]]:
    """Ranges of queries that have about so many rows as are worked on together."""
    first, last = 0, len(bounds) - 1
    while first < last:
        end = int(np.searchsorted(bounds, bounds[first] + _CHUNK, side="right")) - 1
        end = min(max(end, first + 1), last)
        yield first, end
        first = end


def first_repeated(bounds: Integers, documents: Column, digests: Words) -> int | None:
    """The first row whose document has occurred before in the same query; None when there is none."""
    queries = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    keys = np.sort(mixed(digests, queries.astype(np.uint64)))
    if (keys[1:] != keys[:-1]).all():
        return None
    seen: set[tuple[int, bytes]] = set()
    for row, query in enumerate(queries.tolist()):
        if (query, documents[row]) in seen:
            return row
        seen.add((query, documents[row]))
    return None
