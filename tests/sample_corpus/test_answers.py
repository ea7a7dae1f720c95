"""Answers to the questions of the sample corpus: floors well below what was measured, so that a loss is seen."""

import json
import shutil
from pathlib import Path

import pytest

from ragcli.cli import main

CORPUS = Path(__file__).parents[2] / "sample_corpus"


def test_extractive_answers_by_words_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "sample"
    shutil.copytree(CORPUS, root, ignore=shutil.ignore_patterns(".ragcli"))
    monkeypatch.chdir(root)
    monkeypatch.setenv("RAGCLI_INDEX__EMBEDDER__KIND", "none")
    monkeypatch.setenv("RAGCLI_QUERY__PACK__ENCODING", "words")
    metrics = [word for name in ("F1", "ROUGE-L", "citation_recall") for word in ("--metric", name)]
    for words in (["sync"], ["eval", "answers", "--live", "--format", "json", *metrics]):
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 0
    result = json.loads(capsys.readouterr().out)["result"]
    means = {row["metric"]: row["mean"] for row in result["metrics"]}
    totals = result["result"]["totals"]
    assert totals["unanswerable"] == 9
    assert totals["refusal_recall"] >= 0.5
    assert totals["refusal_precision"] >= 0.35
    assert means["F1"] >= 0.16
    assert means["ROUGE-L"] >= 0.16
    assert means["citation_recall"] >= 0.22
