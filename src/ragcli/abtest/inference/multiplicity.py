"""Several metrics or variants at once."""

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias, assert_never

from ragcli.evaluate.statistics import holm

Method: TypeAlias = Literal["holm", "bh"]


def adjust(p_values: Sequence[float], method: Method) -> list[float]:
    """Adjusted p values: ``holm`` bounds the chance of any false alarm, ``bh`` the share of false ones among alarms.

    A NaN, a metric without a test, stays one and counts for nothing.
    """
    known = [p for p in p_values if not math.isnan(p)]
    match method:
        case "holm":
            adjusted = iter(holm(known))
        case "bh":
            adjusted = iter(benjamini_hochberg(known))
        case _:
            assert_never(method)
    return [p if math.isnan(p) else next(adjusted) for p in p_values]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values that bound the expected share of false alarms among all alarms.

    Benjamini and Hochberg, Controlling the false discovery rate, Journal of the Royal Statistical Society B 57, 1995.
    """
    count = len(p_values)
    adjusted, lowest = [1.0] * count, 1.0
    ranked = sorted(range(count), key=lambda index: p_values[index])
    for rank, index in reversed(list(enumerate(ranked, start=1))):
        lowest = min(lowest, p_values[index] * count / rank)
        adjusted[index] = lowest
    return adjusted
