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
_MOST_WORDS = 3  # of a number with as many digits, a sign and a point
_WHOLE_POWERS = 10 ** np.arange(20, dtype=np.uint64)
_ONE, _SEVEN, _LETTER = np.uint64(1), np.uint64(7), np.uint64(0xFF)
_EACH = np.uint64(0x0101010101010101)  # the same in each of eight letters
_HIGH_BITS, _LOW_BITS, _FROM_TEN = 0x80 * _EACH, 0x7F * _EACH, 0x76 * _EACH
_ZEROS, _POINTS = ord("0") * _EACH, ord(".") * _EACH
_LANES = {8: np.uint64(0x00FF00FF00FF00FF), 16: np.uint64(0x0000FFFF0000FFFF), 32: np.uint64(0xFFFFFFFF)}
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
        return self.gather(8 * number) & _MASKS[np.clip(self.size - 8 * number, 0, 8)]

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

    def gather(self, offset: int) -> Words:
        """Eight bytes from a place in each field on, little endian, whatever they are beyond its end; uint64 [n]."""
        last = len(self.data) - 8
        everywhere: Words = np.ndarray((last + 1,), dtype="<u8", buffer=self.data, strides=(1,))
        places = self.start + offset if offset else self.start
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
    other = len(ends) - lines - np.count_nonzero(block == 32)
    if other:
        other -= np.count_nonzero(block == 9)
    if other or not (block[ends[fields - 1 :: fields]] == 10).all():
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
    """Eight letters at a time, moved so that the last one is in the highest byte, and what follows them is gone."""
    digits = np.zeros(len(column), dtype=np.uint64)
    places, seen, dots, signs = (np.zeros(len(column), dtype=np.uint8) for _ in range(4))
    negative = np.zeros(len(column), dtype=bool)
    for number in range(min(column.width, _MOST_WORDS)):
        letters = column.gather(8 * number)
        if number == 0:
            first = letters & _LETTER
            negative = first == ord("-")
            signs = (negative | (first == ord("+"))).view(np.uint8)
        size = np.clip(column.size - 8 * number, 0, 8)
        letters <<= (64 - 8 * size).astype(np.uint64)
        dot = _places_of_dots(letters)
        behind, here = -(dot << _ONE), np.bitwise_count(dot)
        letters = (letters & (dot >> _SEVEN) - _ONE) << 8 * here.astype(np.uint64) | letters & behind  # closed up
        value, digit_count = _eight_digits(letters)
        digits = digits * _WHOLE_POWERS[size - here] + value if number else value
        places += (dots > 0) * size.astype(np.uint8) + np.bitwise_count(behind) // 8
        dots += here
        seen += digit_count
    plain = (seen + dots + signs == column.size) & (dots <= 1) & (seen > 0) & (seen <= _DIGITS)
    return _Decimals(digits, places.astype(np.int64), negative, plain)


def _places_of_dots(letters: Words) -> Words:
    """0x80 at each of eight letters that is a point, otherwise 0."""
    other = letters ^ _POINTS
    return ~((other & _LOW_BITS) + _LOW_BITS | other) & _HIGH_BITS


def _eight_digits(letters: Words) -> tuple[Words, NDArray[np.uint8]]:
    """The number that eight letters make, those that are no digits as 0, and how many are digits."""
    digits = letters ^ _ZEROS
    others = ((digits & _LOW_BITS) + _FROM_TEN | digits) & _HIGH_BITS  # 0x80 where it is above 9
    digits &= ~((others >> _SEVEN) * _LETTER)
    for step, base in ((8, 10), (16, 100), (32, 10_000)):  # neighbours become one: digits, then pairs, then fours
        digits = digits * np.uint64(base) + (digits >> np.uint64(step)) & _LANES[step]
    return digits, 8 - np.bitwise_count(others)


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
