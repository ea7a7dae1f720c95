"""From differences to a verdict, at the edges of every rule."""

import math
from dataclasses import replace

import pytest

from ragcli.abtest.compare.verdict import Judged, Verdict, in_all, judge, sentence
from ragcli.evaluate.comparison import Comparison
from ragcli.evaluate.comparison import Verdict as Kept
from ragcli.evaluate.statistics import Counts, Interval

T, C, E, I = Verdict.TREATMENT, Verdict.CONTROL, Verdict.EQUIVALENT, Verdict.INCONCLUSIVE  # noqa: E741 - a table below


def comparison(metric: str = "nDCG@10", difference: float = 0.1, p: float = 0.01) -> Comparison:
    return Comparison(
        metric=metric, baseline=0.5, candidate=0.5 + difference, difference=difference,
        interval=Interval(difference - 0.03, difference + 0.03), p=p, adjusted_p=p, effect=0.4,
        counts=Counts(12, 3, 5), deviation=0.2, detectable=0.0321, margin=0.02, queries=20, failed=0, unscored=0,
        verdict=Kept.PASS if difference > 0.01 else Kept.INCONCLUSIVE,
    )  # fmt: skip


def judged(verdict: Verdict, metric: str = "nDCG@10", *, keeps: bool = False, decides: bool = True) -> Judged:
    difference = {T: 0.1, C: -0.1, E: 0.001, I: 0.005}[verdict]
    if metric.endswith("_ms"):
        difference = -difference
    found = comparison(metric, difference)
    return Judged(replace(found, verdict=Kept.PASS if keeps else Kept.INCONCLUSIVE), 0.2, verdict, decides)


@pytest.mark.parametrize(
    ("metric", "difference", "p", "equivalence", "expected"),
    [
        ("nDCG@10", +0.1, 0.049, 1.0, T),
        ("nDCG@10", +0.1, 0.05, 1.0, I),
        ("nDCG@10", -0.1, 0.049, 1.0, C),
        ("latency_ms", -0.1, 0.001, 1.0, T),
        ("latency_ms", +0.1, 0.001, 1.0, C),
        ("nDCG@10", -0.01, 0.001, 0.049, E),  # significant, and shown not to matter
        ("nDCG@10", +0.01, 0.001, 0.049, E),
        ("nDCG@10", -0.01, 0.001, 0.05, C),
        ("nDCG@10", 0.0, 1.0, 0.0, E),
        ("nDCG@10", 0.5, math.nan, math.nan, I),  # a single question
    ],
)
def test_a_metric(metric: str, difference: float, p: float, equivalence: float, expected: Verdict) -> None:
    assert judge(comparison(metric, difference, p), equivalence, 0.05) is expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([T], T), ([C], C), ([E], E), ([I], I),
        ([T, E], T), ([C, E], C), ([E, E], E), ([E, I], I),
        ([T, I], I), ([C, I], C), ([T, C], I), ([T, C, E], I),
    ],
)  # fmt: skip
def test_all_metrics(verdicts: list[Verdict], expected: Verdict) -> None:
    assert in_all([judged(verdict) for verdict in verdicts]) is expected


def test_a_metric_that_excludes_a_loss_does_not_stand_in_the_way() -> None:
    assert in_all([judged(T), judged(I, keeps=True)]) is T
    assert in_all([judged(E), judged(I, keeps=True)]) is I  # nothing says that it is better


def test_what_does_not_decide_is_told_and_no_more() -> None:
    beside = judged(C, "latency_ms", decides=False)
    found = [judged(T), beside]
    assert in_all(found) is T
    assert in_all([judged(T), replace(beside, decides=True)]) is I
    assert sentence(T, found, "a.yaml", "b.yaml", 4) == (
        "b.yaml is better than a.yaml by nDCG@10 0.5000 -> 0.6000 (+0.1000, 95 % interval +0.0700 to +0.1300, p 0.010);"
        " latency_ms is 20% higher (control better, does not decide)"
    )


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([C, E], "b is worse than a by nDCG@10 0.5000 -> 0.4000 (-0.1000, 95 % interval -0.1300 to -0.0700, p 0.010)"),
        ([E, E], "b is as good as a by nDCG@10 (within 0.02), nDCG@10 (within 0.02)"),
        (
            [E, I],
            "b cannot be told from a by these questions: nDCG@10 +0.0050, 95 % interval -0.0250 to +0.0350,"
            " p 0.010 after Holm over 4, margin 0.02; a difference of 0.0321 would show",
        ),
        (
            [T, I],
            "b cannot be told from a by these questions: nDCG@10 +0.0050, 95 % interval -0.0250 to +0.0350,"
            " p 0.010 after Holm over 4, margin 0.02; a difference of 0.0321 would show; better by nDCG@10",
        ),
        (
            [T, C],
            "b is better than a by nDCG@10 0.5000 -> 0.6000 (+0.1000, 95 % interval +0.0700 to +0.1300, p 0.010),"
            " and worse by nDCG@10 0.5000 -> 0.4000 (-0.1000, 95 % interval -0.1300 to -0.0700, p 0.010)",
        ),
    ],
)
def test_sentences(verdicts: list[Verdict], expected: str) -> None:
    found = [judged(verdict) for verdict in verdicts]
    assert sentence(in_all(found), found, "a", "b", 4) == expected
