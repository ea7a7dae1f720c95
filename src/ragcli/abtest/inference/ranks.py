"""Does a user of the treatment tend to have the higher value?"""

import math
from dataclasses import dataclass

import numpy as np

from ragcli.abtest.inference.estimate import CONFIDENCE, UNDEFINED, Values
from ragcli.evaluate.distributions import normal_cdf, normal_quantile
from ragcli.evaluate.statistics import Interval

_SMALL = 8
_PAIRS = 2_000
"""Exact up to so many users in the smaller variant and so many pairs."""


@dataclass(frozen=True, slots=True)
class RankTest:
    """The Mann-Whitney test.

    Attributes:
        p: Two-sided.
        probability: That a user of the treatment has the higher value than one of control, ties by half.
        interval: Of that probability.
    """

    p: float
    probability: float
    interval: Interval


def mann_whitney(control: Values, treatment: Values, *, confidence: float = CONFIDENCE) -> RankTest:
    """The Mann-Whitney U test, corrected for ties and continuity, and the probability it is about.

    Sources: Mann and Whitney, On a test of whether one of two random variables is stochastically larger than the
    other, Annals of Mathematical Statistics 18, 1947; variance of the probability: DeLong, DeLong and Clarke-Pearson,
    Biometrics 44, 1988, its interval on the logit scale. Small samples without ties are tested exactly.

    NaN where a variant has no users; p is 1 where all values are alike. Where no variance can be seen (one user, or
    all values of one variant above all of the other) the interval is 0 to 1.
    """
    sizes = control.size, treatment.size
    if not min(sizes):
        return RankTest(math.nan, math.nan, UNDEFINED)
    low, high = np.sort(control), np.sort(treatment)
    above, below = _placements(low, high), 1 - _placements(high, low)
    probability = float(above.mean())
    ties = np.unique(np.concatenate([low, high]), return_counts=True)[1]
    if min(sizes) <= _SMALL and sizes[0] * sizes[1] <= _PAIRS and ties.size == sum(sizes):
        p = _exact(low, high)
    else:
        p = _approximate(probability, sizes, ties.astype(np.float64))
    return RankTest(p, probability, _interval(probability, above, below, confidence))


def _placements(among: Values, of: Values) -> Values:
    """Share of the sorted ``among`` that lies below each of the sorted ``of``, ties by half."""
    return (np.searchsorted(among, of, "left") + np.searchsorted(among, of, "right")) / (2 * among.size)


def _exact(control: Values, treatment: Values) -> float:
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(treatment, control, method="exact").pvalue)


def _approximate(probability: float, sizes: tuple[int, int], ties: Values) -> float:
    pairs, total = sizes[0] * sizes[1], sum(sizes)
    correction = float((ties**3 - ties).sum()) / (total * (total - 1))
    variance = pairs / 12 * (total + 1 - correction)
    if variance <= 0.0:
        return 1.0
    return min(1.0, 2 * normal_cdf(-(abs(probability - 0.5) * pairs - 0.5) / math.sqrt(variance)))


def _interval(probability: float, above: Values, below: Values, confidence: float) -> Interval:
    if min(above.size, below.size) < 2:
        return Interval(0.0, 1.0)
    error = math.sqrt(float(above.var(ddof=1)) / above.size + float(below.var(ddof=1)) / below.size)
    spread = probability * (1 - probability)
    if error == 0.0 or spread == 0.0:
        return Interval(0.0, 1.0)
    centre, reach = math.log(probability / (1 - probability)), normal_quantile((1 + confidence) / 2) * error / spread
    return Interval(_logistic(centre - reach), _logistic(centre + reach))


def _logistic(x: float) -> float:
    return 0.5 * (1 + math.tanh(x / 2))
