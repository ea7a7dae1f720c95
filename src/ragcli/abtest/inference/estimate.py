"""What is known of one metric, a treatment against control."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragcli.evaluate.distributions import normal_cdf, normal_quantile, t_quantile, t_tail
from ragcli.evaluate.statistics import Interval, standard_error

Values: TypeAlias = NDArray[np.float64]
"""One value a user."""
Pair: TypeAlias = tuple[float, float]
"""Of control and of treatment."""

CONFIDENCE = 0.95
UNBOUNDED = Interval(-math.inf, math.inf)
UNDEFINED = Interval(math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric, a treatment against control.

    Attributes:
        test: Its name, such as ``Welch t-test``.
        control: The statistic of control: a mean, a share, a ratio, a quantile.
        treatment: The statistic of the treatment.
        difference: treatment - control.
        interval: Of the difference.
        relative: treatment / control - 1; NaN where control is 0.
        relative_interval: NaN bounds where control cannot be told from 0.
        p: Two-sided; NaN where the data allow no test.
        error: Standard error of the difference.
        freedom: Degrees of freedom of the error; infinite where the normal distribution is used.
        users: Of control and of the treatment.
    """

    test: str
    control: float
    treatment: float
    difference: float
    interval: Interval
    relative: float
    relative_interval: Interval
    p: float
    error: float
    freedom: float
    users: tuple[int, int]


def from_moments(test: str, statistics: Pair, variances: Pair, users: tuple[int, int], confidence: float) -> Estimate:
    """Two independent statistics with their own variances, compared by Welch's t.

    Both intervals and p are one test, hence agree on whether there is a difference. Source: Welch, The generalization
    of "Student's" problem when several different population variances are involved, Biometrika 34, 1947.

    With an unknown variance (fewer than two users) p and error are NaN and the interval has no bounds. With no variance
    at all the interval is a point and p is 1 without a difference, 0 with one.

    Args:
        test: Name of the test.
        statistics: Of control and treatment.
        variances: Squared standard errors of the statistics; NaN where unknown.
        users: Of control and treatment.
        confidence: Of the intervals.
    """
    control, treatment = statistics
    difference, error = treatment - control, math.sqrt(sum(variances))
    if error == 0.0 and math.isclose(control, treatment, rel_tol=1e-12):
        difference = 0.0  # the same value, summed in another order
    freedom = welch_freedom(variances, users)
    reach = student_quantile((1 + confidence) / 2, freedom)
    return Estimate(
        test=test,
        control=control,
        treatment=treatment,
        difference=difference,
        interval=UNBOUNDED if math.isnan(error) else Interval(difference - reach * error, difference + reach * error),
        relative=relative(control, treatment),
        relative_interval=fieller(statistics, variances, reach),
        p=two_sided(difference, error, freedom),
        error=error,
        freedom=freedom,
        users=users,
    )


def welch_freedom(variances: Pair, users: Pair) -> float:
    """Degrees of freedom of the sum of two variances, by Satterthwaite's approximation; NaN where one is unknown.

    Source: Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 2, 1946.
    """
    total = sum(variances)
    if math.isnan(total) or min(users) < 2:
        return math.nan
    if total == 0.0:
        return sum(users) - 2.0
    shares = [variance / total for variance in variances]
    return 1 / sum(share**2 / (size - 1) for share, size in zip(shares, users, strict=True))


def fieller(statistics: Pair, variances: Pair, reach: float) -> Interval:
    """Interval of treatment / control - 1: the ratios r at which treatment - r control is not significant.

    NaN bounds where control itself cannot be told from 0, for then the set of such ratios has no bound. Source:
    Fieller, Some problems in interval estimation, Journal of the Royal Statistical Society B 16, 1954.
    """
    control, treatment = statistics
    square = reach * reach
    leading = control * control - square * variances[0]
    if not leading > 0.0:
        return UNDEFINED
    middle = control * treatment
    root = math.sqrt(square * (variances[1] * leading + variances[0] * treatment * treatment))
    return Interval((middle - root) / leading - 1, (middle + root) / leading - 1)


def relative(control: float, treatment: float) -> float:
    """The change in units of control; NaN where that is 0."""
    return treatment / control - 1 if control else math.nan


def two_sided(difference: float, error: float, freedom: float) -> float:
    """P of a difference at least as large under no difference."""
    if math.isnan(error) or math.isnan(difference):
        return math.nan
    if error == 0.0:
        return 1.0 if difference == 0.0 else 0.0
    return min(1.0, 2 * upper_tail(abs(difference) / error, freedom))


def upper_tail(score: float, freedom: float) -> float:
    """Probability of at least this score under Student's distribution, the normal one at infinite freedom."""
    if math.isinf(freedom):
        return normal_cdf(-score)
    tail = t_tail(score, freedom) / 2
    return tail if score >= 0.0 else 1 - tail


def student_quantile(p: float, freedom: float) -> float:
    """Quantile of Student's distribution, the normal one at infinite freedom; NaN at unknown freedom."""
    if math.isnan(freedom):
        return math.nan
    return normal_quantile(p) if math.isinf(freedom) else t_quantile(p, freedom)


def mean(values: Values) -> float:
    """NaN of no values."""
    return float(values.mean()) if values.size else math.nan


def variance_of_mean(values: Values) -> float:
    """Squared standard error; 0 where all values are alike, NaN below two values."""
    return standard_error(values) ** 2 if values.size > 1 else math.nan
