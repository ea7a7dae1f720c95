"""Quantiles of event values, such as the median and the 95th percentile of latency, resampled by user."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragcli.abtest.inference.estimate import CONFIDENCE, UNBOUNDED, UNDEFINED, Estimate, Values, relative
from ragcli.evaluate.statistics import SEED, Interval

REPEATS = 1_000
_BLOCK = 4_000_000
"""Weights held at a time."""
_WINDOW = 5.0
"""How far from the quantile a resampled one can fall, in standard errors of its rank."""
_PLACES = 65_536

Users: TypeAlias = NDArray[np.int64]
Weights: TypeAlias = NDArray[np.float32]
"""Draws [resamples, users] from the Poisson distribution of mean 1."""


@dataclass(frozen=True, slots=True)
class Events:
    """Values of one variant's events, and the user of each: 0 to the variant's users - 1, in any order."""

    values: Values
    users: Users


@dataclass(frozen=True, slots=True)
class QuantileColumn:
    """One quantile of one metric: ``probability`` 0.5 is the median."""

    probability: float
    control: Events
    treatment: Events


def quantiles(
    columns: Sequence[QuantileColumn],
    users: tuple[int, int],
    *,
    repeats: int = REPEATS,
    seed: int = SEED,
    confidence: float = CONFIDENCE,
) -> list[Estimate]:
    """Differences of quantiles with percentile intervals of a bootstrap by user; all columns share its draws.

    A quantile is the smallest value with at least the share ``probability`` of all events at or below it. A resample
    gives each user, with all of his events, a weight from the Poisson distribution of mean 1. As the variants are
    resampled independently, every resample of one is set against every resample of the other. p is twice the share of
    these pairs on the rarer side of 0, and not below 2 / (repeats + 1).

    Sources: Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1979; for the Poisson
    weights and whole users Chamandy, Muralidharan, Najmi and Naidu, Estimating uncertainty for massive data streams,
    Google, 2012.

    NaN and no bounds for a variant without events or with those of only one user. Where all resamples agree (all values
    alike) the interval is a point.
    """
    low = _resampled([(column.control, column.probability) for column in columns], users[0], repeats, (seed, 0))
    high = _resampled([(column.treatment, column.probability) for column in columns], users[1], repeats, (seed, 1))
    return [_estimate(*pair, users, confidence) for pair in zip(low, high, strict=True)]


@dataclass(frozen=True, slots=True)
class _Resampled:
    """A quantile, and that of each resample; NaN where there are too few users."""

    value: float
    resamples: Values


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the resamples of one column need: counts of each user, and the events near the quantile one by one.

    Attributes:
        counts: Of each user: events below the window, and all events; float32 [users, 2].
        window: Values that a resampled quantile can have, ascending.
        owners: The user of each of these.
    """

    probability: float
    value: float
    counts: NDArray[np.float32]
    window: Values
    owners: Users


def _resampled(
    columns: Sequence[tuple[Events, float]], users: int, repeats: int, seed: tuple[int, int]
) -> list[_Resampled]:
    prepared = [_prepare(events, probability, users) for events, probability in columns]
    results = [np.full(repeats, math.nan) for _ in columns]
    usable = [(p, r) for p, r in zip(prepared, results, strict=True) if np.count_nonzero(p.counts[:, 1]) > 1]
    generator = np.random.default_rng(seed)
    step = max(1, _BLOCK // max(1, users))
    for start in range(0, repeats if usable else 0, step):
        weights = _poisson(generator, min(step, repeats - start), users)
        for column, result in usable:
            result[start : start + step] = _weighted(column, weights)
    return [_Resampled(p.value, r) for p, r in zip(prepared, results, strict=True)]


def _prepare(events: Events, probability: float, users: int) -> _Prepared:
    order = np.argsort(events.values)
    values, owners = events.values[order], events.users[order]
    size = values.size
    totals = np.bincount(owners, minlength=users)
    rank = min(size - 1, max(0, math.ceil(probability * size - 1e-9) - 1))
    # The rank of a resampled quantile scatters like the sum over users of (events up to it - probability x events).
    upto = np.bincount(owners[: rank + 1], minlength=users)
    reach = math.ceil(_WINDOW * math.sqrt(float(((upto - probability * totals) ** 2).sum()))) + 2
    first, last = max(0, rank - reach), min(size, rank + reach + 1)
    below = np.bincount(owners[:first], minlength=users)
    return _Prepared(
        probability=probability,
        value=float(values[rank]) if size else math.nan,
        counts=np.stack([below, totals], axis=1).astype(np.float32),
        window=values[first:last],
        owners=owners[first:last],
    )


def _weighted(column: _Prepared, weights: Weights) -> Values:
    """The quantile of each resample; one that drew no events has the sample's own."""
    below, total = (weights @ column.counts).astype(np.float64).T
    seen = np.cumsum(weights[:, column.owners], axis=1)
    missing = np.ceil(column.probability * total - 1e-9) - below
    place = (seen < missing[:, None]).sum(axis=1)
    found = column.window[np.minimum(place, column.window.size - 1)]
    return np.where(total > 0.0, found, column.value)


def _poisson(generator: np.random.Generator, repeats: int, users: int) -> Weights:
    """Draws by a table of 65,536 equally likely ones, ten times as fast as an exact draw."""
    return _POISSON[generator.integers(0, _PLACES, size=(repeats, users), dtype=np.uint16)]


def _table() -> NDArray[np.float32]:
    shares = [math.exp(-1) / math.factorial(k) for k in range(9)]
    ends = np.rint(np.cumsum(shares) * _PLACES).astype(np.int64)
    return np.searchsorted(ends, np.arange(_PLACES), side="right").astype(np.float32)


_POISSON = _table()


def _estimate(control: _Resampled, treatment: _Resampled, users: tuple[int, int], confidence: float) -> Estimate:
    c, t = control.resamples, treatment.resamples
    unknown = bool(np.isnan(c).any() or np.isnan(t).any())
    return Estimate(
        test="bootstrap",
        control=control.value,
        treatment=treatment.value,
        difference=treatment.value - control.value,
        interval=UNBOUNDED if unknown else _percentiles(t[:, None] - c, confidence),
        relative=relative(control.value, treatment.value),
        relative_interval=UNDEFINED if unknown or (c == 0.0).any() else _percentiles(t[:, None] / c - 1, confidence),
        p=math.nan if unknown else _p(np.sort(c), t),
        error=math.nan if unknown else math.sqrt(float(c.var(ddof=1)) + float(t.var(ddof=1))),
        freedom=math.inf,
        users=users,
    )


def _percentiles(values: Values, confidence: float) -> Interval:
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def _p(control: Values, treatment: Values) -> float:
    """Twice the share of the pairs of resamples on the rarer side of no difference, ties by half on each."""
    places = np.searchsorted(control, treatment, "left") + np.searchsorted(control, treatment, "right")
    share = float(places.mean()) / (2 * control.size)
    return max(2 / (control.size + 1), 2 * min(share, 1 - share))
