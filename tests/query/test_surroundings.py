"""Sections and neighbours around hits."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.config.narrow import NeighboursConfig, SectionConfig
from ragcli.config.settings import Config
from ragcli.index.build import build_index
from ragcli.query.engine import Engine
from ragcli.query.surroundings import Neighbour, stretch
from ragcli.records import Query
from ragcli.workspace import Workspace

Settings = Callable[..., Config]
PAGES = ["zero alpha", "one beta", "two gamma", "three delta", "four epsilon"]
CRUMBS = [("A",), ("B",), ("B",), ("B",), ("C",)]


@pytest.fixture
def pages(workspace: Workspace, settings: Settings, add: Callable[..., None]) -> Workspace:
    add(workspace, "pages.md", PAGES, chunk_metadata=[{"headings": crumb} for crumb in CRUMBS])
    add(workspace, "other.md", ["nothing of the kind"])
    build_index(settings(), workspace)
    return workspace


@pytest.mark.parametrize(
    ("surroundings", "expected"),
    [
        ({"kind": "section"}, PAGES[1:4]),
        ({"kind": "section", "max_tokens": 4}, PAGES[1:3]),
        ({"kind": "section", "max_tokens": 1}, PAGES[2:3]),
        ({"kind": "neighbours"}, PAGES[1:4]),
        ({"kind": "neighbours", "chunks": 2}, PAGES),
        ({"kind": "neighbours", "chunks": 9}, PAGES),
    ],
)
def test_a_hit_comes_with_what_stands_around_it(
    surroundings: dict[str, object], expected: list[str], pages: Workspace, settings: Settings
) -> None:
    with Engine(settings(strategy="lexical", surroundings=surroundings), pages) as engine:
        (hit,) = engine.search([Query("q", "gamma")])[0].hits
    text = "\n".join(PAGES)
    assert hit.text == "two gamma"
    assert hit.surroundings is not None
    assert hit.surroundings.text == "\n".join(expected)
    assert hit.surroundings.text == text[hit.surroundings.start : hit.surroundings.end]


def test_unless_asked_for_there_is_none(pages: Workspace, settings: Settings) -> None:
    with Engine(settings(), pages) as engine:
        assert {hit.surroundings for hit in engine.search([Query("q", "gamma")])[0].hits} == {None}


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ab")), min_size=1, max_size=12),
    st.data(),
    st.integers(1, 30),
)
def test_it_holds_the_hit_and_keeps_to_its_limits(
    cut: list[tuple[int, str]], data: st.DataObject, max_tokens: int
) -> None:
    chunks, start = [], 0
    for row, (tokens, heading) in enumerate(cut):
        chunks.append(Neighbour(row, start, start + tokens, tokens, heading))
        start += tokens
    place = data.draw(st.integers(0, len(chunks) - 1))
    hit = chunks[place]
    for config in (SectionConfig(max_tokens=max_tokens), NeighboursConfig(chunks=2, max_tokens=max_tokens)):
        low, high = stretch(chunks, place, config)
        assert low <= hit.start < hit.end <= high
        inside = [chunk for chunk in chunks if low <= chunk.start and chunk.end <= high]
        assert (inside[0].start, inside[-1].end) == (low, high)  # whole chunks
        assert sum(chunk.tokens for chunk in inside) <= max(max_tokens, hit.tokens)
        if config.kind == "section":
            assert {chunk.headings for chunk in inside} == {hit.headings}
        else:
            assert all(abs(chunk.row - place) <= 2 for chunk in inside)
