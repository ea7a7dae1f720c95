"""``ragcli init``: a first configuration that works as it is."""

from pathlib import Path
from typing import Any

import pytest

from ragcli.config.load import load_config
from ragcli.config.settings import Config

Ragcli = Any


def test_the_starter_is_valid_and_says_what_the_defaults_are(ragcli: Ragcli, work: Path) -> None:
    ran = ragcli("init")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == "wrote ragcli.yaml, which reads the documents in docs"
    config = load_config(work / "ragcli.yaml", environment={}).config
    (source,) = config.ingest.sources
    assert source.path == work / "docs"
    defaults = Config()
    assert (config.index, config.query, config.models) == (defaults.index, defaults.query, defaults.models)
    assert ragcli("config", "validate", "ragcli.yaml").status == 0


def test_what_it_says_is_next_works(ragcli: Ragcli, work: Path) -> None:
    ran = ragcli("init")
    *steps, question = ran.out.splitlines()[1].removeprefix("next: ").split(" && ")
    assert steps == ["ragcli sync"]
    assert question == 'ragcli query "..."'
    assert ragcli("sync").status == 0
    assert "keys.txt" in ragcli("query", "signing keys").out


def test_every_commented_line_is_valid_too(ragcli: Ragcli, work: Path) -> None:
    ragcli("init")
    text = (work / "ragcli.yaml").read_text()
    lines = [line.replace("# ", "", 1) if ": " in line.partition("# ")[2] and line.lstrip().startswith("#")
             and not line.startswith("# ragcli") and not line.startswith("# Relative") else line
             for line in text.splitlines()]  # fmt: skip
    (work / "all.yaml").write_text("\n".join(lines).replace("# evaluate:", "evaluate:"))
    config = load_config(work / "all.yaml", environment={}).config
    assert config.ingest.sources[0].include == ("**/*.md", "**/*.pdf")
    assert config.ingest.sources[0].metadata == {"team": "platform"}
    assert config.evaluate.dataset == work / "eval" / "questions.jsonl"


@pytest.mark.parametrize("docs", [True, False])
def test_a_folder_can_be_given(ragcli: Ragcli, work: Path, docs: bool) -> None:
    (work / "project" / ("docs" if docs else "notes")).mkdir(parents=True)
    result = ragcli("init", "project", "--format", "json").result
    assert result == {"file": "project/ragcli.yaml", "source": "docs" if docs else "."}
    assert "cd project && ragcli sync" in ragcli("init", "docs").out.replace("docs", "project")


def test_the_configuration_is_no_document(ragcli: Ragcli, work: Path) -> None:
    (work / "docs" / "notes.txt").write_text("A page.\n")
    ragcli("init", "docs")
    ran = ragcli("ingest", "-c", "docs/ragcli.yaml", "-w", "w", "--format", "json")
    assert "ragcli.yaml" not in [change["path"] for change in ran.result["added"]]


def test_nothing_is_overwritten(ragcli: Ragcli, work: Path) -> None:
    (work / "ragcli.yaml").write_text("query: {top_k: 3}\n")
    ran = ragcli("init")
    assert (ran.status, ran.out) == (2, "")
    assert "exists already and stays as it is" in ran.err
    assert (work / "ragcli.yaml").read_text() == "query: {top_k: 3}\n"


def test_a_folder_must_exist(ragcli: Ragcli, work: Path) -> None:
    ran = ragcli("init", "nowhere")
    assert (ran.status, ran.out) == (4, "")
    assert "try: mkdir -p nowhere" in ran.err
