"""The pipelines of this repository and those it offers: they are YAML, and run commands that there are."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from ragcli.cli.app import app_for

ROOT = Path(__file__).parents[2]
OURS = ROOT / ".github" / "workflows" / "ci.yml"
OFFERED = sorted((ROOT / "configs" / "ci").glob("*.yml"))


def scripts(node: Any, key: str = "") -> Iterator[str]:
    """Every shell script in a pipeline: GitHub's ``run``, GitLab's ``script`` and ``before_script``."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from scripts(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from scripts(value, key)
    elif key in {"run", "script", "before_script"}:
        yield str(node)


def commands(file: Path) -> list[str]:
    lines = [line.strip() for text in scripts(yaml.safe_load(file.read_text())) for line in text.splitlines()]
    return [line for line in lines if line.startswith("ragcli ")]


def parse(words: list[str]) -> None:
    """Let the real command line read words without running anything."""
    command: Any = typer.main.get_command(app_for())
    name, *rest = words
    while rest and rest[0] in getattr(command, "commands", {}):
        name, *rest = rest
        command = command.commands[name]
    context = command.make_context(name, rest)
    unread = [*context.args, *getattr(context, "_protected_args", [])]
    assert not unread, f"unread words: {unread}"


@pytest.mark.parametrize("file", [OURS, *OFFERED], ids=lambda file: file.name)
def test_every_command_is_one_that_the_command_line_knows(file: Path) -> None:
    found = commands(file)
    assert any(line.startswith("ragcli sync") for line in found)
    assert any(line.startswith("ragcli eval") and "--baseline" in line for line in found)
    for line in found:
        parse(shlex.split(line))


def test_a_wrong_option_would_be_noticed() -> None:
    with pytest.raises(Exception, match="--no-such-option"):
        parse(["ragcli", "sync", "--no-such-option"])


def test_both_services_are_offered() -> None:
    assert [file.name for file in OFFERED] == ["github-actions.yml", "gitlab-ci.yml"]


@pytest.mark.parametrize("file", OFFERED, ids=lambda file: file.name)
def test_an_offered_pipeline_gates_on_main_and_publishes(file: Path) -> None:
    text = file.read_text()
    (gate,) = [line for line in commands(file) if "--baseline" in line]
    words = shlex.split(gate)
    assert words[words.index("--baseline") + 1] == "@branch:main"
    assert {"--min", "--must-pass"} <= set(words)
    assert [words[place + 1] for place, word in enumerate(words) if word == "-o"] == ["report.md", "junit.xml"]
    assert "pip install 'ragcli[" in text
    assert ".ragcli" in text  # the cached workspace
    assert "junit.xml" in text.replace(gate, "")


def test_our_own_workflow_runs_make_test_and_gates_the_sample_corpus() -> None:
    workflow = yaml.safe_load(OURS.read_text())
    runs = {name: list(scripts(job)) for name, job in workflow["jobs"].items()}
    assert any(re.match(r"make test\b", text) for text in runs["test"])
    assert any("chromium" in text for text in runs["test"])
    assert workflow["jobs"]["gate"]["defaults"]["run"]["working-directory"] == "sample_corpus"
    assert runs["gate"][1:3] == [
        "ragcli sync --strict",
        "ragcli eval --baseline baseline.json --min nDCG@10=0.7 --must-pass -o report.md -o junit.xml",
    ]
