"""How many users an experiment needs, and what it can show with those it has.

A ratio is planned like a mean, with the deviation of ``ratios.linearised``.
"""

import math
from collections.abc import Callable

from ragcli.abtest.inference.estimate import Pair, welch_freedom
from ragcli.errors import UsageError
from ragcli.evaluate.distributions import normal_cdf, normal_quantile, t_quantile

ALPHA = 0.05
POWER = 0.8
_MOST = 10**12


def power_of_means(users: float, effect: float, deviations: Pair, *, share: float = 0.5, alpha: float = ALPHA) -> float:
    """The probability that Welch's test finds a difference of means, by the noncentral t distribution.

    Equal to that of the t-test for equal deviations and sizes. Source: Cohen, Statistical Power Analysis for the
    Behavioral Sciences, 1988, chapter 2. NaN where a deviation is not known or a variant has fewer than two users.

    Args:
        users: Of both variants together.
        effect: The difference, of either sign.
        deviations: Standard deviations between users, of control and of the treatment.
        share: Of the users who get the treatment.
        alpha: Level of the two-sided test.
    """
    sizes = users * (1 - share), users * share
    if min(sizes) < 2 or not _known(deviations):
        return math.nan
    variances = (deviations[0] ** 2 / sizes[0], deviations[1] ** 2 / sizes[1])
    error = math.sqrt(sum(variances))
    if error == 0.0:
        return 1.0 if effect else alpha
    freedom = welch_freedom(variances, sizes)
    return _noncentral(abs(effect) / error, t_quantile(1 - alpha / 2, freedom), freedom)


def power_of_proportions(
    users: float, effect: float, baseline: float, *, share: float = 0.5, alpha: float = ALPHA
) -> float:
    """The probability that the z-test finds a difference of shares.

    Source: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 3rd edition, 2003, section 4.2,
    without its correction for continuity. NaN where a share is outside 0 to 1 or a variant has no user.

    Args:
        users: Of both variants together.
        effect: The treatment's share less control's.
        baseline: Control's share.
        share: Of the users who get the treatment.
        alpha: Level of the two-sided test.
    """
    treated = baseline + effect
    sizes = users * (1 - share), users * share
    if not (0.0 <= baseline <= 1.0 and 0.0 <= treated <= 1.0) or min(sizes) < 1:
        return math.nan
    pooled = (1 - share) * baseline + share * treated
    assumed = math.sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
    real = math.sqrt(baseline * (1 - baseline) / sizes[0] + treated * (1 - treated) / sizes[1])
    reach = normal_quantile(1 - alpha / 2) * assumed
    if real == 0.0:
        return 1.0 if abs(effect) > reach else 0.0
    return normal_cdf((abs(effect) - reach) / real) + normal_cdf((-abs(effect) - reach) / real)


def users_for_means(
    effect: float, deviations: Pair, *, share: float = 0.5, alpha: float = ALPHA, power: float = POWER
) -> int:
    """The smallest number of users, both variants together, with which a difference of means is found.

    Raises:
        UsageError: There is no effect, or a deviation is not known.
    """
    if not abs(effect) > 0.0 or not _known(deviations):
        raise UsageError(f"power needs an effect and known deviations, not {effect:g} and {deviations}")
    return _smallest(lambda users: power_of_means(users, effect, deviations, share=share, alpha=alpha), power)


def users_for_proportions(
    effect: float, baseline: float, *, share: float = 0.5, alpha: float = ALPHA, power: float = POWER
) -> int:
    """The smallest number of users, both variants together, with which a difference of shares is found.

    Raises:
        UsageError: There is no effect, or it leads outside 0 to 1.
    """
    if not abs(effect) > 0.0 or not 0.0 <= baseline <= 1.0 or not 0.0 <= baseline + effect <= 1.0:
        raise UsageError(f"power needs an effect that leads from one share to another, not {baseline:g} {effect:+g}")
    return _smallest(lambda users: power_of_proportions(users, effect, baseline, share=share, alpha=alpha), power)


def detectable_mean(
    users: int, deviations: Pair, *, share: float = 0.5, alpha: float = ALPHA, power: float = POWER
) -> float:
    """The smallest difference of means that is found with this probability; NaN where no deviation is known."""
    if math.isnan(power_of_means(users, 0.0, deviations, share=share, alpha=alpha)):
        return math.nan
    scale = max(deviations)
    return scale and _crossing(
        lambda effect: power_of_means(users, effect, deviations, share=share, alpha=alpha), power, scale
    )


def detectable_proportion(
    users: int, baseline: float, *, share: float = 0.5, alpha: float = ALPHA, power: float = POWER
) -> float:
    """The smallest rise of a share that is found with this probability; NaN where none is, not even a rise to 1."""
    room = 1 - baseline

    def found(effect: float) -> float:
        return power_of_proportions(users, effect, baseline, share=share, alpha=alpha)

    return _bisect(found, power, 0.0, room) if found(room) >= power else math.nan


def _known(deviations: Pair) -> bool:
    return all(deviation >= 0.0 for deviation in deviations)


def _noncentral(shift: float, reach: float, freedom: float) -> float:
    """Probability of a t beyond ``reach`` in size, in either direction."""
    from scipy.stats import nct

    wrong = float(nct.cdf(-reach, freedom, shift))  # NaN where it is below any rounding
    return float(nct.sf(reach, freedom, shift)) + (0.0 if math.isnan(wrong) else wrong)


def _smallest(power_of: Callable[[float], float], power: float) -> int:
    """By doubling, then bisection: the first number of users whose power is enough."""
    low, high = 1, 2
    while not power_of(high) >= power:
        if high > _MOST:
            raise UsageError(f"no number of users finds such an effect with the probability {power:g}")
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) >= power else (middle, high)
    return high


def _crossing(power_of: Callable[[float], float], power: float, high: float) -> float:
    while power_of(high) < power:
        high *= 2
    return _bisect(power_of, power, 0.0, high)


def _bisect(power_of: Callable[[float], float], power: float, low: float, high: float) -> float:
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if power_of(middle) >= power else (middle, high)
    return high
