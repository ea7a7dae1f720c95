"""CUPED against the regression it is."""

import numpy as np
import pytest

from ragcli.abtest.inference.cuped import adjust

GENERATOR = np.random.default_rng(4)
COVARIATES = GENERATOR.normal(10.0, 2.0, 400), GENERATOR.normal(10.2, 2.0, 500)
VALUES = tuple(2.0 + 1.5 * x + GENERATOR.normal(0.0, 2.0, x.size) for x in COVARIATES)
PAIRS = (VALUES[0], COVARIATES[0]), (VALUES[1] + 1.0, COVARIATES[1])


def test_theta_is_the_slope_within_variants() -> None:
    found = adjust(*PAIRS)
    design = np.zeros((900, 3))
    design[:400, 0], design[400:, 1] = 1.0, 1.0
    design[:, 2] = np.concatenate(COVARIATES)
    slopes, rest, _, _ = np.linalg.lstsq(design, np.concatenate([PAIRS[0][0], PAIRS[1][0]]), rcond=None)
    assert found.treatment.mean() - found.control.mean() == pytest.approx(slopes[1] - slopes[0], rel=1e-10)
    total = sum(float(((y - y.mean()) ** 2).sum()) for y, _ in PAIRS)
    assert found.removed == pytest.approx(1 - rest[0] / total, rel=1e-10)


def test_an_effect_does_not_change_what_is_removed() -> None:
    assert adjust(PAIRS[0], (PAIRS[1][0] + 100.0, PAIRS[1][1])).removed == pytest.approx(adjust(*PAIRS).removed)


def test_users_without_a_covariate_keep_their_value() -> None:
    missing = COVARIATES[0].copy()
    missing[:50] = np.nan
    found = adjust((VALUES[0], missing), PAIRS[1])
    assert found.control[:50] == pytest.approx(VALUES[0][:50], rel=1e-12)
    assert 0.4 < found.removed < adjust(*PAIRS).removed


@pytest.mark.parametrize(
    "covariate",
    [np.full(4, np.nan), np.full(4, 0.1), np.array([0.1, np.nan, 0.1, np.nan])],
    ids=["none", "one", "both"],
)
def test_a_covariate_that_says_nothing_changes_nothing(covariate: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    values = np.array([1.0, 2.0, 3.0, 5.0])
    found = adjust((values, covariate), (values + 1, covariate))
    assert found.removed == 0.0
    assert found.control.tolist() == values.tolist()
    assert found.treatment.tolist() == (values + 1).tolist()


def test_constant_values_and_no_users() -> None:
    covariate = np.array([1.0, 2.0])
    assert adjust((np.ones(2), covariate), (np.ones(2), covariate)).removed == 0.0
    empty = np.empty(0)
    found = adjust((empty, empty), (np.array([1.0, 3.0]), covariate))
    assert found.control.size == 0
    assert found.removed == pytest.approx(1.0)
    assert adjust((empty, empty), (empty, empty)).removed == 0.0
