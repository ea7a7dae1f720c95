"""Adjusted p values against statsmodels."""

import math

import pytest

from ragcli.abtest.inference.multiplicity import adjust

P_VALUES = [0.01, 0.04, 0.03, 0.005, 0.2, 0.55]


def test_adjusted_values_equal_statsmodels() -> None:
    assert adjust(P_VALUES, "bh") == pytest.approx([0.03, 0.06, 0.06, 0.03, 0.24, 0.55])  # multipletests("fdr_bh")
    assert adjust(P_VALUES, "holm") == pytest.approx([0.05, 0.12, 0.12, 0.03, 0.4, 0.55])


@pytest.mark.parametrize("method", ["holm", "bh"])
def test_metrics_without_a_test_count_for_nothing(method: str) -> None:
    assert adjust([], method) == []  # type: ignore[arg-type]  # both are methods
    found = adjust([0.02, math.nan, 0.03], method)  # type: ignore[arg-type]  # both are methods
    assert math.isnan(found[1])
    assert [found[0], found[2]] == adjust([0.02, 0.03], method)  # type: ignore[arg-type]  # both are methods
