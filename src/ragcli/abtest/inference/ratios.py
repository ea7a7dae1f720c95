"""Ratios of two sums over users, such as clicks per query: the mean over events, analysed by user."""

import math
from typing import TypeAlias

import numpy as np

from ragcli.abtest.inference.estimate import CONFIDENCE, Estimate, Values, from_moments, variance_of_mean

Parts: TypeAlias = tuple[Values, Values]
"""Numerator and denominator of each user."""


def ratio(control: Parts, treatment: Parts, *, confidence: float = CONFIDENCE) -> Estimate:
    """Ratios sum(numerator) / sum(denominator), their variances by the delta method over users.

    With events per user as the denominator it is the mean over events with cluster-robust errors; with ones it is
    Welch's t-test. Source: Deng, Knoblich and Lu, Applying the delta method in metric analytics, KDD 2018, section 3.

    A denominator that sums to 0 makes a variant's ratio, and all that follows from it, NaN.
    """
    (low, low_variance), (high, high_variance) = _moments(control), _moments(treatment)
    users = control[0].size, treatment[0].size
    return from_moments("delta method", (low, high), (low_variance, high_variance), users, confidence)


def linearised(parts: Parts) -> Values:
    """One value a user, whose mean is the ratio and whose standard error is the ratio's: ratio + residual / mean(den).

    Source: Deng, Knoblich and Lu 2018, equation 3. NaN where the denominator sums to 0.
    """
    numerator, denominator = parts
    total = float(denominator.sum())
    if total == 0.0:
        return np.full(numerator.size, math.nan)
    value = float(numerator.sum()) / total
    return value + (numerator - value * denominator) * (numerator.size / total)


def _moments(parts: Parts) -> tuple[float, float]:
    """The ratio and its squared standard error."""
    numerator, denominator = parts
    total = float(denominator.sum())
    if total == 0.0:
        return math.nan, math.nan
    return float(numerator.sum()) / total, variance_of_mean(linearised(parts))
