"""Limits, golden queries and the exit status."""

import math
from typing import Any

import numpy as np
import pytest

from ragcli.errors import DataError, InconclusiveError, RegressionError, UsageError
from ragcli.evaluate import gates
from ragcli.evaluate.comparison import Settings, Verdict, compare
from ragcli.evaluate.margin import Margin
from ragcli.evaluate.result import EvalResult, Question


def result(*ndcg: float, **changes: Any) -> EvalResult:
    plain = {
        "dataset": "d",
        "queries": tuple(f"q{row}" for row in range(len(ndcg))),
        "values": {"nDCG@10": np.array(ndcg)},
        "totals": {"p95_ms": 250.0, "cost": math.nan},
    }
    return EvalResult(**plain | changes)


def golden(*ndcg: float, **changes: Any) -> EvalResult:
    return result(*ndcg, questions=tuple(Question(must_pass=row < 2) for row in range(len(ndcg))), **changes)


@pytest.mark.parametrize(
    ("kind", "name", "limit", "verdict", "message"),
    [
        ("min", "ndcg@10", 0.6, Verdict.PASS, "nDCG@10 0.6 is at least 0.6"),
        ("min", "nDCG@10", 0.6000001, Verdict.REGRESSION, "nDCG@10 0.6 is below 0.6000001"),
        ("max", "nDCG@10", 0.6, Verdict.PASS, "nDCG@10 0.6 is at most 0.6"),
        ("max", "p95_ms", 300.0, Verdict.PASS, "p95_ms 250 is at most 300"),
        ("max", "p95_ms", 249.9, Verdict.REGRESSION, "p95_ms 250 is above 249.9"),
        ("max", "failed", 0.0, Verdict.REGRESSION, "failed 1 is above 0"),
        ("max", "missing", 0.0, Verdict.PASS, "missing 0 is at most 0"),
    ],
)
def test_limits(kind: Any, name: str, limit: float, verdict: Verdict, message: str) -> None:
    found = result(0.4, math.nan, 0.8, failures={"q1": "timeout"})
    [outcome] = gates.limits(found, kind, [(name, limit)])
    assert (outcome.verdict, outcome.message, outcome.limit) == (verdict, message, limit)
    assert outcome.name.startswith(f"{kind} ")


def test_what_cannot_be_judged_is_an_error_and_no_pass() -> None:
    with pytest.raises(UsageError, match="no metric 'recall@5'"):
        gates.limits(result(0.4), "min", [("recall@5", 0.0)])
    with pytest.raises(DataError, match="nothing to average"):
        gates.limits(result(math.nan), "min", [("nDCG@10", 0.0)])
    with pytest.raises(DataError, match="cost was not measured in this run"):
        gates.limits(result(0.4), "max", [("cost", 2.0)])
    with pytest.raises(DataError, match="nothing to average"):
        gates.limits(result(), "min", [("nDCG@10", 0.0)])


def test_limits_are_read_as_written() -> None:
    assert gates.parse_limit("nDCG@10=0.6") == ("nDCG@10", 0.6)
    assert gates.parse_limit("P(rel=2)@5 = 1e-1") == ("P(rel=2)@5", 0.1)
    for text in ("nDCG@10", "=0.6", "nDCG@10=", "nDCG@10=x", "nDCG@10=nan", "nDCG@10=inf"):
        with pytest.raises(UsageError, match="is not a limit"):
            gates.parse_limit(text)


@pytest.mark.parametrize(
    ("values", "before", "verdicts", "message"),
    [
        ((0.5, 1.0, 0.0), None, ["pass", "pass"], ""),
        ((0.0, 1.0, 0.0), None, ["regression", "pass"], "must-pass query q0: nDCG@10 is 0"),
        ((0.5, math.nan, 0.0), None, ["pass", "regression"], "must-pass query q1: nDCG@10 failed: it has no value"),
        ((0.5, 1.0, 0.0), (0.5, 0.9, 1.0), ["pass", "pass"], ""),
        ((0.5, 0.9999, 0.0), (0.5, 1.0, 1.0), ["pass", "regression"], "q1: nDCG@10 went from 1 to 0.9999"),
        ((0.5 - 1e-12, 1.0, 0.0), (0.5, 1.0, 1.0), ["pass", "pass"], ""),
        ((0.0, 1.0, 0.0), (0.0, 1.0, 1.0), ["regression", "pass"], "q0: nDCG@10 is 0"),
    ],
)
def test_golden_queries(values: Any, before: Any, verdicts: list[str], message: str) -> None:
    outcomes = gates.must_pass(golden(*values), (), None if before is None else result(*before))
    assert [outcome.name for outcome in outcomes] == ["must-pass q0", "must-pass q1"]
    assert [outcome.verdict.value for outcome in outcomes] == verdicts
    assert any(message in outcome.message for outcome in outcomes)


def test_a_failed_golden_query_fails_with_its_reason() -> None:
    [first, _] = gates.must_pass(golden(0.5, 1.0, failures={"q0": "timeout"}))
    assert (first.verdict, first.message) == (Verdict.REGRESSION, "must-pass query q0: nDCG@10 failed: timeout")


def test_what_a_golden_query_has_nothing_to_be_scored_against_by_is_no_loss() -> None:
    values = {"char_iou@5": np.array([np.nan, np.nan]), "MRR": np.array([1.0, np.nan])}
    found = golden(1.0, 1.0, values=values)
    assert [(outcome.verdict, outcome.message) for outcome in gates.must_pass(found)] == [
        (Verdict.PASS, "must-pass query q0: MRR 1"),
        (Verdict.REGRESSION, "must-pass query q1: char_iou@5 failed: it has no value; MRR failed: it has no value"),
    ]
    had = golden(1.0, 1.0, values={**values, "char_iou@5": np.array([0.5, 0.5])})
    assert gates.must_pass(found, (), had)[0].message == "must-pass query q0: char_iou@5 failed: it has no value"


@pytest.mark.parametrize("name", ["utility", "utility(weights=1/-1/-1)", "ZnDCG@10", "similarity"])
def test_a_metric_that_may_be_negative_is_held_against_the_baseline_alone(name: str) -> None:
    questions = (Question(must_pass=True),)
    had, lost = (EvalResult("d", ("q0",), {name: np.array([value])}, questions) for value in (-3.0, -4.0))
    assert gates.must_pass(had)[0].verdict is Verdict.PASS
    assert gates.must_pass(had, (), had)[0].verdict is Verdict.PASS
    assert gates.must_pass(lost, (), had)[0].message == f"must-pass query q0: {name} went from -3 to -4"


def test_golden_queries_must_exist_and_have_a_metric() -> None:
    with pytest.raises(UsageError, match="no judged question of d is marked must_pass"):
        gates.must_pass(result(0.5))
    with pytest.raises(UsageError, match="no metric 'MRR'"):
        gates.must_pass(golden(0.5), ["MRR"])
    with pytest.raises(DataError, match="no metric with values per query"):
        gates.must_pass(golden(0.5), ["p95_ms"])


def test_baseline_outcomes_follow_the_comparison() -> None:
    rows = np.linspace(0.3, 0.9, 40)
    compared = compare(result(*rows), result(*(rows - 0.1)))
    [outcome] = gates.against_baseline(compared)
    assert (outcome.kind, outcome.name, outcome.verdict) == ("baseline", "baseline nDCG@10", Verdict.REGRESSION)
    assert (outcome.value, outcome.limit) == pytest.approx((-0.1, -0.02))
    assert outcome.message.startswith("nDCG@10 0.6000 -> 0.5000 (-0.1000, 95 % interval -0.1000 to -0.1000, p < 0.001")
    noisy = rows - 0.1 * np.where(np.arange(40) % 2, 1.0, -0.9)
    [open_] = gates.against_baseline(compare(result(*rows), result(*noisy)))
    assert open_.verdict is Verdict.INCONCLUSIVE
    assert "a drop of 0.02 can be neither shown nor excluded; these queries can show a change of 0.0" in open_.message


def test_all_gates_together() -> None:
    before, after = golden(0.5, 0.9, 0.4), golden(0.5, 0.8, 0.4)
    wanted = gates.Gates(
        least=(("nDCG@10", 0.5),), most=(("p95_ms", 100.0),), must_pass=True, comparison=Settings(gated=("ndcg@10",))
    )
    compared, outcomes = gates.judge(after, wanted, before, "@last")
    assert compared is not None
    assert compared.name == "@last"
    assert [(item.name, item.verdict.value) for item in outcomes] == [
        ("min nDCG@10", "pass"), ("max p95_ms", "regression"), ("baseline nDCG@10", "inconclusive"),
        ("must-pass q0", "pass"), ("must-pass q1", "regression"),
    ]  # fmt: skip
    assert gates.judge(after, gates.Gates()) == (None, ())
    alone = gates.judge(after, gates.Gates(must_pass=True))[1]
    assert [item.verdict.value for item in alone] == ["pass", "pass"]


def test_margins_are_read_by_metric() -> None:
    assert gates.parse_margins(["nDCG@10=0.01", "P(rel=2)@5 = 5%"]) == {
        "nDCG@10": Margin(0.01), "P(rel=2)@5": Margin(0.05, relative=True),
    }  # fmt: skip
    for text in ("0.01", "=0.01", "nDCG@10=x"):
        with pytest.raises(UsageError, match="is not a margin"):
            gates.parse_margins([text])


def outcome(verdict: Verdict, message: str) -> gates.GateOutcome:
    return gates.GateOutcome("min", "min x", 0.0, 1.0, verdict, message)


def test_the_exit_status_is_that_of_the_worst_gate() -> None:
    good, open_ = outcome(Verdict.PASS, "a"), outcome(Verdict.INCONCLUSIVE, "b")
    bad, worse = outcome(Verdict.REGRESSION, "c"), outcome(Verdict.REGRESSION, "d")
    assert gates.failure([]) is gates.failure([good]) is None
    undecided = gates.failure([good, open_])
    assert isinstance(undecided, InconclusiveError)
    assert (undecided.exit_status, undecided.message) == (11, "cannot decide: b")
    failed = gates.failure([open_, bad, good, worse])
    assert isinstance(failed, RegressionError)
    assert (failed.exit_status, failed.message) == (10, "gate failed: c (and 1 more)")


def test_p_values_read_as_people_write_them() -> None:
    assert [gates.p_text(p) for p in (0.0004, 0.001, 0.05, 1.0, math.nan)] == [
        "< 0.001",
        "0.001",
        "0.050",
        "1.000",
        "-",
    ]
