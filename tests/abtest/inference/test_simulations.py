"""The statistics keep their promises: a short form of ``benchmarks/abtest_statistics.py``."""

import runpy
from pathlib import Path

import pytest

BENCHMARK = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "abtest_statistics.py"))
Setting = BENCHMARK["Setting"]
REPEATS = 400
SLACK = 0.033
"""Three standard errors of a share of 95 % of so many repeats."""


@pytest.mark.parametrize("kind", ["normal", "log-normal", "hits of 5 %"])
def test_intervals_of_means_hold_the_truth(kind: str) -> None:
    difference, relative, _ = BENCHMARK["coverage"](BENCHMARK["mean_outcomes"](kind, Setting(400, 300, 0.2), REPEATS))
    assert (difference, relative) == pytest.approx((0.95, 0.95), abs=SLACK)


def test_intervals_of_ratios_hold_the_truth_and_those_of_events_do_not() -> None:
    setting = Setting(400, 300, 0.2)
    difference, relative, _ = BENCHMARK["coverage"](BENCHMARK["ratio_outcomes"](setting, REPEATS))
    assert (difference, relative) == pytest.approx((0.95, 0.95), abs=SLACK)
    assert BENCHMARK["coverage"](BENCHMARK["naive_outcomes"](setting, REPEATS))[0] < 0.8


def test_intervals_after_cuped_hold_the_truth() -> None:
    difference, relative, _ = BENCHMARK["coverage"](BENCHMARK["cuped_outcomes"](Setting(400, 300, 0.2), REPEATS))
    assert (difference, relative) == pytest.approx((0.95, 0.95), abs=SLACK)


@pytest.mark.parametrize("kind", ["log-normal", "hits of 5 %"])
def test_intervals_of_ranks_hold_the_truth(kind: str) -> None:
    held, _ = BENCHMARK["rank_coverage"](kind, Setting(400, 300, 0.2), REPEATS)
    assert held == pytest.approx(0.95, abs=SLACK)


@pytest.mark.parametrize("probability", [0.5, 0.95])
def test_intervals_of_quantiles_hold_the_truth(probability: float) -> None:
    outcomes = BENCHMARK["quantile_outcomes"](probability, Setting(150, 150, 0.2), 60)
    difference, relative, _ = BENCHMARK["coverage"](outcomes)
    assert min(difference, relative) >= 0.87


@pytest.mark.parametrize("kind", ["normal", "log-normal", "hits of 5 %"])
def test_peeking_after_every_100_users(kind: str) -> None:
    found = BENCHMARK["peeking"](kind, 5_000, 100, REPEATS)
    assert found.fixed == pytest.approx(0.05, abs=SLACK)
    assert found.peeking > 0.2
    assert found.sequential <= 0.03


@pytest.mark.parametrize("kind", ["normal", "log-normal", "hits of 1 %", "log-normal, of 5 % of the users"])
def test_the_confidence_sequence_holds_at_all_looks_also_of_a_small_treatment(kind: str) -> None:
    everywhere, _ = BENCHMARK["sequence_coverage"](kind, Setting(4_500, 500), 300)
    assert everywhere >= 0.94


def test_power_is_what_experiments_of_that_size_have() -> None:
    for plan in BENCHMARK["plans"]():
        if plan.users < 1_000:
            assert plan.called(REPEATS) == pytest.approx(plan.promised, abs=0.075)
