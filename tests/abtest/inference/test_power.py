"""Users needed and effects detectable against statsmodels, textbooks and each other."""

import itertools
import math

import pytest

from ragcli.abtest.inference.power import (
    detectable_mean,
    detectable_proportion,
    power_of_means,
    power_of_proportions,
    users_for_means,
    users_for_proportions,
)
from ragcli.errors import UsageError


def test_power_of_means_equals_statsmodels() -> None:
    assert power_of_means(200, 0.5, (1.0, 1.0)) == pytest.approx(0.9404272037724145, rel=1e-9)  # TTestIndPower
    assert power_of_means(200, -0.1, (1.0, 1.0)) == pytest.approx(0.1083718402720821, rel=1e-9)
    assert users_for_means(0.5, (1.0, 1.0)) == 128  # 63.77 in each: Cohen's 64
    assert users_for_means(0.1, (1.0, 1.0), power=0.9) == 4_205  # 2,102.4 in each


def test_unequal_variants_and_deviations_by_hand() -> None:
    needed = (1.959964 + 0.841621) ** 2 * (2.0**2 / 0.8 + 3.0**2 / 0.2) / 0.3**2
    assert users_for_means(0.3, (2.0, 3.0), share=0.2) == pytest.approx(needed, rel=0.005)


def test_power_of_proportions_is_that_of_the_textbook() -> None:
    # Fleiss, Levin and Paik 2003, equation 4.14: 0.25 against 0.40, equal variants, 90 %: 203 in each; by hand:
    pooled = 0.325
    root = 1.959964 * math.sqrt(2 * pooled * (1 - pooled)) + 1.281552 * math.sqrt(0.25 * 0.75 + 0.4 * 0.6)
    needed = 2 * math.ceil(root**2 / 0.15**2)
    assert users_for_proportions(0.15, 0.25, power=0.9) == pytest.approx(needed, abs=2)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_needed_and_detectable_turn_each_other_around(share: float) -> None:
    users = users_for_means(0.2, (1.0, 1.3), share=share)
    assert power_of_means(users, 0.2, (1.0, 1.3), share=share) >= 0.8
    assert power_of_means(users - 1, 0.2, (1.0, 1.3), share=share) < 0.8
    assert detectable_mean(users, (1.0, 1.3), share=share) == pytest.approx(0.2, rel=1e-2)
    users = users_for_proportions(0.02, 0.1, share=share)
    assert power_of_proportions(users, 0.02, 0.1, share=share) >= 0.8
    assert power_of_proportions(users - 1, 0.02, 0.1, share=share) < 0.8
    assert detectable_proportion(users, 0.1, share=share) == pytest.approx(0.02, rel=1e-2)


def test_no_effect_is_called_at_the_level() -> None:
    assert power_of_means(500, 0.0, (1.0, 2.0)) == pytest.approx(0.05)
    assert power_of_proportions(500, 0.0, 0.2, alpha=0.01) == pytest.approx(0.01)


@pytest.mark.parametrize(("effect", "deviations"), [(0.0, (1.0, 1.0)), (math.nan, (1.0, 1.0)), (1.0, (1.0, math.nan))])
def test_needed_users_of_nothing_are_refused(effect: float, deviations: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="power needs an effect"):
        users_for_means(effect, deviations)


@pytest.mark.parametrize(("effect", "baseline"), [(0.0, 0.1), (0.95, 0.1), (-0.2, 0.1), (0.1, math.nan)])
def test_shares_outside_0_to_1_are_refused(effect: float, baseline: float) -> None:
    with pytest.raises(UsageError, match="from one share to another"):
        users_for_proportions(effect, baseline)
    assert effect == 0.0 or math.isnan(power_of_proportions(100, effect, baseline))


def test_constant_values_need_two_users_each() -> None:
    assert users_for_means(1.0, (0.0, 0.0)) == 4
    assert detectable_mean(10, (0.0, 0.0)) == 0.0
    assert power_of_means(10, 1.0, (0.0, 0.0)) == 1.0


def test_what_cannot_be_known_is_nan() -> None:
    assert math.isnan(power_of_means(3, 1.0, (1.0, 1.0)))
    assert math.isnan(detectable_mean(3, (1.0, 1.0)))
    assert math.isnan(detectable_mean(100, (1.0, math.nan)))
    assert math.isnan(detectable_proportion(4, 0.5))
    assert math.isnan(detectable_proportion(0, 0.5))
    assert math.isnan(detectable_proportion(1_000, 1.0))


def test_shares_without_variance() -> None:
    assert power_of_proportions(100, 1.0, 0.0) == 1.0
    assert users_for_proportions(1.0, 0.0) < 20
    assert power_of_proportions(100, 0.0, 0.0) == 0.0


def test_a_hundred_million_users() -> None:
    users = users_for_means(0.0005, (1.0, 1.0))
    assert users == pytest.approx(4 * (1.959964 + 0.841621) ** 2 / 0.0005**2, rel=1e-4)


@pytest.mark.parametrize("alpha", [0.05, 0.025, 0.0001])
def test_power_grows_with_the_effect_up_to_any_size(alpha: float) -> None:
    """The noncentral distribution's far tail has no value in scipy, which must not lead a search astray."""
    found = [power_of_means(4_000, effect / 10, (28.9, 28.9), alpha=alpha) for effect in range(1_000)]
    assert all(before <= after + 1e-9 for before, after in itertools.pairwise(found))
    assert found[-1] == pytest.approx(1.0)


def test_detectable_effects_of_large_deviations() -> None:
    expected = (2.241403 + 0.841621) * 28.9 * math.sqrt(4 / 4_000)
    assert detectable_mean(4_000, (28.9, 28.9), alpha=0.025) == pytest.approx(expected, rel=1e-3)
    assert users_for_means(1e6, (1.0, 1.0)) == 4


def test_what_no_number_of_users_finds_is_refused() -> None:
    with pytest.raises(UsageError, match="no number of users"):
        users_for_means(1.0, (1.0, 1.0), power=1.1)
    with pytest.raises(UsageError, match="no number of users"):
        users_for_means(1e-9, (1.0, 1.0))
