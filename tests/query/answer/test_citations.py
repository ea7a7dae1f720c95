import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.query.answer.citations import CitationFilter


def whole(text: str, numbers: set[int]) -> tuple[str, list[int], int]:
    checked = CitationFilter(numbers)
    said = checked.feed(text) + checked.flush()
    return said, checked.cited, checked.removed


@pytest.mark.parametrize(
    ("text", "said", "cited", "removed"),
    [
        ("It is full [1].", "It is full [1].", [1], 0),
        ("It is full [9].", "It is full.", [], 1),
        ("A [2], b [1][2].", "A [2], b [1][2].", [2, 1], 0),
        ("A [1, 9, 2].", "A [1, 2].", [1, 2], 1),
        ("A [7; 9].", "A.", [], 2),
        ("A [x] and [1 of 2].", "A [x] and [1 of 2].", [], 0),
        ("Run `a[9]` now [1].", "Run `a[9]` now [1].", [1], 0),
        ("```\na[9]\n``` so [9]", "```\na[9]\n``` so", [], 1),
        ("Open [", "Open [", [], 0),
        ("Year [2024]", "Year", [], 1),
        ("", "", [], 0),
    ],
)
def test_citations_of_nothing_are_removed_and_counted(text: str, said: str, cited: list[int], removed: int) -> None:
    assert whole(text, {1, 2}) == (said, cited, removed)


@given(st.text(alphabet="ab `[]129,; \n", max_size=60), st.lists(st.integers(1, 7), max_size=40))
def test_pieces_give_what_the_whole_gives(text: str, sizes: list[int]) -> None:
    checked, said, place = CitationFilter({1, 2}), "", 0
    for size in sizes:
        said += checked.feed(text[place : place + size])
        place += size
    said += checked.feed(text[place:]) + checked.flush()
    assert (said, checked.cited, checked.removed) == whole(text, {1, 2})
