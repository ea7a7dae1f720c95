"""Equivalence and non-inferiority against statsmodels and by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from ragcli.abtest.inference.equivalence import non_inferiority, tost
from ragcli.abtest.inference.means import welch

CONTROL = np.array([4.1, 5.0, 6.2, 5.5, 4.8, 5.9, 5.1])
TREATMENT = np.array([4.9, 5.2, 5.0, 6.1, 5.7, 5.4, 4.6, 5.3])


def test_tost_equals_statsmodels() -> None:
    found = welch(CONTROL, TREATMENT)  # ttost_ind(treatment, control, -1, 1, usevar="unequal")
    assert tost(found.difference, found.error, 1.0, freedom=found.freedom) == pytest.approx(0.006173502854415617)


def test_tost_is_below_5_percent_where_the_90_percent_interval_is_within_the_margin() -> None:
    interval = welch(CONTROL, TREATMENT, confidence=0.9).interval
    found = welch(CONTROL, TREATMENT)
    edge = max(-interval.low, interval.high)
    assert tost(found.difference, found.error, edge, freedom=found.freedom) == pytest.approx(0.05, rel=1e-9)


def test_non_inferiority_by_direction() -> None:
    assert non_inferiority(-0.5, 0.5, 2.0, higher_is_better=True) == pytest.approx(stats.norm.sf(3.0))
    assert non_inferiority(-0.5, 0.5, 2.0, higher_is_better=False) == pytest.approx(stats.norm.sf(5.0))
    assert non_inferiority(3.0, 0.5, 2.0, higher_is_better=False) == pytest.approx(stats.norm.sf(-2.0))


def test_without_an_error_the_difference_decides() -> None:
    assert (tost(0.5, 0.0, 1.0), tost(1.0, 0.0, 1.0), tost(-2.0, 0.0, 1.0)) == (0.0, 1.0, 1.0)
    assert math.isnan(tost(0.5, math.nan, 1.0))
    assert math.isnan(non_inferiority(math.nan, 1.0, 1.0, higher_is_better=True))
