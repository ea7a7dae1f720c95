"""README's walk from two YAML files to a decision works as it is told, on the files of the sample corpus."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "sample_corpus"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A copy to work in."""
    ignored = shutil.ignore_patterns(".ragcli", "docs", "sources")
    return shutil.copytree(CORPUS, tmp_path / "corpus", ignore=ignored)


def walk(verb: str) -> list[list[str]]:
    """README's calls of one verb of ``ragcli abtest``, as words."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    calls = re.findall(rf"^\$ ragcli (abtest {verb} .*)$", text, re.MULTILINE)
    return [shlex.split(call, comments=True) for call in calls]


def ragcli(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ragcli", *words], cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip


def test_the_clicks_are_those_that_their_script_makes(corpus: Path) -> None:
    made = (corpus / "clicks.jsonl").read_bytes()
    (corpus / "clicks.jsonl").unlink()
    subprocess.run([sys.executable, "make_clicks.py"], cwd=corpus, check=True)
    assert (corpus / "clicks.jsonl").read_bytes() == made


def test_online_the_walk_ends_with_shipping(corpus: Path) -> None:
    [created] = walk("create")
    ran = ragcli(corpus, *created)
    assert ran.returncode == 0, ran.stderr
    [assigned] = walk("assign")
    assert ragcli(corpus, *assigned).stdout.strip() in {"control", "treatment"}
    for words in walk("record"):
        ran = ragcli(corpus, *words)
        assert ran.returncode == 0, ran.stderr
    [analysed] = walk("analyze")
    ran = ragcli(corpus, *analysed)
    assert ran.returncode == 0, ran.stderr
    sentence = ran.stdout.splitlines()[-1]
    assert sentence.startswith("ship treatment: clicked:mean is better: +0.17")
    assert "latency_ms:p95 is not worse by 100 or more" in sentence
    assert "<svg" in (corpus / "search.html").read_text(encoding="utf-8")


def test_the_events_are_what_the_formats_say(corpus: Path) -> None:
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    example = next(line for line in text.splitlines() if line.startswith('{"id": "e1"'))
    assert json.loads(example)["metrics"]
    (corpus / "one.jsonl").write_text(example + "\n", encoding="utf-8")
    ragcli(corpus, *walk("create")[0])
    ran = ragcli(corpus, "abtest", "record", "search", "--file", "one.jsonl")
    assert (ran.returncode, ran.stdout) == (0, "recorded: 1 event\n")


@pytest.mark.model
def test_offline_hybrid_search_is_better(tmp_path: Path) -> None:
    corpus = shutil.copytree(CORPUS, tmp_path / "corpus", ignore=shutil.ignore_patterns(".ragcli"))
    assert ragcli(corpus, "sync").returncode == 0
    [compared] = walk("compare")
    ran = ragcli(corpus, *compared)
    assert ran.returncode == 0, ran.stderr
    told = next(line for line in ran.stdout.splitlines() if line.startswith("treatment better: "))
    assert told.startswith("treatment better: hybrid.yaml is better than words.yaml by nDCG@10 0.72")
