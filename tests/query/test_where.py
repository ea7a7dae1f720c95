"""The filter language: what it reads, what it refuses, and which chunks pass."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.errors import UsageError
from ragcli.query.where import Condition, filter_rows, parse_condition
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

DAY_NS = 86_400 * 10**9


@pytest.mark.parametrize(
    ("text", "key", "operator", "values"),
    [
        ("type=markdown", "type", "=", ("markdown",)),
        (" type = markdown ", "type", "=", ("markdown",)),
        ("path~=docs/**", "path", "~=", ("docs/**",)),
        ("title!=a=b", "title", "!=", ("a=b",)),
        ("page>=3", "page", ">=", ("3",)),
        ("page<3", "page", "<", ("3",)),
        ("tag in a,b , c d", "tag", "in", ("a", "b", "c d")),
        ('tag in "a,b",c', "tag", "in", ("a,b", "c")),
        ("tag IN x", "tag", "in", ("x",)),
        ('title=" spaced \\" "', "title", "=", (' spaced " ',)),
        ("index=1", "index", "=", ("1",)),
        ("größe.x-y=1", "größe.x-y", "=", ("1",)),
    ],
)
def test_conditions_are_read(text: str, key: str, operator: str, values: tuple[str, ...]) -> None:
    assert parse_condition(text) == Condition(text, key, operator, values)


@pytest.mark.parametrize(
    ("text", "expected", "position"),
    [
        ("", "a key", 1),
        ("  =x", "a key", 3),
        ("type", "one of = != ~=", 5),
        ("type markdown", "one of = != ~=", 6),
        ("type=", "a value", 6),
        ("type==x", "a value; equality is a single =", 6),
        ("tag in ,", "values separated by commas", 9),
        ("inside", "one of", 7),
    ],
)
def test_what_cannot_be_read_is_named_with_its_position(text: str, expected: str, position: int) -> None:
    with pytest.raises(UsageError) as caught:
        parse_condition(text)
    assert f"expected {expected}" in caught.value.message
    assert f"at position {position}," in caught.value.message


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert parse_condition(text).values


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, add: Callable[..., None]) -> Iterator[Catalog]:
    """Rows 1-2: guide.md; 3: deep/api.md; 4-5: report.pdf; 6: code.py; 7: other.txt."""
    workspace = Workspace(tmp_path_factory.mktemp("where"))
    add(
        workspace,
        "guide.md",
        ["one", "two"],
        type="markdown",
        title="The Guide",
        metadata={"tags": ["new", "draft"], "author": {"name": "Ada"}, "version": 2, "public": True, "a.b": "dot"},
        chunk_metadata=[{"headings": ["Start"]}, {"headings": ["Start", "Install"]}],
        modified_ns=0,
    )
    add(
        workspace,
        "deep/api.md",
        ["three"],
        type="markdown",
        metadata={"tags": "new", "version": 10},
        modified_ns=DAY_NS,
    )
    add(
        workspace,
        "report.pdf",
        ["four", "five"],
        type="pdf",
        metadata={"version": "2"},
        chunk_metadata=[{"page": 1}, {"page": 2}],
        modified_ns=40 * DAY_NS,
    )
    code = [{"symbol": "Engine.search", "level": 3}]
    add(workspace, "code.py", ["six"], type="code", language="python", chunk_metadata=code, modified_ns=400 * DAY_NS)
    add(
        workspace,
        "other.txt",
        ["seven"],
        title="x' OR '1'='1",
        metadata={"version": None},
        modified_ns=400 * DAY_NS - 1,
    )
    with Catalog(workspace.catalog, readonly=True) as opened:
        yield opened


def passing(catalog: Catalog, *conditions: str) -> list[int]:
    return filter_rows(catalog, conditions, np.arange(1, 8)).rows.tolist()  # type: ignore[no-any-return]  # numpy says Any


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("type=markdown", [1, 2, 3]),
        ("type!=markdown", [4, 5, 6, 7]),
        ("type in markdown, pdf", [1, 2, 3, 4, 5]),
        ("name=code.py", [6]),
        ("source=docs", [1, 2, 3, 4, 5, 6, 7]),
        ("language=python", [6]),
        ("title=The Guide", [1, 2]),
        ("title=\"x' OR '1'='1\"", [7]),
        ("title~=*guide", []),
        ("title~=*[Gg]uide", [1, 2]),
        ("title~=The?Gui*", [1, 2]),
        ("path~=*.md", [1, 2, 3]),
        ("path~=deep/**", [3]),
        ("path~=*/api.md", [3]),
        ("path~=**/api.md", [3]),
        ("path~=**/guide.md", [1, 2]),
        ("path~=d*md", []),
        ("path~=[!d]*.md", [1, 2, 3]),
        ("path~=guide.m[d]", [1, 2]),
        ("path~=[", []),
        ("tags=new", [1, 2, 3]),
        ("tags=draft", [1, 2]),
        ("tags!=draft", [3, 4, 5, 6, 7]),
        ("tags~=n*", [1, 2, 3]),
        ("author.name=Ada", [1, 2]),
        ("a.b=dot", [1, 2]),
        ("public=true", [1, 2]),
        ("public=1", []),
        ("version=2", [1, 2, 4, 5]),
        ("version=2.0", [1, 2]),
        ("version>2", [3]),
        ("version>=2", [1, 2, 3, 4, 5]),
        ("version<10", [1, 2, 4, 5]),
        ("version=null", []),
        ("page=2", [5]),
        ("page>=1", [4, 5]),
        ("page!=1", [1, 2, 3, 5, 6, 7]),
        ("symbol=Engine.search", [6]),
        ("symbol~=Engine.*", [6]),
        ("level>2", [6]),
        ("heading=Start", [1, 2]),
        ("heading=Install", [2]),
        ("heading!=Install", [1, 3, 4, 5, 6, 7]),
        ("modified=1970-01-01", [1, 2]),
        ("modified=1970-01", [1, 2, 3]),
        ("modified=1970", [1, 2, 3, 4, 5]),
        ("modified!=1970", [6, 7]),
        ("modified<1970-01-02", [1, 2]),
        ("modified<=1970-01-02", [1, 2, 3]),
        ("modified>1970-01-02", [4, 5, 6, 7]),
        ("modified>=1970-01-02", [3, 4, 5, 6, 7]),
        ("modified>=1971-02-05", [6]),
        ("modified<1971-02-05T00:00:00Z", [1, 2, 3, 4, 5, 7]),
        ("modified<1971-02-05T01:00+01:00", [1, 2, 3, 4, 5, 7]),
        ("modified in 1970-01-01, 1970-01-02", [1, 2, 3]),
    ],
)
def test_which_chunks_pass(condition: str, rows: list[int], catalog: Catalog) -> None:
    assert passing(catalog, condition) == rows


def test_all_conditions_must_hold(catalog: Catalog) -> None:
    assert passing(catalog, "type=markdown", "path~=deep/**") == [3]
    assert passing(catalog, "heading=Install", "type=markdown", "tags=new", "version<3") == [2]
    assert passing(catalog, "page=1", "type=markdown") == []


def test_only_rows_of_the_generation_pass(catalog: Catalog) -> None:
    assert filter_rows(catalog, ["type=markdown"], np.array([2, 3, 99])).rows.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("condition", "hint"), [("typ=x", "type"), ("taggs=new", "tags"), ("pages=1", "page"), ("symbl=x", "symbol")]
)
def test_an_unknown_key_names_the_nearest(condition: str, hint: str, catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="nothing in the index has a key") as caught:
        passing(catalog, condition)
    assert hint in caught.value.hint


def test_an_unlike_unknown_key_lists_the_known_ones(catalog: Catalog) -> None:
    with pytest.raises(UsageError) as caught:
        passing(catalog, "zzzzzz=1")
    for key in ("author", "modified", "tags", "version"):
        assert key in caught.value.hint


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("modified=yesterday", "no date or time"),
        ("modified=2024-13-01", "no date or time"),
        ("modified~=2024*", "is compared with"),
    ],
)
def test_a_wrong_date_is_refused(condition: str, message: str, catalog: Catalog) -> None:
    with pytest.raises(UsageError, match=message):
        passing(catalog, condition)


def test_a_filter_without_results_says_why(catalog: Catalog) -> None:
    def warnings(*conditions: str) -> tuple[str, ...]:
        return filter_rows(catalog, conditions, np.arange(1, 8)).warnings

    assert warnings("type=md") == ("no chunk passes the filter 'type=md'; type is one of code, markdown, pdf, text",)
    assert warnings("type=pdf", "language=python") == ("no chunk passes all filters together",)
    assert warnings("type=pdf") == ()


@pytest.mark.parametrize(
    "condition", ["type='; DROP TABLE chunks; --", 'x"y=1', "$.a=1", "a') OR 1=1 --=1", "type=%", "a\\b=1"]
)
def test_nothing_reaches_the_database_as_sql(condition: str, catalog: Catalog) -> None:
    with suppress(UsageError):
        assert passing(catalog, condition) == []
    assert passing(catalog, "source=docs") == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("key", ["path", "title"])
def test_a_glob_of_many_stars_is_answered_at_once(catalog: Catalog, key: str) -> None:
    started = time.perf_counter()
    assert passing(catalog, f"{key}~={'*[a-z]' * 40}*!") == []
    assert time.perf_counter() - started < 1
