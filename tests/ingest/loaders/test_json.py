import json

import pytest
from tests.ingest.loaders.conftest import languages, load, load_all, outline

from ragcli.errors import DataError

BEIR = (
    '{"_id": "d1", "title": "Vaults", "text": "They lock.", "metadata": {"year": 2020, "tags": ["x"]}}\n'
    "\n"
    '{"_id": 7, "title": "", "text": "Two\\nlines.", "metadata": {}}\r\n'
    '{"_id": "d3", "title": "Only a title", "text": ""}\n'
    '{"_id": "d4", "title": "", "text": " "}'
)


def test_beir_as_it_is() -> None:
    first, second, third = load_all("json", BEIR, "corpus.jsonl")
    assert (first.record, first.name, first.title, first.text) == ("d1", "d1", "Vaults", "Vaults\nThey lock.")
    assert outline(first) == [("heading1", "Vaults"), ("paragraph", "They lock.")]
    assert first.blocks[0].title == "Vaults"
    assert first.metadata == {"year": 2020}
    assert (second.record, second.text, second.title) == ("7", "Two\nlines.", "")
    assert (third.name, third.text) == ("d3", "Only a title")


def test_titles_can_stay_out_of_the_text() -> None:
    first, *_ = load_all("json", BEIR, "corpus.jsonl", json={"title_in_text": False})
    assert (first.title, first.text, outline(first)) == ("Vaults", "They lock.", [("paragraph", "They lock.")])


def test_fields_are_chosen() -> None:
    record = {
        "key": {"n": 5},
        "head": "H",
        "summary": "S",
        "parts": ["p1", "p2"],
        "list": [{"t": "first"}],
        "a.b": 1,
        "skip": True,
    }
    options = {
        "text": ["none", "summary", "parts", "list.0.t"],
        "id": ["key.n"],
        "title": ["head"],
        "metadata": ["a.b", "skip", "missing"],
    }
    (parsed,) = load_all("json", json.dumps([record]), "x.json", json=options)
    assert (parsed.record, parsed.title, parsed.text) == ("5", "H", "H\nS")
    assert parsed.metadata == {"a.b": 1, "skip": True}
    (parsed,) = load_all("json", json.dumps([record]), "x.json", json={**options, "join_text": True})
    assert parsed.text == "H\nS\n\np1\n\np2\n\nfirst"


def test_records_without_an_id_are_named_by_their_line_or_place() -> None:
    lines = load_all("json", '\n{"text": "a"}\n{"text": "b"}\n', "x.jsonl")
    assert [(one.record, one.name) for one in lines] == [("2", ""), ("3", "")]
    listed = load_all("json", '[{"text": "a"}, {"x": 1}, {"text": "b"}]', "x.json")
    assert [(one.record, one.text) for one in listed] == [("1", "a"), ("3", "b")]


def test_one_object_with_text_is_one_document() -> None:
    parsed = load("json", '{"id": "a", "title": "T", "body": "B", "n": 1.5, "deep": {"x": 1}}', "one.json")
    assert (parsed.record, parsed.text, parsed.metadata) == ("a", "T\nB", {"n": 1.5})


def test_lines_are_recognised_whatever_the_suffix() -> None:
    assert len(load_all("json", '{"text": "a"}\n{"text": "b"}\n', "x.json")) == 2


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{"a":1,"b":["\u00e9"]}', '{\n  "a": 1,\n  "b": [\n    "\u00e9"\n  ]\n}'),
        ('{\n"a" : 1}\n', '{\n"a" : 1}'),
        ("[1, 2]", "[\n  1,\n  2\n]"),
        ('"text"', '"text"'),
        ("0", "0"),
        ("false", "false"),
    ],
)
def test_any_other_json_is_code(source: str, text: str) -> None:
    parsed = load("json", source, "conf/settings.json")
    assert outline(parsed) == [("code", text)]
    assert (languages(parsed), parsed.title) == (["json"], "settings")


@pytest.mark.parametrize("source", ["", " \n", "{}", "[]", "null", '""'])
def test_json_without_content_gives_nothing(source: str) -> None:
    assert load_all("json", source, "x.json") == []


@pytest.mark.parametrize(
    ("source", "path", "reason"),
    [
        ('{"text": "a"}\n{"text": ', "x.jsonl", r"line 2: not JSON: Expecting value at column 9"),
        ('{"text": "a"}\n[1]\n', "x.jsonl", "line 2: a record must be a JSON object, not a list"),
        ('[{"text": "a"}, 3]', "x.json", "record 2: a record must be a JSON object, not a number"),
        ('{"id": 1, "text": "a"}\n{"id": 1, "text": "b"}', "x.jsonl", "line 2: the id '1' is used a second time"),
        ('{"q": "a"}\n{"q": "b"}', "x.jsonl", "none of 2 records has text in 'text', 'content', 'body'; they have 'q'"),
        ('{"a": 1,\n"b": }', "x.json", "line 2: not JSON: Expecting value at column 6"),
        ("[" * 100_000, "x.json", "JSON nested too deeply"),
        ('{"text": "a"}\n' + '{"a":' * 100_000, "x.jsonl", "line 2: JSON nested too deeply"),
        ('{"n": ' + "9" * 5000 + "}", "x.json", "not JSON: Exceeds the limit"),
    ],
)
def test_damaged_files_say_where(source: str, path: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        load_all("json", source, path)


def test_lines_must_be_utf8() -> None:
    with pytest.raises(DataError, match="line 2: not UTF-8 at byte 10 of the line"):
        load_all("json", b'{"text": "a"}\n{"text": "\xe9"}\n', "x.jsonl")
    assert load("json", '{"text": "\u00e9"}'.encode("cp1252"), "x.json").text == "\u00e9"
    assert load("json", '{"text": "\u00e9"}'.encode("utf-16"), "x.jsonl").text == "\u00e9"


def test_lone_surrogates_and_foreign_numbers_do_not_survive() -> None:
    parsed = load("json", '{"text": "a\\ud800b", "id": "\\udfff", "k\\ud800": "\\ud83d\\ude00", "n": NaN}', "x.json")
    assert (parsed.text, parsed.record) == ("a\ufffdb", "\ufffd")
    assert parsed.metadata == {"k\ufffd": "\U0001f600", "n": None}
