"""Non-inferiority by hand."""

import math

import pytest
from scipy import stats

from ragcli.abtest.inference.inferiority import non_inferiority


def test_non_inferiority_by_direction() -> None:
    assert non_inferiority(-0.5, 0.5, 2.0, higher_is_better=True) == pytest.approx(stats.norm.sf(3.0))
    assert non_inferiority(-0.5, 0.5, 2.0, higher_is_better=False) == pytest.approx(stats.norm.sf(5.0))
    assert non_inferiority(3.0, 0.5, 2.0, higher_is_better=False) == pytest.approx(stats.norm.sf(-2.0))


def test_without_an_error_the_difference_decides() -> None:
    assert [non_inferiority(d, 0.0, 1.0, higher_is_better=True) for d in (0.5, -1.0, -2.0)] == [0.0, 1.0, 1.0]
    assert math.isnan(non_inferiority(0.5, math.nan, 1.0, higher_is_better=True))
    assert math.isnan(non_inferiority(math.nan, 1.0, 1.0, higher_is_better=True))
