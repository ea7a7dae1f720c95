"""The baseline gate on simulated systems, a short form of ``benchmarks/eval_gate.py``."""

import runpy
from pathlib import Path

import pytest

from ragcli.evaluate.comparison import Verdict

BENCHMARK = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "eval_gate.py"))


SYSTEMS = {systems.name: systems for systems in BENCHMARK["SYSTEMS"]}


@pytest.mark.parametrize("name", SYSTEMS)
def test_systems_alike_raise_no_alarm(name: str) -> None:
    assert BENCHMARK["verdicts"](SYSTEMS[name], 300, 0.0, 60)[Verdict.REGRESSION] <= 3


@pytest.mark.parametrize("name", ["settings of BM25", "a fusion weight"])
def test_a_planted_drop_is_found(name: str) -> None:
    found = BENCHMARK["verdicts"](SYSTEMS[name], 300, 0.03, 60)
    assert found[Verdict.REGRESSION] >= 48
    assert found[Verdict.PASS] == 0


def test_what_these_queries_cannot_show_is_not_called_a_pass() -> None:
    found = BENCHMARK["verdicts"](SYSTEMS["another model"], 300, 0.03, 60)
    assert found[Verdict.PASS] <= 1
    assert found[Verdict.INCONCLUSIVE] > 20


def test_planted_drops_are_what_they_say() -> None:
    systems = SYSTEMS["settings of BM25"]
    found = [difference for _, (_, difference) in BENCHMARK["outcomes"](systems, 300, 0.03, 60, "t")]
    assert sum(found) / 60 == pytest.approx(-0.03, abs=0.003)
