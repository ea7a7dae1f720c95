"""``ragcli config``: what is in force and why, whether a file is right, and the schema for editors."""

import json
from pathlib import Path
from typing import Any

import pytest

from ragcli.config.load import load_config

Ragcli = Any


def origins(text: str) -> dict[str, tuple[str, str]]:
    """Key to value and origin of the table."""
    rows = (line.split(maxsplit=1) for line in text.splitlines())
    return {key: tuple(part.strip() for part in rest.rsplit("  ", 1)) for key, rest in rows}  # type: ignore[misc]  # two parts each


def test_show_names_the_layer_of_every_value(ragcli: Ragcli, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "ragcli.yaml").write_text("query:\n  top_k: 3\n  candidates: 7\n")
    monkeypatch.setenv("RAGCLI_QUERY__CANDIDATES", "8")
    ran = ragcli("config", "show", "--set", "query.group_by=document", "-w", "w")
    assert (ran.status, ran.err) == (0, "")
    shown = origins(ran.out)
    assert shown["query.top_k"] == ("3", "file ragcli.yaml:2")
    assert shown["query.candidates"] == ("8", "environment RAGCLI_QUERY__CANDIDATES")
    assert shown["query.group_by"] == ("document", "set")
    assert shown["workspace.path"] == (str(work / "w"), "flag")
    assert shown["query.strategy"] == ("hybrid", "default")
    assert shown["index.embedder.kind"] == ("hashing", "environment RAGCLI_INDEX__EMBEDDER__KIND")
    assert "index.embedder.model" not in shown
    assert not [line for line in ran.out.splitlines() if line != line.rstrip()]


def test_show_as_json(ragcli: Ragcli, work: Path) -> None:
    (work / "ragcli.yaml").write_text("query:\n  top_k: 3\n")
    result = ragcli("config", "show", "--format", "json").result
    assert (result["file"], result["base"]) == (str(work / "ragcli.yaml"), str(work))
    rows = {row["key"]: (row["value"], row["origin"]) for row in result["settings"]}
    assert rows["query.top_k"] == (3, "file ragcli.yaml:2")
    assert rows["query.require_fresh"] == (True, "default")


def test_show_as_yaml_is_a_file_that_gives_the_same(
    ragcli: Ragcli, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "ragcli.yaml").write_text("query: {top_k: 3}\ningest: {sources: [{path: docs, metadata: {team: a}}]}\n")
    monkeypatch.delenv("RAGCLI_MODELS__CACHE", raising=False)
    text = ragcli("config", "show", "--format", "yaml").out
    before = load_config().config
    (work / "ragcli.yaml").write_text(text)
    assert load_config(environment={}).config == before


def test_validate_a_right_file(ragcli: Ragcli, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "mine.yaml").write_text("query:\n  top_k: 3\n  group_by: document\n")
    assert ragcli("config", "validate", "mine.yaml").out == "mine.yaml: valid, 2 settings\n"
    ran = ragcli("config", "validate", "mine.yaml", "--format", "json")
    assert ran.result == {"file": str(work / "mine.yaml"), "settings": 2}


def test_validate_lists_every_problem_with_its_line(ragcli: Ragcli, work: Path) -> None:
    (work / "mine.yaml").write_text("query:\n  topk: 3\n  candidates: 0\n")
    ran = ragcli("config", "validate", "mine.yaml")
    assert (ran.status, ran.out) == (3, "")
    assert ran.err.splitlines()[:2] == [
        "error: mine.yaml:2: query.topk: unknown key, did you mean 'top_k'?",
        "mine.yaml:3: query.candidates: 0 is not in range: must be >= 1",
    ]
    ran = ragcli("config", "validate", "mine.yaml", "--format", "json")
    assert (ran.status, ran.envelope["error"]["code"]) == (3, "config")


def test_validate_is_about_the_file_alone(ragcli: Ragcli, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "mine.yaml").write_text("query:\n  top_k: 0\n")
    monkeypatch.setenv("RAGCLI_QUERY__TOP_K", "5")  # would repair it
    assert ragcli("config", "validate", "mine.yaml").status == 3
    assert ragcli("config", "show", "-c", "mine.yaml").status == 0


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["validate"], 2, "FILE is missing"),
        (["validate", "none.yaml"], 3, "none.yaml: no such configuration file"),
        (["show", "--set", "query.topk=3"], 3, "did you mean 'top_k'?"),
        (["show", "-c", "none.yaml"], 3, "none.yaml: no such configuration file"),
        (["show", "--format", "yml"], 2, "--format: 'yml' is not one of table, json, yaml; did you mean 'yaml'?"),
        (["showw"], 2, "there is no command 'showw'; did you mean 'show'?"),
    ],
)
def test_failures(ragcli: Ragcli, words: list[str], status: int, message: str) -> None:
    ran = ragcli("config", *words)
    assert (ran.status, ran.out) == (status, "")
    assert message in ran.err


def test_the_schema_knows_every_key_and_what_it_is_for(ragcli: Ragcli) -> None:
    schema = json.loads(ragcli("config", "schema").out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(schema["properties"]) == ["workspace", "models", "ingest", "index", "query", "evaluate"]
    query = schema["$defs"]["QueryConfig"]
    assert query["additionalProperties"] is False
    assert query["properties"]["top_k"] == {
        "default": 10, "description": "How many results.", "maximum": 10_000, "minimum": 1, "type": "integer"
    }  # fmt: skip
    assert query["properties"]["fusion"]["discriminator"]["propertyName"] == "kind"


def test_a_long_value_does_not_push_the_origins_of_others(ragcli: Ragcli) -> None:
    lines = ragcli("config", "show").out.splitlines()
    assert max(len(line) for line in lines) > 120
    assert {len(line) < 100 for line in lines if line.startswith("query.")} == {True}
    assert {line.split()[-1] for line in lines if line.startswith("query.top_k")} == {"default"}
