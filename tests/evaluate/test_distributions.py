"""The distributions against scipy."""

import math

import pytest
from scipy import stats

from ragcli.evaluate.distributions import normal_cdf, normal_quantile, t_quantile, t_tail

FREEDOM = [1, 2, 3, 5, 10, 29, 100, 299, 1_000, 1_998, 2_002, 9_999, 20_001, 49_999, 1_000_000]
POINTS = [0.0, 1e-6, 0.01, 0.5, 0.99, 1.0, 1.96, 2.5, 4.0, 8.0, 20.0, 60.0]


@pytest.mark.parametrize("freedom", FREEDOM)
def test_two_sided_t_tail_equals_scipy(freedom: int) -> None:
    for t in POINTS:
        expected = 2 * stats.t.sf(t, freedom)
        assert t_tail(t, freedom) == pytest.approx(expected, abs=1e-9)
        assert t_tail(-t, freedom) == t_tail(t, freedom)
        if expected > 1e-250:
            assert t_tail(t, freedom) == pytest.approx(expected, rel=2e-10)
    assert t_tail(math.inf, freedom) == 0.0


@pytest.mark.parametrize("freedom", [1, 2, 5, 33, 299, 49_999])
def test_t_quantile_equals_scipy(freedom: int) -> None:
    for p in (1e-6, 0.025, 0.2, 0.5, 0.8, 0.975, 0.999):
        assert t_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=1e-9, abs=1e-12)
    assert t_quantile(0.0, freedom) == -math.inf
    assert t_quantile(1.0, freedom) == math.inf


def test_normal_equals_scipy() -> None:
    for x in (-30.0, -8.0, -1.0, 0.0, 0.5, 6.0):
        assert normal_cdf(x) == pytest.approx(stats.norm.cdf(x), rel=1e-12)
    for p in (1e-12, 0.025, 0.5, 0.9):
        assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-12, abs=1e-15)
    assert (normal_quantile(0.0), normal_quantile(1.0)) == (-math.inf, math.inf)
