"""A configuration is resolved once per inputs, and never wrongly remembered."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ragcli.config.load import load_config, resolve_config
from ragcli.config.memory import MAX_ENTRIES
from ragcli.errors import ConfigError

Load = Any


def _entries() -> list[Path]:
    return sorted(Path("~/.cache/ragcli/config").expanduser().glob("*"))


def test_the_same_inputs_are_remembered_and_give_the_same(load: Load) -> None:
    first = load("query: {top_k: 3}\nindex: {embedder: {kind: hashing}}\n")
    assert len(_entries()) == 1
    assert load() == first
    assert len(_entries()) == 1


def test_what_is_remembered_is_used(load: Load) -> None:
    load("query: {top_k: 3}\n")
    (entry,) = _entries()
    entry.write_text(entry.read_text().replace('"top_k": 3', '"top_k": 4'))
    assert load().config.query.top_k == 4


@pytest.mark.parametrize(
    ("text", "overrides", "environment", "flags"),
    [
        ("query: {top_k: 4}\n", [], {}, {}),
        (None, ["query.top_k=4"], {}, {}),
        (None, [], {"RAGCLI_QUERY__TOP_K": "4"}, {}),
        (None, [], {}, {"query.top_k": 4}),
    ],
)
def test_any_other_input_is_resolved_anew(
    load: Load, text: str | None, overrides: list[str], environment: dict[str, str], flags: dict[str, object]
) -> None:
    load("query: {top_k: 3}\n")
    assert load(text, *overrides, environment=environment, flags=flags).config.query.top_k == 4


def test_the_working_directory_counts(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "ragcli.yaml").write_text("query: {}\n")
    (work / "sub").mkdir()
    override = ["evaluate.dataset=judged"]
    assert load_config(overrides=override, environment={}).config.evaluate.dataset == work / "judged"
    monkeypatch.chdir(work / "sub")
    assert load_config(overrides=override, environment={}).config.evaluate.dataset == work / "sub" / "judged"


def test_the_code_counts(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    load("query: {top_k: 3}\n")
    monkeypatch.setattr("ragcli.config.memory._code", lambda: ["another version"])
    load()
    assert len(_entries()) == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"values": {}}', "null"])
def test_a_damaged_entry_is_no_error(load: Load, damage: str) -> None:
    load("query: {top_k: 3}\n")
    (entry,) = _entries()
    entry.write_text(damage)
    assert load().config.query.top_k == 3


def test_errors_are_not_remembered(load: Load) -> None:
    for _ in range(2):
        with pytest.raises(ConfigError, match="must be >= 1"):
            load("query: {top_k: 0}\n")
    assert _entries() == []


def test_a_home_that_cannot_be_written_is_no_error(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    assert load("query: {top_k: 3}\n").config.query.top_k == 3


def test_the_oldest_are_forgotten(load: Load) -> None:
    load("query: {top_k: 3}\n")
    (first,) = _entries()
    os.utime(first, (1, 1))
    for number in range(MAX_ENTRIES):
        (first.parent / f"{number}.json").write_text("{}")
    load("query: {top_k: 4}\n")
    assert len(_entries()) == MAX_ENTRIES // 2
    assert not first.exists()


def test_printing_a_remembered_configuration_imports_no_settings(work: Path) -> None:
    (work / "ragcli.yaml").write_text("query: {top_k: 3}\n")
    code = (
        "import sys; from ragcli.config.load import resolve_config; from ragcli.config.origins import entries\n"
        "found = resolve_config(); rows = entries(found.values, found.origins)\n"
        "top_k = [row.value for row in rows if row.key == 'query.top_k']\n"
        "print(top_k, *(m in sys.modules for m in ['pydantic', 'yaml']))"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert [run.stdout for run in runs] == ["[3] True True\n", "[3] False False\n"]


def test_resolving_and_loading_agree(load: Load) -> None:
    loaded = load("query: {top_k: 3}\n")
    resolved = resolve_config(environment={})
    assert resolved.origins == loaded.origins
    assert isinstance(resolved.values["query"], dict)
    assert resolved.values["query"]["top_k"] == loaded.config.query.top_k
