"""Events as they come in."""

import json
from typing import Any

import pytest

from ragcli.abtest.events import click, parse_events, parse_time, parse_values
from ragcli.abtest.store import Event
from ragcli.errors import DataError, UsageError

VARIANTS = ("control", "treatment")
EVENT: dict[str, Any] = {"id": "e1", "user": "u", "time": 5, "metrics": {"clicked": 1, "ms": 2.5}}


def parsed(*records: object) -> list[Event]:
    return list(parse_events([json.dumps(record).encode() for record in records], "events.jsonl", VARIANTS))


def test_a_line_is_an_event() -> None:
    assert parsed(EVENT) == [Event("e1", "u", 5.0, "", {"clicked": 1, "ms": 2.5})]
    [exposure] = parsed({"id": "e", "user": "u", "time": "1970-01-01T00:01:00", "variant": "treatment"})
    assert exposure == Event("e", "u", 60.0, "treatment")
    [clicked] = parsed({"id": "e", "user": "u", "time": 1, "impression": "i", "click": 3})
    assert clicked.detail == {"impression": "i", "click": 3}


def test_empty_lines_are_no_events() -> None:
    assert list(parse_events([b"\n", b"  \n"], "x", VARIANTS)) == []


def test_without_an_id_an_event_is_known_by_what_it_says() -> None:
    bare = {key: value for key, value in EVENT.items() if key != "id"}
    first, again, other = parsed(bare, dict(reversed(bare.items())), bare | {"time": 6})
    assert first.id == again.id != other.id


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"user": ""}, "user is missing"),
        ({"user": 7}, "user is missing"),
        ({"time": "yesterday"}, "time: "),
        ({"time": float("inf")}, "time: "),
        ({"time": True}, "time: "),
        ({"time": 1_769_860_800_000}, "are these milliseconds?"),
        ({"time": 10**400}, "are these milliseconds?"),
        ({"time": -1}, "no number of seconds since 1970"),
        ({"user": "\ud800"}, "is no UTF-8"),
        ({"id": "a\nb"}, "id is no printable text"),
        ({"variant": "other"}, "there is no variant 'other', only control, treatment"),
        ({"variant": ["control"]}, "variant is no text"),
        ({"metrics": {"clicked": "yes"}}, "metric clicked: 'yes' is no finite number"),
        ({"metrics": {"clicked": float("nan")}}, "metric clicked: nan is no finite number"),
        ({"metrics": {"ms": 10**400}}, "metric ms: 1000"),
        ({"metrics": {"clicked": None}}, "metric clicked: None is no finite number"),
        ({"metrics": {"a b": 1}}, "is no name of a metric"),
        ({"metrics": {"a\ud800": 1}}, "is no name of a metric"),
        ({"impression": "\ud800", "click": 1}, "a click names its impression"),
        ({"metrics": [1]}, "metrics is no object"),
        ({"metrics": {}}, "what happened?"),
        ({"id": 5}, "id is no printable text"),
        ({"usr": "u"}, "unknown key 'usr'"),
        ({"click": 1}, "a click names its impression"),
        ({"impression": "i", "click": 0}, "a click names its impression"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(change: dict[str, Any], wrong: str) -> None:
    lines = [json.dumps(record).encode() for record in (EVENT, EVENT | change)]
    read = parse_events(lines, "events.jsonl", VARIANTS)
    assert next(read).id == "e1"
    with pytest.raises(DataError) as error:
        next(read)
    assert str(error.value).startswith("events.jsonl:2: ")
    assert wrong in str(error.value)
    assert "the lines before it are recorded" in str(error.value)


@pytest.mark.parametrize("line", [b"[1]", b"{", b"\xff\xfe", b"[" * 100_000, b'"' + b"x" * 2_000_000 + b'"'])
def test_hostile_lines_are_no_events(line: bytes) -> None:
    with pytest.raises(DataError, match=r"x:1: "):
        list(parse_events([line], "x", VARIANTS))


def test_a_missing_time_is_asked_for() -> None:
    with pytest.raises(DataError, match="when did it happen"):
        parsed({key: value for key, value in EVENT.items() if key != "time"})


def test_values_of_flags() -> None:
    assert parse_values(["clicked=1", "ms=2.5e1"]) == {"clicked": 1.0, "ms": 25.0}
    for wrong in ("clicked", "clicked=", "=1", "clicked=yes", "clicked=nan", "a b=1"):
        with pytest.raises(UsageError, match="is no value"):
            parse_values([wrong])


def test_times_are_utc_unless_they_say_otherwise() -> None:
    assert parse_time("2026-01-31T12:00:00Z") == parse_time("2026-01-31T12:00:00") == 1769860800.0
    assert parse_time("2026-01-31T13:00:00+01:00") == 1769860800.0


def test_a_click_needs_both() -> None:
    assert click("i", 2) == {"impression": "i", "click": 2}
    for impression, rank in ((None, 1), ("i", None), ("i", True), ("i", "1")):
        with pytest.raises(ValueError, match="names its impression"):
            click(impression, rank)
