"""Shares of users for whom something happened.

The test and both intervals come from one score, Miettinen and Nurminen's, with the variance under the hypothesis; so
an interval leaves out "no difference" exactly when p is below its level. Source: Miettinen and Nurminen, Comparative
analysis of two rates, Statistics in Medicine 4, 1985, without their factor N / (N - 1) (the difference is then the
interval of Mee, Biometrics 40, 1984, and the ratio that of Koopman, Biometrics 40, 1984).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ragcli.abtest.inference.estimate import (
    CONFIDENCE,
    UNBOUNDED,
    UNDEFINED,
    Estimate,
    relative,
    two_sided,
    upper_tail,
)
from ragcli.evaluate.distributions import normal_quantile
from ragcli.evaluate.statistics import Interval

_NAME = "two-proportion z-test"


@dataclass(frozen=True, slots=True)
class _Table:
    """Hits and users of control and of the treatment."""

    control_hits: int
    control_users: int
    hits: int
    users: int

    @property
    def control(self) -> float:
        return self.control_hits / self.control_users

    @property
    def treatment(self) -> float:
        return self.hits / self.users


def proportion(
    control_hits: int, control_users: int, hits: int, users: int, *, confidence: float = CONFIDENCE
) -> Estimate:
    """The z-test of two shares with the pooled variance, and the score intervals of difference and ratio.

    Of a variant without users all is NaN and the interval unbounded. With no hits at all, or hits of all users, p is 1,
    the error 0 and the interval still that of the score.
    """
    both = control_users, users
    if not min(both):
        low, high = [h / u if u else math.nan for h, u in ((control_hits, control_users), (hits, users))]
        nan = math.nan
        return Estimate(_NAME, low, high, nan, UNBOUNDED, nan, UNDEFINED, nan, nan, math.inf, both)
    table = _Table(control_hits, control_users, hits, users)
    low, high = table.control, table.treatment
    reach = normal_quantile((1 + confidence) / 2)
    return Estimate(
        test=_NAME,
        control=low,
        treatment=high,
        difference=high - low,
        interval=_difference_interval(table, reach),
        relative=relative(low, high),
        relative_interval=_relative_interval(table, reach),
        p=two_sided(_difference_score(table, 0.0), 1.0, math.inf),
        error=math.sqrt(low * (1 - low) / control_users + high * (1 - high) / users),
        freedom=math.inf,
        users=both,
    )


def exact(control_hits: int, control_users: int, hits: int, users: int) -> float:
    """Two-sided p of Fisher's exact test (Fisher, Statistical Methods for Research Workers, 5th edition, 1934).

    1 where a variant has no users, or with no hits or hits of all users.
    """
    from scipy.stats import fisher_exact

    table = [[hits, users - hits], [control_hits, control_users - control_hits]]
    return float(fisher_exact(table).pvalue)


def exceeds(control_hits: int, control_users: int, hits: int, users: int, *, shift: float) -> float:
    """One-sided p of "the treatment's share is above control's by at most ``shift``"; small: it exceeds that.

    NaN where a variant has no users. Source: Farrington and Manning, Test statistics and sample size formulae for
    comparative binomial trials with null hypothesis of non-zero risk difference, Statistics in Medicine 9, 1990.
    """
    if not min(control_users, users):
        return math.nan
    return upper_tail(_difference_score(_Table(control_hits, control_users, hits, users), shift), math.inf)


def _difference_interval(table: _Table, reach: float) -> Interval:
    difference = table.treatment - table.control

    def score(shift: float) -> float:
        return abs(_difference_score(table, shift))

    return Interval(_edge(score, difference, -1.0, reach), _edge(score, difference, 1.0, reach))


def _relative_interval(table: _Table, reach: float) -> Interval:
    """NaN bounds where control has no hits."""
    if not table.control_hits:
        return UNDEFINED

    def score(place: float) -> float:
        return abs(_ratio_score(table, place / (1 - place)))

    # The ratio r is searched as r / (1 + r), which has an end.
    found = table.treatment / (table.treatment + table.control)
    low, high = _edge(score, found, 0.0, reach), _edge(score, found, 1.0 - 1e-12, reach)
    return Interval(low / (1 - low) - 1, high / (1 - high) - 1)


def _edge(score: Callable[[float], float], inside: float, outside: float, reach: float) -> float:
    """Where the score, which grows from ``inside`` to ``outside``, passes ``reach``; ``outside`` if nowhere."""
    if score(outside) <= reach:
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if score(middle) <= reach else (inside, middle)
    return inside


def _difference_score(table: _Table, shift: float) -> float:
    """Of the observed difference, were the true one ``shift``."""
    gap = table.treatment - table.control - shift
    control = _control_share_at(table, shift)
    treatment = control + shift
    variance = control * (1 - control) / table.control_users + treatment * (1 - treatment) / table.users
    return _over_root(gap, variance)


def _ratio_score(table: _Table, ratio: float) -> float:
    """Of treatment - ratio control, were the true ratio this one; the likeliest shares solve a quadratic equation."""
    hits = table.hits + table.control_hits
    leading = (table.users + table.control_users) * ratio
    middle = table.users * ratio + table.hits + table.control_users + table.control_hits * ratio
    # 2c / (b + root) rather than (b - root) / 2a, which is lost in rounding as the ratio nears 0.
    control = 2 * hits / (middle + math.sqrt(max(0.0, middle * middle - 4 * leading * hits)))
    treatment = ratio * control
    variance = treatment * (1 - treatment) / table.users + ratio**2 * control * (1 - control) / table.control_users
    return _over_root(table.treatment - ratio * table.control, variance)


def _control_share_at(table: _Table, shift: float) -> float:
    """Control's likeliest share were the difference ``shift``: a root of a cubic equation, by Cardano's cosine."""
    total, hits = table.users + table.control_users, table.hits + table.control_hits
    third = 3 * total
    second = (table.users + 2 * table.control_users) * shift - total - hits
    first = (table.control_users * shift - total - 2 * table.control_hits) * shift + hits
    last = table.control_hits * shift * (1 - shift)
    q = (second / third) ** 3 - first * second / (6 * total**2) + last / (2 * total)
    p = math.copysign(math.sqrt(max(0.0, (second / third) ** 2 - first / third)), q)
    angle = math.acos(min(1.0, max(-1.0, q / p**3))) if p else math.pi / 2
    root = 2 * p * math.cos((math.pi + angle) / 3) - second / third
    return min(max(root, 0.0, -shift), 1.0, 1.0 - shift)


def _over_root(gap: float, variance: float) -> float:
    """The gap in standard errors; without any variance 0 or infinite."""
    if abs(gap) < 1e-14:
        return 0.0
    return gap / math.sqrt(variance) if variance > 0.0 else math.copysign(math.inf, gap)
