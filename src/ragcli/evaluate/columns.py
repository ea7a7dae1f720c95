"""Columns of short byte fields: millions of lines are read and matched without a Python object per field.

A column remembers where its fields lie in one buffer. Eight bytes at a time they become numbers, so that comparing,
hashing and ordering names are operations on arrays.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

PADDING = 8
"""A buffer is at least so many bytes long."""

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Words = NDArray[np.uint64]

_COMMENT = re.compile(rb"^[ \t]*#[^\n]*", re.MULTILINE)
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(32)
_POWERS = 10.0 ** np.arange(23)  # exact in double precision
_EXACT_BELOW = 2**53
_DIGITS = 18  # that many always fit in 64 bits
_LONGEST_NUMBER = 20
_TIMES = np.ones(256, dtype=np.uint64)  # what a letter makes of the number in front of it ...
_TIMES[48:58] = 10
_PLUS = np.zeros(256, dtype=np.uint64)  # ... and adds to it
_PLUS[48:58] = np.arange(10)
_STEP = 2.0**-50  # four times the rounding error of a quotient in double precision


@dataclass(frozen=True)
class Column:
    """Fields in a buffer.

    Attributes:
        data: The buffer, at least ``PADDING`` bytes long.
        start: Where each field starts, int64 [n].
        size: Bytes of each field, int64 [n].
    """

    data: Bytes
    start: Integers
    size: Integers

    @classmethod
    def of(cls, fields: Iterable[bytes]) -> "Column":
        """A column of some values."""
        values = list(fields)
        size = np.fromiter(map(len, values), dtype=np.int64, count=len(values))
        data = np.frombuffer(b"".join(values) + bytes(PADDING), dtype=np.uint8)
        return cls(data, np.cumsum(size) - size, size)

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, row: int) -> bytes:
        start = int(self.start[row])
        return self.data[start : start + int(self.size[row])].tobytes()

    def take(self, rows: "Integers | NDArray[np.bool_] | slice") -> "Column":
        """The fields of some rows."""
        return Column(self.data, self.start[rows], self.size[rows])

    @cached_property
    def width(self) -> int:
        """Words of the longest field."""
        return -(-int(self.size.max()) // 8) if len(self) else 0

    def word(self, number: int) -> Words:
        """Bytes ``8 * number`` and on of each field, little endian, 0 beyond its end; uint64 [n]."""
        left = self.size - 8 * number
        if number == 0 and len(self):
            return self._gather(self.start) & _MASKS[np.minimum(left, 8)]
        result = np.zeros(len(self), dtype=np.uint64)
        rows = np.flatnonzero(left > 0)
        result[rows] = self._gather(self.start[rows] + 8 * number) & _MASKS[np.minimum(left[rows], 8)]
        return result

    def digest(self) -> Words:
        """A hash of each field, uint64 [n]; equal fields have equal ones, of others hardly any."""
        result = mixed(self.size.astype(np.uint64), self.word(0))
        for number in range(1, self.width):
            rows = np.flatnonzero(self.size > 8 * number)
            result[rows] = mixed(result[rows], self.take(rows).word(number))
        return result

    def equals(self, other: "Column") -> NDArray[np.bool_]:
        """Row by row, whether the fields of two columns of the same length are the same; bool [n]."""
        same: NDArray[np.bool_] = self.size == other.size
        for number in range(self.width):
            rows = np.flatnonzero(same & (self.size > 8 * number))
            if not len(rows):
                break
            same[rows] = self.take(rows).word(number) == other.take(rows).word(number)
        return same

    def descending(self, groups: Integers) -> Integers:
        """Rows ordered by group, then by field in descending byte order; int64 [n]."""
        words = [~self.word(number).byteswap() for number in range(self.width)]
        return np.lexsort([~self.size, *reversed(words), groups])

    def _gather(self, places: Integers) -> Words:
        """Eight bytes from each place on; 0 beyond the buffer's end."""
        last = len(self.data) - 8
        everywhere: Words = np.ndarray((last + 1,), dtype="<u8", buffer=self.data, strides=(1,))
        if not len(places) or places.max() <= last:
            return everywhere[places]
        within = np.minimum(places, last)
        return everywhere[within] >> (8 * np.minimum(places - within, 7)).astype(np.uint64)


def joined(columns: Sequence[Column]) -> Column:
    """The fields of several columns over one buffer, one after the other."""
    if not columns:
        return Column.of(())
    starts, sizes = [column.start for column in columns], [column.size for column in columns]
    return Column(columns[0].data, np.concatenate(starts), np.concatenate(sizes))


def mixed(key: Words, value: Words) -> Words:
    """A hash of two hashes or words; uint64 [n]."""
    result = (key * _GOLDEN ^ value) * _MIX
    result ^= result >> _SHIFT
    return result * _GOLDEN


@dataclass(frozen=True, slots=True)
class Fields:
    """Where the fields of each line of a block end, int64 [lines, fields], and start.

    Attributes:
        starts: None where each field starts one byte behind the end of the one before.
    """

    ends: Integers
    starts: Integers | None = None

    def column(self, data: Bytes, first: int, place: int) -> Column:
        """One field of each line, of a block that starts at ``first`` of the buffer."""
        end = self.ends[:, place] + first
        if self.starts is not None:
            start = self.starts[:, place] + first
        elif place:
            start = self.ends[:, place - 1] + (first + 1)
        else:
            start = np.empty_like(end)
            start[:1] = first
            start[1:] = self.ends[:-1, -1] + (first + 1)
        return Column(data, start, end - start)


def split_lines(block: Bytes, fields: int) -> Fields | None:
    """The fields of each line; empty lines, and comments (from ``#``, as trec_eval has it), are passed over.

    Returns:
        None when some line has another number of fields.
    """
    found = _split_plain(block, fields)
    if found is None or (block[found.column(block, 0, 0).start] == ord("#")).any():
        found = _split_any(_without_comments(block), fields)
    return found


def _without_comments(block: Bytes) -> Bytes:
    if not (block == ord("#")).any():
        return block
    return np.frombuffer(_COMMENT.sub(lambda found: b" " * len(found[0]), block.tobytes()), dtype=np.uint8)


def _split_plain(block: Bytes, fields: int) -> Fields | None:
    """For lines whose fields are parted by exactly one space or tab; None for others."""
    space = block <= 32
    ends = np.flatnonzero(space)
    lines, rest = divmod(len(ends), fields)
    if rest or not lines or space[0] or block[-1] != 10 or (space[1:] & space[:-1]).any():
        return None
    blanks = np.count_nonzero(block == 32) + np.count_nonzero(block == 9)
    last = block[ends[fields - 1 :: fields]]
    if blanks + lines != len(ends) or not (last == 10).all():
        return None
    return Fields(ends.reshape(-1, fields))


def _split_any(block: Bytes, fields: int) -> Fields | None:
    space = np.ones(len(block) + 2, dtype=bool)
    space[1:-1] = (block == 32) | ((block >= 9) & (block <= 13))
    edges = np.flatnonzero(space[1:] != space[:-1])
    starts, ends = edges[::2], edges[1::2]
    if len(starts) % fields:
        return None
    lines = np.searchsorted(np.flatnonzero(block == 10), starts).reshape(-1, fields)
    if (lines[:, 0] != lines[:, -1]).any() or (lines[1:, 0] == lines[:-1, -1]).any():
        return None
    return Fields(ends.reshape(-1, fields), starts.reshape(-1, fields))


@dataclass(frozen=True, slots=True)
class _Decimals:
    """Plain decimal numbers taken apart: ``sign * digits / 10 ** places``; ``plain`` says where that holds."""

    digits: Words
    places: Integers
    negative: NDArray[np.bool_]
    plain: NDArray[np.bool_]


def _decimals(column: Column) -> _Decimals:
    count = len(column)
    digits = np.zeros(count, dtype=np.uint64)
    places, seen, dots = (np.zeros(count, dtype=np.uint8) for _ in range(3))
    first = column.data[column.start]
    negative = first == ord("-")
    size = np.minimum(column.size, _LONGEST_NUMBER + 1).astype(np.uint8)
    for place in range(min(int(size.max()) if count else 0, _LONGEST_NUMBER)):
        letter = column.data.take(column.start + place, mode="clip")
        letter *= size > place
        digits *= _TIMES.take(letter)
        digits += _PLUS.take(letter)
        digit = letter - np.uint8(48) < 10
        places += digit & (dots > 0)
        seen += digit
        dots += letter == ord(".")
    known = seen + dots + (negative | (first == ord("+")))
    plain = (known == size) & (dots <= 1) & (seen > 0) & (seen <= _DIGITS)
    return _Decimals(digits, places.astype(np.int64), negative, plain)


def parse_scores(column: Column) -> tuple[NDArray[np.float32], int | None]:
    """Numbers in single precision, rounded as trec_eval does: to double precision first. Float32 [n].

    Returns:
        The numbers, and the first row that holds none (None when there is no such row).
    """
    parts = _decimals(column)
    precise = parts.digits.astype(np.float64) / _POWERS[np.where(parts.plain, parts.places, 0)]
    precise[parts.negative] *= -1
    result = precise.astype(np.float32)
    doubtful = np.flatnonzero(parts.digits >= _EXACT_BELOW)
    low, high = precise[doubtful] * (1 - _STEP), precise[doubtful] * (1 + _STEP)
    slow = ~parts.plain
    slow[doubtful[low.astype(np.float32) != high.astype(np.float32)]] = True
    with np.errstate(over="ignore"):
        for row in np.flatnonzero(slow).tolist():
            value = _number(column[row])
            if value is None:
                return result, row
            result[row] = np.float64(value).astype(np.float32)
    return result, None


def _number(field: bytes) -> float | None:
    try:
        value = float(field)
    except ValueError:
        return None
    return None if math.isnan(value) or b"_" in field else value


def parse_whole(column: Column) -> tuple[Integers, int | None]:
    """Whole numbers, int64 [n], and the first row that holds none (None when there is no such row)."""
    parts = _decimals(column)
    result = parts.digits.astype(np.int64)
    result[parts.negative] *= -1
    bad = np.flatnonzero(~parts.plain | (parts.places > 0) | (column.data[column.start + column.size - 1] == ord(".")))
    return result, int(bad[0]) if len(bad) else None
