"""How an analysis behaves on a team's own users: random splits of them, with a planted effect or none."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragcli.abtest.inference import sequential
from ragcli.abtest.inference.estimate import CONFIDENCE, Values
from ragcli.errors import UsageError
from ragcli.evaluate.statistics import SEED

REPEATS = 2_000
_BLOCK = 2_000_000
"""Users held at a time."""

Decisions: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Design:
    """The experiment to be repeated.

    Attributes:
        users: Of both variants together at the end.
        effect: Added to every treated user's value; for values of only 0 and 1 the share of hits is moved by it.
        share: Of the users who get the treatment.
        every: Users between two looks.
        horizon: Of the sequential analysis.
        confidence: Of the tests.
    """

    users: int
    effect: float = 0.0
    share: float = 0.5
    every: int = 100
    horizon: float = sequential.HORIZON
    confidence: float = CONFIDENCE


@dataclass(frozen=True, slots=True)
class Characteristics:
    """How often a difference was called; without an effect these are false alarms, with one it is power.

    Attributes:
        repeats: Experiments.
        looks: Of each experiment.
        fixed: Share called by Welch's test at the end.
        peeking: Share called by Welch's test at any look.
        sequential: Share called by the always-valid p at any look.
        stopped: Median of the users at which the sequential analysis made its call; NaN where it made none.
        deviation: Standard deviation between users, with which ``power`` works.
    """

    repeats: int
    looks: int
    fixed: float
    peeking: float
    sequential: float
    stopped: float
    deviation: float


def characteristics(values: Values, design: Design, *, repeats: int = REPEATS, seed: int = SEED) -> Characteristics:
    """Repeats an experiment on random users out of ``values``, each assigned at random.

    Users are drawn without replacement as far as they go, and with replacement where the design asks for more.

    Raises:
        UsageError: Fewer than two users, or a design without any look.
    """
    looks = _looks(design)
    if values.size < 2 or not looks.size or not 0.0 < design.share < 1.0:
        raise UsageError(
            f"a simulation needs two users or more, looks and a share between 0 and 1, not {values.size} users, "
            f"{looks.size} looks and the share {design.share:g}"
        )
    generator = np.random.default_rng(seed)
    step = max(1, _BLOCK // design.users)
    blocks = [
        _decisions(values, design, looks, min(step, repeats - start), generator) for start in range(0, repeats, step)
    ]
    significant, stopped = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    called = np.isfinite(stopped)
    return Characteristics(
        repeats=repeats,
        looks=looks.size,
        fixed=float(significant[:, -1].mean()),
        peeking=float(significant.any(axis=1).mean()),
        sequential=float(called.mean()),
        stopped=float(np.median(stopped[called])) if called.any() else float("nan"),
        deviation=float(values.std(ddof=1)),
    )


def _looks(design: Design) -> NDArray[np.int64]:
    """Users at each look; the end is always one."""
    if design.users < 1 or design.every < 1:
        return np.empty(0, np.int64)
    return np.append(np.arange(design.every, design.users, design.every), design.users)


def _decisions(
    values: Values, design: Design, looks: NDArray[np.int64], repeats: int, generator: np.random.Generator
) -> tuple[Decisions, Values]:
    """Of each experiment: is Welch's test significant at each look, and at how many users the sequential one stops."""
    from scipy.special import stdtr

    alpha = 1 - design.confidence
    drawn = _draw(values, design.users, repeats, generator)
    treated = generator.random(drawn.shape) < design.share
    drawn = np.where(treated, _moved(drawn, values, design.effect, generator), drawn)
    control, treatment = _moments(drawn, ~treated, looks), _moments(drawn, treated, looks)
    difference = treatment.mean - control.mean
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(control.variance + treatment.variance)
        rest = control.variance**2 / (control.size - 1) + treatment.variance**2 / (treatment.size - 1)
        p = 2 * stdtr(error**4 / rest, -np.abs(difference / error))
        cautious = sequential.cautious_error((control.variance, treatment.variance), (control.size, treatment.size))
        scores = difference / cautious
    weight = sequential.mixture(looks.astype(np.float64), design.horizon, alpha)
    enough = np.minimum(control.size, treatment.size) >= sequential.FIRST_LOOK
    called = enough & (cautious > 0.0) & (sequential.evidence(scores, weight) >= -np.log(alpha))
    first = np.where(called.any(axis=1), looks[called.argmax(axis=1)], np.nan)
    return (error > 0.0) & (p <= alpha), first


@dataclass(frozen=True, slots=True)
class _Moments:
    """Of one variant at each look, float64 [repeats, looks]; NaN where there are too few users.

    Attributes:
        variance: Of the mean.
    """

    mean: Values
    variance: Values
    size: Values


def _moments(drawn: Values, members: Decisions, looks: NDArray[np.int64]) -> _Moments:
    starts = np.concatenate([[0], looks[:-1]])

    def upto_look(parts: Values) -> Values:
        return np.cumsum(np.add.reduceat(parts, starts, axis=1), axis=1)

    centre = float(drawn.mean())
    own = np.where(members, drawn - centre, 0.0)
    size, total, square = upto_look(members.astype(np.float64)), upto_look(own), upto_look(own**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = square - total**2 / size
        spread = np.where(spread > 1e-12 * square, spread, 0.0)  # what is left of constant values is rounding
        return _Moments(centre + total / size, spread / (size - 1) / size, size)


def _draw(values: Values, users: int, repeats: int, generator: np.random.Generator) -> Values:
    if users > values.size:
        return values[generator.integers(0, values.size, (repeats, users))]
    return generator.permuted(np.tile(values, (repeats, 1)), axis=1)[:, :users]


def _moved(drawn: Values, values: Values, effect: float, generator: np.random.Generator) -> Values:
    """Values with the effect; hits appear or vanish at random so that their share moves by it."""
    if effect == 0.0 or not np.isin(values, (0.0, 1.0)).all():
        return drawn + effect
    share = float(values.mean())
    room = 1 - share if effect > 0.0 else share
    flipped = generator.random(drawn.shape) < min(1.0, abs(effect) / room if room else 0.0)
    return np.where(flipped, float(effect > 0.0), drawn)
