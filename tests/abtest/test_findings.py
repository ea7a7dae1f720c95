"""Each kind of metric is estimated by user, as scipy does it where scipy has the test."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from tests.abtest.conftest import experiment, observed

from ragcli.abtest.findings import Direction, Finding, find
from ragcli.abtest.inference.sequential import always_valid
from ragcli.abtest.metrics import MetricSpec
from ragcli.abtest.observations import Observations
from ragcli.evaluate.margin import Margin

SIZE = 400


def finding(text: str, seen: Observations, horizon: int | None = SIZE, **changes: object) -> Finding:
    metric = replace(MetricSpec.parse(text), **changes)  # type: ignore[arg-type]  # named by the tests
    [found] = find(experiment(metric, horizon=horizon), seen, [metric], 1)
    return found


@pytest.fixture(scope="module")
def seen() -> Observations:
    """Users with one to four events each: their own latency, clicks now and then, revenue of some."""
    generator = np.random.default_rng(1)
    variant = generator.integers(0, 2, SIZE)
    events = generator.integers(1, 5, SIZE)
    own = generator.normal(4, 0.5, SIZE)
    ms = [np.exp(own[n] + generator.normal(0, 0.3, events[n]) - 0.3 * variant[n]).tolist() for n in range(SIZE)]
    clicked = [(generator.random(events[n]) < 0.2 + 0.1 * variant[n]).astype(float).tolist() for n in range(SIZE)]
    revenue = [[float(generator.exponential(10))] if generator.random() < 0.3 else [] for _ in range(SIZE)]
    return observed(variant.tolist(), {"ms": ms, "clicked": clicked, "revenue": revenue, "one": [[1.0]] * SIZE})


def arms(seen: Observations, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values[seen.variant == 0], values[seen.variant == 1]


def test_a_total_is_welch_of_users_sums(seen: Observations) -> None:
    found = finding("revenue:total", seen)
    control, treatment = arms(seen, seen.sums("revenue")[0])
    wanted = stats.ttest_ind(treatment, control, equal_var=False)
    assert found.estimate.test == "Welch t-test"
    assert found.estimate.p == pytest.approx(wanted.pvalue, rel=1e-9)
    low, high = wanted.confidence_interval(0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))
    assert found.estimate.control == pytest.approx(control.mean())
    assert found.naive is None
    ranks = stats.mannwhitneyu(treatment, control)
    assert found.ranks is not None
    assert found.ranks.p == pytest.approx(ranks.pvalue, rel=1e-9)


def test_a_conversion_is_of_users_who_ever_did(seen: Observations) -> None:
    found = finding("clicked", seen)
    control, treatment = arms(seen, seen.sums("clicked")[0] > 0)
    assert found.metric.kind == "conversion"
    assert found.estimate.control == pytest.approx(control.mean())
    assert found.estimate.treatment == pytest.approx(treatment.mean())
    table = np.array([[treatment.sum(), (~treatment).sum()], [control.sum(), (~control).sum()]])
    assert found.estimate.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    assert found.exact_p == pytest.approx(stats.fisher_exact(table).pvalue)


def test_a_mean_is_over_events_with_errors_by_user(seen: Observations) -> None:
    found = finding("ms:mean", seen)
    sums, counts = seen.sums("ms")
    means, errors = [], []
    for place in (0, 1):
        top, below = sums[seen.variant == place], counts[seen.variant == place]
        mean = top.sum() / below.sum()
        residuals = (top - mean * below) / below.mean()
        means.append(mean)
        errors.append(residuals.var(ddof=1) / residuals.size)
    assert found.estimate.test == "delta method"
    assert found.estimate.difference == pytest.approx(means[1] - means[0])
    assert found.estimate.error == pytest.approx(np.sqrt(sum(errors)))
    column = seen.after["ms"]
    by_event = [column.values[seen.variant[column.users] == place] for place in (0, 1)]
    assert found.naive is not None
    assert found.naive.difference == pytest.approx(found.estimate.difference)
    assert found.naive.p == pytest.approx(stats.ttest_ind(by_event[1], by_event[0], equal_var=False).pvalue)
    assert found.naive.error < found.estimate.error  # events of one user are alike


def test_with_one_event_a_user_the_mean_is_welch() -> None:
    generator = np.random.default_rng(2)
    values = [[float(value)] for value in generator.normal(5, 1, 300)]
    found = finding("ms:mean", observed([0, 1] * 150, {"ms": values}))
    control, treatment = np.ravel(values)[::2], np.ravel(values)[1::2]
    assert found.estimate.p == pytest.approx(stats.ttest_ind(treatment, control, equal_var=False).pvalue)


def test_a_ratio_divides_two_sums(seen: Observations) -> None:
    found = finding("clicked/one", seen)
    top, below = seen.sums("clicked")[0], seen.sums("one")[0]
    control = seen.variant == 0
    assert found.estimate.control == pytest.approx(top[control].sum() / below[control].sum())
    assert found.metric.kind == "ratio"


def test_quantiles_are_of_events_by_user(seen: Observations) -> None:
    metrics = [MetricSpec.parse(text) for text in ("ms:p50", "ms:mean", "ms:p95")]
    median, mean, tail = find(experiment(*metrics, horizon=SIZE), seen, metrics, 1)
    column = seen.after["ms"]
    values = column.values[seen.variant[column.users] == 0]
    assert median.estimate.control == pytest.approx(np.quantile(values, 0.5, method="inverted_cdf"))
    assert tail.estimate.control == pytest.approx(np.quantile(values, 0.95, method="inverted_cdf"))
    assert mean.metric.name == "ms:mean"
    assert median.estimate.interval.low < median.estimate.difference < median.estimate.interval.high
    assert median.estimate.interval.high < 0  # a quarter faster
    assert median.looks.users.tolist() == [SIZE]


def test_what_was_known_before_takes_noise_away() -> None:
    generator = np.random.default_rng(4)
    own = generator.normal(10, 3, SIZE)
    values = [[float(value)] for value in own + generator.normal(0, 1, SIZE)]
    before = [[float(value)] for value in own]
    variant = [0, 1] * (SIZE // 2)
    plain = finding("ms:total", observed(variant, {"ms": values}))
    adjusted = finding("ms:total", observed(variant, {"ms": values}, earlier={"ms": before}))
    assert plain.removed is None
    assert adjusted.removed == pytest.approx(np.corrcoef(np.ravel(values), own)[0, 1] ** 2, abs=0.02)
    assert adjusted.estimate.error < 0.45 * plain.estimate.error
    assert adjusted.looks.difference[-1] == pytest.approx(adjusted.estimate.difference)


def test_the_last_look_is_at_all_users(seen: Observations) -> None:
    for text in ("ms:mean", "revenue:total", "clicked", "clicked/one"):
        found = finding(text, seen)
        assert found.looks.difference[-1] == pytest.approx(found.estimate.difference), text
        assert found.looks.users[-1] == SIZE
        assert (np.diff(found.looks.p) <= 0).all()
        assert found.looks.low[-1] < found.estimate.interval.low
        assert found.looks.high[-1] > found.estimate.interval.high


def test_looks_are_what_would_have_been_seen(seen: Observations) -> None:
    whole = finding("ms:mean", seen)
    place = int(np.searchsorted(whole.looks.users, 200))
    then = finding("ms:mean", seen.first(int(whole.looks.users[place])))
    assert whole.looks.difference[place] == pytest.approx(then.estimate.difference)


def test_without_a_horizon_the_always_valid_numbers_decide(seen: Observations) -> None:
    fixed, anytime = finding("ms:mean", seen), finding("ms:mean", seen, horizon=None)
    assert (fixed.p, fixed.interval) == (fixed.estimate.p, fixed.estimate.interval)
    assert anytime.p == anytime.looks.p[-1] > fixed.p
    assert anytime.interval.low == anytime.looks.low[-1]


@pytest.mark.parametrize(
    ("shift", "direction"),
    [(-0.3, Direction.HOLDS), (0.0, Direction.HOLDS), (0.18, Direction.OPEN), (2.0, Direction.VIOLATED)],
)
def test_a_guardrail_holds_when_harm_by_its_margin_is_excluded(shift: float, direction: Direction) -> None:
    values = np.random.default_rng(5).normal(10, 1, SIZE)
    values[1::2] += shift + values[::2].mean() - values[1::2].mean()
    seen = observed([0, 1] * (SIZE // 2), {"ms": [[float(value)] for value in values]})
    found = finding("ms:mean:lower", seen, role="guardrail", margin=Margin(0.25))
    assert found.direction is direction
    assert found.margin == 0.25
    higher = observed([0, 1] * (SIZE // 2), {"ms": [[-float(value)] for value in values]})
    assert finding("ms:mean:higher", higher, role="guardrail", margin=Margin(0.25)).direction is direction


def test_events_that_differ_only_between_users_fool_the_naive_test() -> None:
    generator = np.random.default_rng(8)
    own = generator.normal(0, 1, 200)
    own[1::2] += 0.15
    seen = observed([0, 1] * 100, {"ms": [[float(value)] * 50 for value in own]})
    found = finding("ms:mean", seen)
    assert found.naive is not None
    assert found.naive.p < 0.05 < found.estimate.p
    assert found.disagree


def test_a_small_variant_that_has_seen_no_value_yet_is_not_believed_early() -> None:
    variant = [1 if place % 10 == 0 else 0 for place in range(200)]
    values = [[0.0] if variant[place] else [float(place % 2)] for place in range(200)]
    found = finding("x:total", observed(variant, {"x": values}), horizon=None)
    control = np.array([value for [value], arm in zip(values, variant, strict=True) if not arm])
    pooled = (179 * control.var(ddof=1) + 19 * 0.0) / 198
    error = np.sqrt(control.var(ddof=1) / 180 + pooled / 2 / 20)
    wanted = always_valid(np.array([-control.mean()]), np.array([error]), np.array([200.0]))
    assert found.interval.low == pytest.approx(wanted.low[0])
    assert found.interval.high == pytest.approx(wanted.high[0])


def test_a_guardrail_of_failures_holds_where_nothing_failed() -> None:
    seen = observed([0, 1] * 1000, {"failed": [[0.0]] * 2000})
    found = finding("failed", seen, None, role="guardrail", margin=Margin(0.01))
    assert found.direction is Direction.HOLDS
    # as if one user of a thousand had failed in each variant: an error of sqrt(2) / 1000
    assert found.interval.high == pytest.approx(-found.interval.low)
    assert 0.003 < found.interval.high < 0.006
    few = finding(
        "failed", observed([0, 1] * 100, {"failed": [[0.0]] * 200}), None, role="guardrail", margin=Margin(0.01)
    )
    assert few.direction is Direction.OPEN


def test_everybody_against_nobody_is_a_difference() -> None:
    found = finding("clicked", observed([0, 1] * 200, {"clicked": [[0.0], [1.0]] * 200}), None)
    assert found.p < 1e-6
    assert found.interval.low > 0.9


def test_large_values_keep_their_digits() -> None:
    noise = np.random.default_rng(0).normal(0, 1, SIZE) + np.tile([0.0, 0.5], SIZE // 2)
    small, large = (
        finding("at:mean", observed([0, 1] * (SIZE // 2), {"at": [[base + float(one), base] for one in noise]}), None)
        for base in (0.0, 2.0**36)
    )
    assert large.interval.low == pytest.approx(small.interval.low, rel=1e-3)
    assert large.p == pytest.approx(small.p, rel=1e-2)


def test_a_loss_of_the_margin_has_a_p() -> None:
    values = np.random.default_rng(5).normal(10, 1, SIZE)
    seen = observed([0, 1] * (SIZE // 2), {"ms": [[float(value)] for value in values]})
    found = finding("ms:mean:lower", seen, role="guardrail", margin=Margin(0.25))
    wanted = stats.ttest_ind(values[1::2] - 0.25, values[::2], equal_var=False, alternative="less")
    assert found.inferior_p == pytest.approx(wanted.pvalue)
    hits = observed([0, 1] * 500, {"good": [[float(place % 5 == 0)] for place in range(1_000)]})
    share = finding("good:conversion:lower", hits, role="guardrail", margin=Margin(0.05))
    # 100 of 500 in each: the score test of a rise of 0.05, whose likeliest shares are about 0.175 and 0.225.
    error = np.sqrt((0.175 * 0.825 + 0.225 * 0.775) / 500)
    assert share.inferior_p == pytest.approx(stats.norm.sf(0.05 / error), rel=0.03)
    assert np.isnan(finding("ms:mean", seen).inferior_p)
