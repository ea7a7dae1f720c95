"""The verdict, metric by metric, and what may not be compared."""

import math
from typing import Any

import numpy as np
import pytest

from ragcli.errors import DataError, NotComparableError, UsageError
from ragcli.evaluate import statistics
from ragcli.evaluate.comparison import Settings, Verdict, compare, overall, queries_needed
from ragcli.evaluate.gates import explain
from ragcli.evaluate.margin import Margin
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.statistics import Counts, Interval


def result(changes: dict[str, Any] | None = None, **values: list[float]) -> EvalResult:
    arrays = {name.replace("_at_", "@"): np.array(column) for name, column in values.items()}
    count = len(next(iter(arrays.values())))
    queries = tuple(f"q{row}" for row in range(count))
    return EvalResult(**{"dataset": "d", "queries": queries, "values": arrays} | (changes or {}))


BASE = np.random.default_rng(1).beta(4, 3, 200)
NOISE = np.random.default_rng(2).normal(0, 0.1, 200)


def against(after: np.ndarray[Any, Any], **settings: Any) -> Any:
    return compare(result(MRR=BASE.tolist()), result(MRR=after.tolist()), Settings(**settings))


def test_numbers_are_those_of_the_pairs() -> None:
    baseline = result({"queries": ("a", "b", "c", "d")}, MRR=[0.5, 1.0, 0.2, math.nan])
    candidate = result({"queries": ("d", "c", "b", "a")}, MRR=[1.0, 0.4, 0.5, 0.5])
    [found] = compare(baseline, candidate).metrics
    assert (found.baseline, found.candidate) == pytest.approx((1.7 / 3, 1.4 / 3))
    assert found.difference == pytest.approx(-0.1)
    assert found.counts == Counts(1, 1, 1)
    assert (found.queries, found.failed, found.unscored) == (3, 0, 1)
    failed = result({"queries": ("d", "c", "b", "a"), "failures": {"b": "x"}}, MRR=[1.0, 0.4, math.nan, 0.5])
    [fewer] = compare(baseline, failed).metrics
    assert (fewer.queries, fewer.failed, fewer.unscored) == (2, 1, 1)
    assert explain(fewer).endswith("; left out because a row failed: 1; without anything to be scored against: 1")
    assert "3 queries: 1 better, 1 worse, 1 equal)" in explain(found)
    assert f"effect {found.effect:+.2f}," in explain(found)
    assert f"these queries can show a change of {found.detectable:.4f}" in explain(found)
    differences = np.array([0.0, -0.5, 0.2])
    assert found.p == statistics.permutation_test(differences) == 1.0
    assert found.effect == pytest.approx(-0.1 / differences.std(ddof=1))
    assert found.deviation == pytest.approx(differences.std(ddof=1))
    assert found.detectable == pytest.approx(statistics.detectable_effect(found.deviation, 3))


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (BASE, Verdict.PASS),
        (BASE + 0.05 + NOISE, Verdict.PASS),
        (BASE + NOISE / 20, Verdict.PASS),
        (BASE - 0.01 + NOISE / 20, Verdict.PASS),  # significantly worse, but by less than the margin
        (BASE - 0.03 + NOISE / 20, Verdict.REGRESSION),
        (BASE - 0.05 + NOISE, Verdict.REGRESSION),
        (BASE - 0.01 + 2 * NOISE, Verdict.INCONCLUSIVE),
    ],
)
def test_verdict(after: np.ndarray[Any, Any], verdict: Verdict) -> None:
    for test in ("permutation", "t", "bootstrap"):
        assert against(after, test=test).verdict is verdict


def test_a_significant_drop_within_the_margin_is_significant_and_passes() -> None:
    [found] = against(BASE - 0.01 + NOISE / 20).metrics
    assert found.adjusted_p < 0.001
    assert found.interval.high < 0
    assert found.verdict is Verdict.PASS
    assert against(BASE - 0.01 + NOISE / 20, margins={"mrr": Margin(0.005)}).verdict is Verdict.REGRESSION


def test_a_gain_is_no_regression_however_wide_the_interval() -> None:
    [found] = against(BASE + 0.6 * (np.arange(200) == 0) - 0.3 * (np.arange(200) == 1)).metrics
    assert found.verdict is Verdict.PASS
    two = compare(result(MRR=[0.0, 0.0, 0.5]), result(MRR=[0.9, 0.9, 0.1]))
    assert two.verdict is Verdict.INCONCLUSIVE
    assert two.metrics[0].difference > 0


def test_few_queries_cannot_show_a_regression() -> None:
    lost = compare(result(MRR=[1.0] * 5), result(MRR=[0.0, 0.2, 0.1, 0.3, 0.2]))
    assert lost.metrics[0].p == 2 / 32
    assert lost.verdict is Verdict.INCONCLUSIVE
    assert compare(result(MRR=[0.5]), result(MRR=[0.5])).verdict is Verdict.PASS
    assert compare(result(MRR=[0.5]), result(MRR=[0.9]), Settings(test="t")).verdict is Verdict.INCONCLUSIVE


def test_identical_results_pass_with_any_margin() -> None:
    found = against(BASE, margins={"MRR": Margin(0.0)})
    assert found.verdict is Verdict.PASS
    assert found.metrics[0].interval == Interval(0.0, 0.0)
    assert math.isnan(found.metrics[0].detectable)
    assert against(BASE + np.abs(NOISE), margins={"MRR": Margin(0.0)}).verdict is Verdict.PASS


def test_rounding_is_no_difference() -> None:
    [found] = against(BASE + 1e-13 * np.sign(NOISE)).metrics
    assert (found.counts, found.p, found.interval) == (Counts(0, 0, 200), 1.0, Interval(0.0, 0.0))


def test_holm_runs_over_the_gated_metrics_only() -> None:
    before = result(MRR=BASE.tolist(), P_at_5=BASE.tolist(), recall_at_5=BASE.tolist())
    after = result(
        MRR=(BASE + NOISE - 0.021).tolist(), P_at_5=(BASE - NOISE).tolist(), recall_at_5=(BASE - NOISE).tolist()
    )
    alone = compare(before, after, Settings(gated=("mrr",)))
    assert [item.metric for item in alone.metrics] == ["MRR", "P@5", "recall@5"]
    assert [item.verdict is None for item in alone.metrics] == [False, True, True]
    assert alone.metrics[0].adjusted_p == alone.metrics[0].p
    assert math.isnan(alone.metrics[1].adjusted_p)
    assert alone.gated == alone.metrics[:1]
    together = compare(before, after)
    assert together.metrics[0].adjusted_p == pytest.approx(3 * alone.metrics[0].p)
    assert together.metrics[0].detectable > alone.metrics[0].detectable


def test_queries_needed_is_the_power_of_the_gated_metrics() -> None:
    before = result(MRR=BASE.tolist(), P_at_5=BASE.tolist())
    found = compare(before, result(MRR=(BASE + NOISE).tolist(), P_at_5=BASE.tolist()))
    deviation = float(np.std(NOISE, ddof=1))
    needed = statistics.required_queries(0.02, deviation, alpha=0.025)
    assert queries_needed(found, 0.02) == {"MRR": needed}
    assert needed > statistics.required_queries(0.02, deviation) > 180
    with pytest.raises(UsageError, match="power needs an effect above 0"):
        queries_needed(found, 0.0)


def test_less_time_is_better_and_its_margin_is_relative() -> None:
    times = 100 + 50 * BASE
    before = result(latency_ms=times.tolist(), MRR=BASE.tolist())
    for factor, verdict in ((0.5, Verdict.PASS), (1.05, Verdict.PASS), (1.2, Verdict.REGRESSION)):
        after = result(latency_ms=(factor * times).tolist(), MRR=BASE.tolist())
        found = compare(before, after, Settings(gated=("latency_ms",)))
        assert found.verdict is verdict
        assert found.metrics[0].margin == pytest.approx(0.1 * times.mean())
        assert found.metrics[0].counts == (Counts(200, 0, 0) if factor < 1 else Counts(0, 200, 0))
        assert compare(before, after).verdict is Verdict.PASS  # not gated unless named


@pytest.mark.parametrize("field", ["dataset", "split", "judgements", "corpus", "top_k"])
def test_unlike_results_are_refused_by_field(field: str) -> None:
    one = result({"fingerprints": {field: "x"}}, MRR=[0.5, 1.0])
    two = result({"fingerprints": {field: "y"}}, MRR=[0.5, 1.0])
    with pytest.raises(NotComparableError, match=f"differ in {field}: x in the baseline, y here") as caught:
        compare(one, two)
    assert caught.value.exit_status == 12
    assert caught.value.hint.startswith(f"--allow-mismatch {field}")
    assert compare(one, two, Settings(allow_mismatch=frozenset({field}))).mismatched == {field: ("x", "y")}
    with pytest.raises(NotComparableError, match=f"{field}: x in the baseline, unknown here"):
        compare(one, result(MRR=[0.5, 1.0]))


@pytest.mark.parametrize("field", ["chunker", "model", "query", "generation", "seed", "ragcli", "reranker"])
def test_what_a_comparison_is_about_may_differ_and_is_listed(field: str) -> None:
    one = result({"fingerprints": {field: "x", "corpus": "c"}}, MRR=[0.5, 1.0])
    two = result({"fingerprints": {field: "y", "corpus": "c"}}, MRR=[0.5, 1.0])
    found = compare(one, two)
    assert (found.changed, found.mismatched) == ({field: ("x", "y")}, {})


def test_notes_that_define_a_metric_must_agree() -> None:
    one = result({"notes": {"bertscore": "layer 17"}}, bertscore_f1=[0.5, 1.0])
    two = result({"notes": {"bertscore": "layer 9"}}, bertscore_f1=[0.5, 1.0])
    with pytest.raises(NotComparableError, match="bertscore: layer 17 in the baseline, layer 9 here"):
        compare(one, two)
    assert compare(one, result(bertscore_f1=[0.5, 1.0])).verdict is Verdict.PASS


def test_queries_of_one_side_are_refused_or_left_out() -> None:
    one = result({"queries": ("a", "b", "x")}, MRR=[0.5, 1.0, 0.0])
    two = result({"queries": ("y", "a", "b")}, MRR=[1.0, 0.5, 1.0])
    with pytest.raises(NotComparableError, match="differ in queries: 1 of its own in the baseline, 1 of its own here"):
        compare(one, two)
    found = compare(one, two, Settings(allow_mismatch=frozenset({"queries"})))
    assert (found.only_baseline, found.only_candidate) == (("x",), ("y",))
    assert (found.metrics[0].queries, found.metrics[0].difference) == (2, 0.0)


def test_an_unknown_field_cannot_be_allowed() -> None:
    with pytest.raises(UsageError, match="'chunker' is no field that must agree"):
        compare(result(MRR=[1.0]), result(MRR=[1.0]), Settings(allow_mismatch=frozenset({"chunker"})))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(gated=("P@5",)), "cannot compare 'P@5'"),
        (Settings(gated=("length",)), "neither more nor less length is better"),
        (Settings(margins={"P@5": Margin(0.1)}), "a margin names 'P@5'"),
    ],
)
def test_unknown_metrics_are_refused(settings: Settings, message: str) -> None:
    one = result(MRR=[1.0, 0.5], length=[3.0, 4.0])
    with pytest.raises(UsageError, match=message):
        compare(one, one, settings)


def test_nothing_to_compare_is_an_error() -> None:
    failed = result(MRR=[math.nan, math.nan])
    with pytest.raises(DataError, match="no query has a value of MRR in both"):
        compare(result(MRR=[1.0, 0.5]), failed)
    with pytest.raises(DataError, match="no metric in common"):
        compare(result(MRR=[1.0]), result(P_at_5=[1.0]))
    with pytest.raises(DataError, match="no query in common"):
        compare(
            result({"queries": ("a",)}, MRR=[1.0]), result({"queries": ("b",)}, MRR=[1.0]),
            Settings(allow_mismatch=frozenset({"queries"})),
        )  # fmt: skip


def test_margins_are_amounts_or_shares() -> None:
    assert Margin.parse("0.02") == Margin(0.02)
    assert Margin.parse(" 5% ") == Margin(0.05, relative=True)
    assert Margin.parse("5%").amount(0.6) == pytest.approx(0.03)
    for text in ("", "x", "-0.1", "nan", "inf", "%"):
        with pytest.raises(UsageError, match="is not a margin"):
            Margin.parse(text)


def test_the_worst_verdict_wins() -> None:
    assert overall([]) is Verdict.PASS
    assert overall([Verdict.PASS, Verdict.INCONCLUSIVE]) is Verdict.INCONCLUSIVE
    assert overall([Verdict.INCONCLUSIVE, Verdict.REGRESSION, Verdict.PASS]) is Verdict.REGRESSION
