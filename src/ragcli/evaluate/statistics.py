"""Is a difference between two systems more than the luck of these queries?

Everything works on the differences candidate - baseline of the same queries, one float64 each. Random numbers come
from a seed, so a comparison repeats exactly. Nothing here imports scipy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import UsageError
from ragcli.evaluate.distributions import normal_cdf, normal_quantile, t_quantile, t_tail

TestName: TypeAlias = Literal["permutation", "t", "bootstrap"]
Differences: TypeAlias = NDArray[np.float64]

SEED = 0
"""Of every random number, so that a result repeats."""
REPEATS = 20_000
"""Random sign flips; the Monte Carlo error of a p of 0.05 is 0.0015."""
RESAMPLES = 4_000
EXACT = 20
"""Up to so many queries that differ, all 2^n sign flips are tried."""
LARGE = 5_000
"""From so many queries on the bootstrap's intervals are taken from the normal distribution it has converged to."""
EQUAL = 1e-9
"""Values closer than this are the same value, computed in another order."""
_BLOCK = 500_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of values that the queries are compatible with."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Counts:
    """On how many queries the candidate is better, worse, the same."""

    wins: int
    losses: int
    ties: int


def permutation_test(differences: Differences, *, repeats: int = REPEATS, seed: int = SEED) -> float:
    """Two-sided p of the paired randomisation test: were both systems alike, every difference's sign would be a coin.

    Exact while at most ``EXACT`` queries differ, otherwise ``repeats`` random flips with the observed one counted
    among them, so that p is never 0 and the test keeps its level (Phipson and Smyth 2010).

    Sources: Fisher, The Design of Experiments, 1935; Smucker, Allan and Carterette, A comparison of statistical
    significance tests for information retrieval evaluation, CIKM 2007, who recommend it for this very use.
    """
    moved = differences[differences != 0.0]  # a zero has no sign to flip
    observed = abs(float(moved.sum()))
    slack = 1e-12 * float(np.abs(moved).sum())  # sums in another order are still the same sum
    if moved.size <= EXACT:
        sums = np.zeros(1)
        for value in moved:
            sums = np.concatenate([sums + value, sums - value])
        return float((np.abs(sums) >= observed - slack).mean())
    extreme = int((np.abs(_flipped_sums(moved, repeats, seed)) >= observed - slack).sum())
    return (extreme + 1) / (repeats + 1)


def _flipped_sums(values: Differences, repeats: int, seed: int) -> Differences:
    """Sums under random signs. Eight values at a time: one random byte picks one of their 256 signed sums."""
    groups = np.zeros((-(-values.size // 8), 8))
    groups.reshape(-1)[: values.size] = values
    signs = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    table = groups @ signs.T  # [groups, 256]
    generator = np.random.default_rng(seed)
    sums = np.zeros(repeats)
    for row in table:
        sums += row[generator.integers(0, 256, size=repeats, dtype=np.uint8)]
    return sums


def t_test(differences: Differences) -> float:
    """Two-sided p of the paired t-test (Student, The probable error of a mean, Biometrika 1908).

    1 when no query differs; 0 when all differ by the same amount; NaN for a single query.
    """
    if differences.size < 2:
        return math.nan
    mean, error = float(differences.mean()), standard_error(differences)
    if error == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    return t_tail(mean / error, differences.size - 1)


def equivalence_test(differences: Differences, margin: float) -> float:
    """The p of two one-sided paired t-tests: how likely a mean this near 0 would be, were it ``margin`` or more away.

    Schuirmann, A comparison of the two one-sided tests procedure and the power approach for assessing the equivalence
    of average bioavailability, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987. Values that are all alike
    are taken at their word: 0 within the margin (or when none differs), otherwise 1; NaN for a single query.
    """
    if differences.size < 2:
        return math.nan
    distance, error = abs(float(differences.mean())), standard_error(differences)
    if error == 0.0:
        return 0.0 if distance < margin or distance == 0.0 else 1.0
    t = (margin - distance) / error
    tail = t_tail(t, differences.size - 1) / 2
    return tail if t > 0.0 else 1.0 - tail


def t_interval(values: Differences, confidence: float = 0.95) -> Interval:
    """Student's interval of the mean; unbounded for a single value."""
    mean = float(values.mean())
    if _constant(values):
        return _of_constant(values)
    reach = t_quantile((1 + confidence) / 2, values.size - 1) * standard_error(values)
    return Interval(mean - reach, mean + reach)


def bootstrap_means(values: Differences, resamples: int, seed: int) -> Differences:
    """Means of samples drawn with replacement, float64 [resamples]."""
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, _BLOCK // values.size)
    for start in range(0, resamples, step):
        part = means[start : start + step]
        part[:] = values[generator.integers(0, values.size, (part.size, values.size), dtype=np.int32)].mean(axis=1)
    return means


def bootstrap_interval(
    values: Differences,
    confidence: float = 0.95,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    expanded: bool = True,
) -> Interval:
    """The BCa bootstrap interval of the mean: bias-corrected and accelerated.

    Efron, Better bootstrap confidence intervals, JASA 82, 1987. ``expanded`` widens it by what the bootstrap lacks in
    small samples, the factor sqrt(n / (n - 1)) and Student's quantile in place of the normal one (Hesterberg, What
    teachers should know about the bootstrap, The American Statistician 69, 2015). From ``LARGE`` values on it is the
    normal interval. Values that are all alike give a point; a single value says nothing of the others.
    """
    if _constant(values):
        return _of_constant(values)
    size, mean = values.size, float(values.mean())
    z = t_quantile((1 + confidence) / 2, size - 1) if expanded else normal_quantile((1 + confidence) / 2)
    if size >= LARGE:
        reach = z * standard_error(values)
        return Interval(mean - reach, mean + reach)
    if expanded:
        z *= math.sqrt(size / (size - 1))
    means = bootstrap_means(values, resamples, seed)
    bias = normal_quantile(_share_below(means, mean))
    pull = acceleration(values)
    shares = [normal_cdf(bias + _accelerated(bias + side, pull)) for side in (-z, z)]
    low, high = np.quantile(means, shares)
    return Interval(float(low), float(high))


def bootstrap_test(differences: Differences, *, resamples: int = RESAMPLES, seed: int = SEED) -> float:
    """Two-sided p by inverting the BCa interval: the level at which 0 lies on its edge.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 14.3 and 15.4. Never below
    2 / (resamples + 1).
    """
    if differences.size < 2:
        return math.nan
    if _constant(differences):
        return 1.0 if differences[0] == 0.0 else 2 / (resamples + 1)
    if differences.size >= LARGE:
        return t_test(differences)
    means = bootstrap_means(differences, resamples, seed)
    bias = normal_quantile(_share_below(means, float(differences.mean())))
    shift = normal_quantile(_share_below(means, 0.0)) - bias
    level = normal_cdf(shift / (1 + acceleration(differences) * shift) - bias)
    return float(np.clip(2 * min(level, 1 - level), 2 / (resamples + 1), 1.0))


def _accelerated(z: float, pull: float) -> float:
    """The quotient z / (1 - pull z), which has no finite value once the pull outweighs it."""
    rest = 1 - pull * z
    return z / rest if rest > 0 else math.copysign(math.inf, z)


def _share_below(means: Differences, value: float) -> float:
    """Share of the means below a value, ties by half, kept away from 0 and 1 by one in resamples + 1."""
    share = ((means < value).mean() + (means <= value).mean()) / 2
    edge = 1 / (means.size + 1)
    return float(np.clip(share, edge, 1 - edge))


def acceleration(values: Differences) -> float:
    """Efron's acceleration of a mean from its jackknife values: a sixth of the skewness over sqrt(n)."""
    centred = values - values.mean()
    return float((centred**3).sum() / (6 * (centred**2).sum() ** 1.5))


def standard_error(values: Differences) -> float:
    """Of the mean of at least two values; 0 when they are all alike."""
    return 0.0 if _constant(values) else float(values.std(ddof=1)) / math.sqrt(values.size)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values that bound the chance of any false alarm over all tests together.

    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def effect_size(differences: Differences) -> float:
    """Cohen's d_z: the mean difference in standard deviations of the differences; 0 when no query differs.

    Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, section 2.3.5. Infinite when all queries differ
    by the same amount, NaN for a single query.
    """
    if differences.size < 2:
        return math.nan
    mean = float(differences.mean())
    if _constant(differences):
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / float(differences.std(ddof=1))


def count(differences: Differences) -> Counts:
    """Queries better, worse and the same; differences within ``EQUAL`` are rounding."""
    wins, losses = int((differences > EQUAL).sum()), int((differences < -EQUAL).sum())
    return Counts(wins, losses, differences.size - wins - losses)


def detectable_effect(deviation: float, queries: int, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest mean difference that so many queries show significant with this probability.

    (t_{1 - alpha/2} + t_{power}) deviation / sqrt(n), the usual approximation to the noncentral t distribution
    (Cohen 1988; Sakai, Statistical significance, power, and sample sizes, SIGIR 2016). NaN where the deviation is not
    known: below two queries, or when none differs.
    """
    if queries < 2 or not deviation > 0.0:
        return math.nan
    return _reach(queries, alpha, power) * deviation


def required_queries(effect: float, deviation: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """The smallest number of queries that show a mean difference of ``effect`` with this probability.

    Args:
        effect: In the metric's units.
        deviation: Standard deviation of the per-query differences, from an earlier comparison.
        alpha: Level of the two-sided test.
        power: The probability.

    Raises:
        UsageError: The effect is not above 0, or the deviation is below 0 or not known.
    """
    if not effect > 0.0 or not deviation >= 0.0:
        raise UsageError(f"power needs an effect above 0 and a known deviation, not {effect:g} and {deviation:g}")
    low, high = 1, 2
    while _reach(high, alpha, power) * deviation > effect:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _reach(middle, alpha, power) * deviation > effect else (low, middle)
    return high


def _reach(queries: int, alpha: float, power: float) -> float:
    quantiles = t_quantile(1 - alpha / 2, queries - 1) + t_quantile(power, queries - 1)
    return quantiles / math.sqrt(queries)


def _constant(values: Differences) -> bool:
    return values.size < 2 or bool(np.ptp(values) <= 1e-15 * max(1.0, abs(float(values[0]))))


def _of_constant(values: Differences) -> Interval:
    value = float(values[0])
    return Interval(value, value) if values.size > 1 else Interval(-math.inf, math.inf)
