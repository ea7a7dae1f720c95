"""The decision: health first, guardrails hold, and many metrics raise no more alarms than one."""

from dataclasses import replace

import numpy as np
import pytest
from tests.abtest.conftest import START, experiment, observed

from ragcli.abtest.analysis import Analysis, analysis_of
from ragcli.abtest.decision import Decision
from ragcli.abtest.experiment import Experiment
from ragcli.abtest.findings import Direction
from ragcli.abtest.metrics import MetricSpec, parse_metrics
from ragcli.abtest.observations import Observations
from ragcli.errors import DataError
from ragcli.evaluate.margin import Margin

SIZE = 2_000


def values(shift: float, seed: int = 0, treatments: int = 1) -> list[list[float]]:
    """One value a user, whose means differ by exactly the shift for the first treatment."""
    found = np.random.default_rng(seed).normal(10, 1, SIZE)
    step = treatments + 1
    for place in range(step):
        found[place::step] -= found[place::step].mean() - 10
    found[1::step] += shift
    return [[float(value)] for value in found]


def seen(**metrics: float) -> Observations:
    found = {name: values(shift, seed) for seed, (name, shift) in enumerate(metrics.items())}
    return observed([0, 1] * (SIZE // 2), found)


def decided(
    found: Observations, metrics: list[str], guardrails: list[str] | None = None, **changes: object
) -> Analysis:
    margins = {name: Margin(0.2) for name in guardrails or ()}
    return analysis_of(stopped(*parse_metrics(metrics, guardrails or [], margins), **changes), found)


def stopped(*metrics: MetricSpec, **changes: object) -> Experiment:
    """An experiment; one with a horizon has been stopped."""
    ended = {"state": "stopped", "stopped": START + 1e7} if changes.get("horizon") else {}
    return experiment(*metrics, **(ended | changes))  # type: ignore[arg-type]  # named by the tests


@pytest.mark.parametrize("horizon", [None, SIZE])
@pytest.mark.parametrize(
    ("good", "guard", "decision"),
    [
        (0.3, 0.0, Decision.SHIP),
        (0.0, 0.0, Decision.INCONCLUSIVE),
        (-0.3, 0.0, Decision.HARM),
        (0.3, -0.5, Decision.HARM),
        (0.3, -0.17, Decision.HARM),  # worse for sure, and may be by the margin
        (0.3, 0.5, Decision.SHIP),
    ],
)
def test_ship_needs_something_better_and_nothing_worse(
    good: float, guard: float, decision: Decision, horizon: int | None
) -> None:
    found = decided(seen(good=good, guard=guard), ["good:mean"], ["guard:mean"], horizon=horizon)
    assert found.decision is decision
    assert found.sentence.startswith(decision)
    assert (found.failure is None) is (decision is Decision.SHIP)


def test_a_guardrail_that_nothing_is_known_of_holds_back() -> None:
    made = stopped(*parse_metrics(["good:mean"], ["guard:mean"], {"guard:mean": Margin(0.1)}), horizon=SIZE)
    found = analysis_of(made, seen(good=0.3, guard=-0.05))
    assert found.decision is Decision.INCONCLUSIVE
    assert "guard:mean may be worse by 0.1" in found.sentence


def test_one_metric_worse_is_harm_whatever_the_others_are() -> None:
    found = decided(seen(a=0.5, b=-0.5), ["a:mean", "b:mean"])
    assert found.decision is Decision.HARM
    assert found.sentence.startswith("harm treatment: b:mean is worse: -0.5")


def test_lower_is_better_where_it_is() -> None:
    assert decided(seen(latency_ms=-0.5), ["latency_ms:mean"]).decision is Decision.SHIP
    assert decided(seen(latency_ms=0.5), ["latency_ms:mean"]).decision is Decision.HARM


def test_many_metrics_are_adjusted_for() -> None:
    shifts = {"a": 0.105, **{f"m{place}": 0.0 for place in range(9)}}  # a alone: p .02
    alone = decided(seen(a=0.105), ["a:mean"], horizon=SIZE)
    assert alone.decision is Decision.SHIP
    among = decided(seen(**shifts), [f"{name}:mean" for name in shifts], horizon=SIZE)
    assert among.decision is Decision.INCONCLUSIVE
    first = among.findings[0]
    assert first.adjusted_p == pytest.approx(10 * first.p)


def test_holm_and_benjamini_hochberg_differ() -> None:
    shifts = {f"m{place}": 0.11 for place in range(4)}  # p .014 each: Holm .056, Benjamini and Hochberg .014
    names = [f"{name}:mean" for name in shifts]
    assert decided(seen(**shifts), names, horizon=SIZE).decision is Decision.INCONCLUSIVE
    assert decided(seen(**shifts), names, horizon=SIZE, correction="bh").decision is Decision.SHIP


def test_an_unsound_experiment_has_no_verdict() -> None:
    sound = seen(good=3.0)
    lost = replace(sound, counts=replace(sound.counts, crossed=500))
    found = decided(lost, ["good:mean"])
    assert found.decision is Decision.INVALID
    assert found.sentence == "invalid: 500 users saw several variants and are left out"
    assert found.failure is not None
    assert found.failure.exit_status == 12


def test_before_the_horizon_nothing_is_decided_and_after_it_nothing_changes() -> None:
    found = decided(seen(good=3.0), ["good:mean"], horizon=SIZE + 1, state="running")
    assert found.decision is Decision.INCONCLUSIVE
    assert "2,000 of 2,001 users" in found.sentence
    going_on = decided(seen(good=3.0), ["good:mean"], horizon=1_000, state="running")
    assert going_on.decision is Decision.INCONCLUSIVE
    assert "ragcli abtest stop exp" in going_on.sentence
    too_early = decided(seen(good=3.0), ["good:mean"], horizon=SIZE + 1)
    assert "stopped at 2,000 of 2,001 users, before it could decide" in too_early.sentence
    ended = decided(seen(good=3.0), ["good:mean"], horizon=1_000)
    assert ended.decision is Decision.SHIP
    assert sum(ended.findings[0].estimate.users) == 1_000


def test_values_that_are_all_alike_keep_a_guardrail() -> None:
    alike = observed([0, 1] * (SIZE // 2), {"good": values(0.5), "hits": [[10.0]] * SIZE})
    for horizon in (None, SIZE):
        assert decided(alike, ["good:mean"], ["hits:mean"], horizon=horizon).decision is Decision.SHIP


def test_a_difference_that_has_turned_since_it_was_called_decides_nothing() -> None:
    first, then = values(0.5), values(-0.6)
    turning = observed([0, 1] * SIZE, {"good": first + then})
    found = decided(turning, ["good:mean"]).findings[0]
    assert found.adjusted_p < 0.05
    assert found.estimate.difference < 0 < found.looks.difference[found.looks.p.argmin()]
    assert found.direction is Direction.OPEN


def test_several_treatments_each_have_a_decision() -> None:
    found = {"good": values(0.5, treatments=2)}
    three = observed(([0, 1, 2] * SIZE)[:SIZE], found, names=("control", "b", "c"))
    made = stopped(MetricSpec.parse("good:mean"), treatments=("b", "c"), horizon=SIZE)
    analysis = analysis_of(made, three)
    assert analysis.decisions == {"b": Decision.SHIP, "c": Decision.INCONCLUSIVE}
    assert analysis.decision is Decision.SHIP
    assert analysis.sentence.startswith("ship b: good:mean is better")
    assert len(analysis.findings) == 2


@pytest.mark.parametrize("metric", ["ms:mean", "ms/ms", "ms:p95", "ms:total", "ms:conversion"])
def test_a_metric_of_another_variant_alone_is_no_crash(metric: str) -> None:
    some = [[1.0, 2.0] if place % 3 == 2 else [] for place in range(300)]
    three = observed([0, 1, 2] * 100, {"ms": some}, names=("control", "b", "c"))
    found = analysis_of(experiment(MetricSpec.parse(metric), treatments=("b", "c")), three)
    assert found.findings[0].treatment == "b"
    assert found.findings[0].direction is Direction.OPEN
    assert found.decisions["b"] in {Decision.INVALID, Decision.INCONCLUSIVE}


def test_a_metric_that_was_never_recorded_is_an_error_and_one_of_several_invalid() -> None:
    with pytest.raises(DataError, match="nothing was recorded of other"):
        decided(seen(good=1.0), ["other"])
    assert decided(seen(good=1.0), ["good:mean", "other"]).decision is Decision.INVALID


def test_a_difference_of_the_detectable_size_is_found_four_times_of_five() -> None:
    detectable = decided(seen(good=0.0), ["good:mean"], horizon=SIZE).findings[0].detectable
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        shifted = generator.normal(10, 1, SIZE)
        shifted[1::2] += detectable
        found = observed([0, 1] * (SIZE // 2), {"good": [[float(value)] for value in shifted]})
        hits += decided(found, ["good:mean"], horizon=SIZE).findings[0].estimate.p < 0.05
    assert 0.73 < hits / 300 < 0.87


def test_a_metric_that_only_users_after_the_horizon_have_withholds_the_verdict() -> None:
    found = seen(good=0.3)
    later: dict[str, list[list[float]]] = {"clicked": [[]] * (SIZE // 2) + [[1.0]] * (SIZE // 2)}
    after = dict(found.after) | dict(observed([0, 1] * (SIZE // 2), later).after)
    result = decided(replace(found, after=after), ["good:mean", "clicked"], horizon=SIZE // 2)
    assert result.decision is Decision.INVALID
    assert "clicked was never recorded" in result.sentence
