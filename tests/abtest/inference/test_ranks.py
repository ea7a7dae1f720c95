"""The Mann-Whitney test against scipy, statsmodels and brute force."""

import math

import numpy as np
import pytest
from scipy import stats

from ragcli.abtest.inference.ranks import mann_whitney
from ragcli.evaluate.statistics import Interval

GENERATOR = np.random.default_rng(8)


@pytest.mark.parametrize(
    ("control", "treatment"),
    [
        (GENERATOR.normal(0, 1, 80), GENERATOR.normal(0.3, 1, 60)),
        (GENERATOR.integers(0, 5, 50).astype(float), GENERATOR.integers(1, 6, 70).astype(float)),
        (GENERATOR.normal(0, 1, 5), GENERATOR.normal(1.3, 1, 9)),
        (GENERATOR.integers(0, 3, 6).astype(float), GENERATOR.integers(0, 3, 7).astype(float)),
    ],
)
def test_p_equals_scipy_and_the_probability_a_count_of_pairs(
    control: np.ndarray[tuple[int], np.dtype[np.float64]], treatment: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    found = mann_whitney(control, treatment)
    assert found.p == pytest.approx(float(stats.mannwhitneyu(treatment, control).pvalue), rel=1e-10)
    pairs = treatment[:, None] - control
    assert found.probability == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean(), rel=1e-12)
    assert found.interval.low < found.probability < found.interval.high


def test_variance_of_the_probability_is_delongs() -> None:
    control, treatment = GENERATOR.normal(0, 1, 40), GENERATOR.normal(0.5, 1, 30)
    higher = (treatment[:, None] > control).astype(float)
    variance = higher.mean(axis=1).var(ddof=1) / 30 + higher.mean(axis=0).var(ddof=1) / 40
    p = higher.mean()
    reach = 1.959963984540054 * math.sqrt(variance) / (p * (1 - p))
    interval = mann_whitney(control, treatment).interval
    logits = [math.log(bound / (1 - bound)) for bound in (interval.low, interval.high)]
    assert logits == pytest.approx([math.log(p / (1 - p)) - reach, math.log(p / (1 - p)) + reach], rel=1e-9)


def test_input_that_says_nothing() -> None:
    empty, one, ones = np.empty(0), np.ones(1), np.ones(20)
    assert math.isnan(mann_whitney(empty, ones).p)
    assert math.isnan(mann_whitney(ones, empty).probability)
    found = mann_whitney(ones, ones)
    assert (found.p, found.probability, found.interval) == (1.0, 0.5, Interval(0.0, 1.0))
    assert mann_whitney(one, one).p == 1.0
    assert mann_whitney(one, 2 * ones).interval == Interval(0.0, 1.0)
    apart = mann_whitney(np.arange(20.0), np.arange(20.0) + 50)
    assert (apart.probability, apart.interval) == (1.0, Interval(0.0, 1.0))
    assert apart.p < 1e-6
