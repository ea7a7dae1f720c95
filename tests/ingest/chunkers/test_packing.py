"""The search for the best cuts against every possible partition."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragcli.ingest.chunkers.packing import (
    FORCED_CUT,
    LINE_CUT,
    PARAGRAPH_CUT,
    SENTENCE_CUT,
    Sizes,
    Unit,
    chunks_of,
    pack,
)
from ragcli.ingest.chunkers.ruler import Ruler
from ragcli.models.tokens import WordCounter
from ragcli.records import Document

_Vectors = NDArray[np.float32]


def _units(lengths: Sequence[int], cuts: Sequence[float], prefixes: Sequence[int]) -> tuple[str, list[Unit]]:
    text, units = "", []
    for number, (length, cut, prefix) in enumerate(zip(lengths, cuts, prefixes, strict=True)):
        start = len(text)
        text += " ".join([f"w{number}"] * length)
        units.append(Unit(start, len(text), cut, prefix="p" * prefix, prefix_tokens=prefix))
        text += " "
    return text, units


def _partitions(count: int) -> Iterator[list[int]]:
    for mask in range(2 ** (count - 1)):
        yield [0, *(at for at in range(1, count) if mask >> (at - 1) & 1), count]


def _total(units: Sequence[Unit], lengths: Sequence[int], vectors: _Vectors | None, bounds: list[int],
           sizes: Sizes) -> float:  # fmt: skip
    """The cost of a partition, written out; infinite where a chunk of several units is too long."""
    total = 0.0
    for first, end in pairwise(bounds):
        length = sum(lengths[first:end])
        if end - first > 1 and length > sizes.room(units[first].prefix_tokens):
            return float("inf")
        away = length / sizes.target - 1
        total += sizes.firmness * away**2 * (2 if away > 0 else 1) + (1e6 if length < sizes.least else 0)
        if vectors is not None:
            weights, part = np.array(lengths[first:end]), vectors[first:end]
            mean = (weights[:, None] * part).sum(axis=0) / weights.sum()
            total += 2 * float((weights * ((part - mean) ** 2).sum(axis=1)).sum()) / sizes.target
        total += units[end - 1].cut if end < len(units) else 0
    return total


_sizes = st.builds(
    lambda target, least, limit, firmness: Sizes(target, min(2 * target, limit or 99), limit, least, firmness),
    st.integers(2, 20),
    st.integers(0, 6),
    st.sampled_from([None, 16, 30]),
    st.sampled_from([0.3, 1.0]),
)


@given(
    lengths=st.lists(st.integers(1, 14), min_size=1, max_size=8),
    sizes=_sizes,
    meant=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_no_partition_is_better(lengths: list[int], sizes: Sizes, meant: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    cuts = random.choice([PARAGRAPH_CUT, LINE_CUT, SENTENCE_CUT, FORCED_CUT], len(lengths)).tolist()
    text, units = _units(lengths, cuts, random.integers(0, 3, len(lengths)).tolist())
    vectors = random.standard_normal((len(lengths), 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = pack(units, Ruler(text, WordCounter()), sizes, (lambda _: vectors) if meant else None)
    assert [unit for group in groups for unit in group] == units
    bounds = [0, *np.cumsum([len(group) for group in groups]).tolist()]
    given_vectors = vectors if meant else None
    best = min(_total(units, lengths, given_vectors, other, sizes) for other in _partitions(len(units)))
    assert _total(units, lengths, given_vectors, bounds, sizes) == pytest.approx(best, rel=1e-6, abs=1e-4)


def test_a_tiny_tail_is_merged_where_there_is_room() -> None:
    text, units = _units([10, 10, 2], [PARAGRAPH_CUT] * 3, [0] * 3)
    groups = pack(units, Ruler(text, WordCounter()), Sizes.of(10, 4, None))
    assert [len(group) for group in groups] == [1, 2]


def test_a_tiny_tail_stays_where_there_is_none() -> None:
    text, units = _units([10, 10, 2], [PARAGRAPH_CUT] * 3, [0] * 3)
    groups = pack(units, Ruler(text, WordCounter()), Sizes(10, 11, None, 4))
    assert [len(group) for group in groups] == [1, 1, 1]


def test_units_far_below_the_size_are_joined_with_what_follows() -> None:
    text, units = _units([1] * 400, [SENTENCE_CUT] * 400, [0] * 400)
    groups = pack(units, Ruler(text, WordCounter()), Sizes.of(120, 20, None))
    found = [unit for group in groups for unit in group]
    assert len(found) == 134
    assert [(unit.start, unit.end) for unit in found[:-1]] == [
        (one.start, third.end) for one, third in zip(units[:-1:3], units[2::3], strict=True)
    ]


def test_sizes_follow_the_limit() -> None:
    assert Sizes.of(100, 20, None) == Sizes(100, 200, None, 20, 0.3)
    assert Sizes.of(100, 20, 150) == Sizes(100, 150, 150, 20, 0.3)
    assert Sizes.of(300, 100, 150) == Sizes(150, 150, 150, 75, 0.3)
    assert Sizes.of(100, 20, 150).room(30) == 120
    assert Sizes.of(100, 20, None).room(30) == 200


def test_nothing_makes_no_chunk() -> None:
    assert pack([], Ruler("", WordCounter()), Sizes.of(10, 2, None)) == []


class StartCounter(WordCounter):
    """Counts a word more for a text's first one, as a vocabulary does that knows a word only after a space."""

    def count(self, text: str) -> int:
        return super().count(text) + 1


@pytest.mark.parametrize("prefix", ["", "Part"])
def test_no_chunk_exceeds_the_limit_when_counted_by_itself(prefix: str) -> None:
    """The ruler measures two sentences as twelve tokens; by themselves they are thirteen."""
    text = "one two three four five. six seven eight nine ten. " * 3
    units = [Unit(s.start(), s.end(), SENTENCE_CUT, prefix=prefix, prefix_tokens=len(prefix) // 4)
             for s in re.finditer(r"[^.]+\.", text)]  # fmt: skip
    document = Document("d", "d.txt", "docs", "d.txt", "text", "d", text)
    counter, limit = StartCounter(), 12 + len(prefix) // 4
    sizes = Sizes(target=12, most=12, limit=limit, least=1)
    chunks = chunks_of(document, units, Ruler(text, counter), counter, sizes)
    embedded = [f"{chunk.prefix}\n{chunk.text}" if chunk.prefix else chunk.text for chunk in chunks]
    assert [counter.count(one) for one in embedded] == [7 + len(prefix) // 4] * 6
    assert "".join(chunk.text for chunk in chunks).replace(" ", "") == text.replace(" ", "")


def test_a_single_unit_beyond_the_limit_loses_its_prefix_and_is_cut_in_the_middle() -> None:
    text = "one two three four five six seven eight nine ten"
    document = Document("d", "d.txt", "docs", "d.txt", "text", "d", text)
    counter = StartCounter()
    units = [Unit(0, len(text), SENTENCE_CUT, prefix="Part", prefix_tokens=1)]
    sizes = Sizes(target=10, most=10, limit=9, least=1)
    chunks = chunks_of(document, units, Ruler(text, counter), counter, sizes)
    assert [(chunk.prefix, counter.count(chunk.text) <= 9) for chunk in chunks] == [("", True)] * 2
