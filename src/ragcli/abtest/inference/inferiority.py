"""Is the treatment no worse than control by a margin?

Shares are better tested by ``proportions.exceeds``, which keeps its level with few hits.
"""

import math

from ragcli.abtest.inference.estimate import upper_tail


def non_inferiority(
    difference: float, error: float, margin: float, *, higher_is_better: bool, freedom: float = math.inf
) -> float:
    """One-sided p of "the treatment is worse by the margin or more"; small: it does no harm beyond the margin.

    Source: CPMP, Points to consider on switching between superiority and non-inferiority, British Journal of Clinical
    Pharmacology 52, 2001. NaN where the error is not known; without
    any error 0 inside the margin and 1 outside.
    """
    room = (difference if higher_is_better else -difference) + margin
    if math.isnan(error) or math.isnan(room):
        return math.nan
    if error == 0.0:
        return 0.0 if room > 0.0 else 1.0
    return upper_tail(room / error, freedom)
