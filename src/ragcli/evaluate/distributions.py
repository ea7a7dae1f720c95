"""The normal and Student's t distribution without scipy, whose import costs more than a gate's whole work."""

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_STIRLING = 1e3


def normal_cdf(x: float) -> float:
    """Probability of at most x under the standard normal distribution, exact in both tails."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def normal_quantile(p: float) -> float:
    """The x with ``normal_cdf(x) == p``; infinite at 0 and 1."""
    if p <= 0.0 or p >= 1.0:
        return math.inf if p >= 1.0 else -math.inf
    return _NORMAL.inv_cdf(p)


def t_tail(t: float, freedom: float) -> float:
    """Two-sided tail: probability of at least ``|t|`` in size with so many degrees of freedom.

    It is the regularised incomplete beta function I_x(freedom / 2, 1 / 2) at x = freedom / (freedom + t^2)
    (Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 26.7.1), by its continued fraction (26.5.8) with
    Lentz's algorithm.
    """
    if math.isinf(t):
        return 0.0
    square = t * t
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + square), square / (freedom + square))


@lru_cache(maxsize=1_000)
def t_quantile(p: float, freedom: float) -> float:
    """The t below which lies probability p, by bisection to the last bits."""
    if p == 0.5:
        return 0.0
    if p <= 0.0 or p >= 1.0:
        return math.inf if p >= 1.0 else -math.inf
    tail = 2 * min(p, 1 - p)
    low, high = 0.0, 2.0
    while t_tail(high, freedom) > tail:
        low, high = high, high * 2
    while (middle := (low + high) / 2) not in {low, high}:
        low, high = (middle, high) if t_tail(middle, freedom) > tail else (low, middle)
    return math.copysign(high, p - 0.5)


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """I_x(a, b) with ``rest`` = 1 - x, kept apart so that nothing is lost near 1."""
    if x <= 0.0 or rest <= 0.0:
        return 0.0 if x <= 0.0 else 1.0
    front = math.exp(a * (math.log(x) if x < 0.5 else math.log1p(-rest)) + b * math.log(rest) - _log_beta(a, b))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, rest) / b


def _log_beta(a: float, b: float) -> float:
    """Logarithm of the beta function; for large a the difference of its gamma functions by Stirling's series."""
    if a < _STIRLING:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    # ln gamma(a + b) - ln gamma(a), the leading terms taken together before they cancel.
    grown = (a + b - 0.5) * math.log1p(b / a) + b * math.log(a) - b + (1 / (a + b) - 1 / a) / 12
    return math.lgamma(b) - grown


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            result *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return result


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
