"""Looking at an experiment while it runs, as often as one likes."""

import math
from dataclasses import dataclass

import numpy as np

from ragcli.abtest.inference.estimate import CONFIDENCE, Values

HORIZON = 5_000
"""Users at which the intervals are narrowest where no horizon is given."""
FIRST_LOOK = 20
"""Users of each variant before whom no look is taken."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """What each look at an experiment says; with the given confidence, all looks together are right.

    Attributes:
        p: Always-valid p values: the smallest so far, so that a decision once taken stands.
        low: Lower bounds of the difference, each look's own.
        high: Upper bounds.
    """

    p: Values
    low: Values
    high: Values


def always_valid(
    differences: Values,
    errors: Values,
    users: Values,
    *,
    horizon: float = HORIZON,
    confidence: float = CONFIDENCE,
) -> Sequence:
    """The mixture sequential probability ratio test, and the confidence sequence that it inverts.

    Against no difference stands one drawn from N(0, tau^2). With g = tau^2 / variance of the difference and z =
    difference / error, their likelihood ratio is exp(z^2 g / (2 (1 + g))) / sqrt(1 + g); it exceeds 1 / alpha at any
    look with probability at most alpha. The errors are estimates, so that holds in the limit of many users.

    Sources: Robbins, Statistical methods related to the law of the iterated logarithm, Annals of Mathematical
    Statistics 41, 1970; Johari, Koomen, Pekelis and Walsh, Always valid inference: continuous monitoring of A/B tests,
    Operations Research 70, 2022; with estimated errors and tau in units of the deviation between users, Waudby-Smith,
    Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence sequences, Annals of
    Statistics 52, 2024.

    A look whose error is not known, or is 0 (too few users to have seen any variance), says nothing: its interval has
    no bounds, and p stays.

    Args:
        differences: Of each look, in order of time.
        errors: Standard errors of the differences, best from ``cautious_error``.
        users: Of both variants together at each look.
        horizon: Users for which the interval is made narrowest; other looks are as safe, but wider.
        confidence: Of all looks together.
    """
    alpha = 1 - confidence
    known = np.isfinite(differences) & (np.nan_to_num(errors) > 0.0)
    p, low, high = np.ones(differences.size), np.full(differences.size, -np.inf), np.full(differences.size, np.inf)
    if known.any():
        difference, error = differences[known], errors[known]
        weight = mixture(users[known], horizon, alpha)
        p[known] = np.exp(-np.maximum(evidence(difference / error, weight), 0.0))
        reach = error * np.sqrt((1 + weight) / weight * (np.log1p(weight) - 2 * math.log(alpha)))
        low[known], high[known] = difference - reach, difference + reach
    return Sequence(np.minimum.accumulate(p), low, high)


def cautious_error(variances: tuple[Values, Values], users: tuple[Values, Values]) -> Values:
    """Standard errors of differences for early looks: no variant's variance counts as less than half the pooled one.

    A small variant that has hardly seen a rare value, such as a click, has far too small a variance: with a tenth of
    the users and hits of 1 %, a quarter of all experiments without any difference would be called at some look.
    A rule of this package, chosen by simulation: no false alarms beyond the level, no power lost in equal variants.

    Args:
        variances: Squared standard errors of control's and the treatment's statistic at each look.
        users: Of control and the treatment at each look.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        spreads = [variance * size for variance, size in zip(variances, users, strict=True)]
        weights = [size - 1 for size in users]
        pooled = (weights[0] * spreads[0] + weights[1] * spreads[1]) / (weights[0] + weights[1])
        larger = [np.maximum(spread, pooled / 2) / size for spread, size in zip(spreads, users, strict=True)]
        return np.sqrt(larger[0] + larger[1])


def mixture(users: Values, horizon: float, alpha: float) -> Values:
    """tau^2 over the variance of the difference, chosen so that the interval is narrowest at the horizon.

    Waudby-Smith et al. 2024, appendix B: tau^2 is (-2 ln alpha + ln(1 - 2 ln alpha)) times the variance there.
    """
    twice = -2 * math.log(alpha)
    return (twice + math.log1p(twice)) * users / horizon


def evidence(scores: Values, weight: Values) -> Values:
    """Logarithm of the likelihood ratio of the mixture against no difference."""
    return scores**2 * weight / (2 * (1 + weight)) - 0.5 * np.log1p(weight)
