"""Less noise with what was known of a user before the experiment."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ragcli.abtest.inference.estimate import Values

Paired: TypeAlias = tuple[Values, Values]
"""A user's value, and the covariate from before the experiment; NaN for a user who has none."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Values with the covariate's part taken out; their means differ in expectation as before.

    Attributes:
        control: Of each user.
        treatment: Of each user.
        removed: Share of the variance that is gone, the squared correlation within variants.
    """

    control: Values
    treatment: Values
    removed: float


def adjust(control: Paired, treatment: Paired) -> Adjusted:
    """CUPED: value - theta (covariate - its mean), with the theta that leaves the least variance within variants.

    Users without a covariate take the mean of all others, hence keep their value. A covariate that is known of nobody
    or is the same for all changes nothing. Source: Deng, Xu, Kohavi and Walker, Improving the sensitivity of online
    controlled experiments by utilizing pre-experiment data, WSDM 2013.
    """
    covariates = _filled(control[1], treatment[1])
    values = control[0], treatment[0]
    centred = [_centred(covariate) for covariate in covariates]
    rest = [_centred(value) for value in values]
    spread = sum(float(x @ x) for x in centred)
    total = sum(float(y @ y) for y in rest)
    scale = sum(float(x @ x) for x in covariates)
    if spread <= 1e-24 * scale or total == 0.0:
        return Adjusted(*values, removed=0.0)
    shared = sum(float(x @ y) for x, y in zip(centred, rest, strict=True))
    theta = shared / spread
    middle = float(np.concatenate(covariates).mean())
    adjusted = [value - theta * (covariate - middle) for value, covariate in zip(values, covariates, strict=True)]
    return Adjusted(adjusted[0], adjusted[1], removed=shared * shared / (spread * total))


def _filled(control: Values, treatment: Values) -> tuple[Values, Values]:
    both = np.concatenate([control, treatment])
    known = both[~np.isnan(both)]
    middle = float(known.mean()) if known.size else 0.0
    return np.where(np.isnan(control), middle, control), np.where(np.isnan(treatment), middle, treatment)


def _centred(values: Values) -> Values:
    return values - (float(values.mean()) if values.size else math.nan)
