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
        horizon: Of the sequential analysis; the users at the end where not given.
        confidence: Of the tests.
    """

    users: int
    effect: float = 0.0
    share: float = 0.5
    every: int = 100
    horizon: float | None = None
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
    alpha = 1 - design.confidence
    drawn = _draw(values, design.users, repeats, generator)
    treated = generator.random(drawn.shape) < design.share
    drawn = np.where(treated, _moved(drawn, values, design.effect, generator), drawn)
    scores, p = _welch(drawn, treated, looks)
    weight = sequential.mixture(looks.astype(np.float64), design.horizon or design.users, alpha)
    called = sequential.evidence(scores, weight) >= -np.log(alpha)
    first = np.where(called.any(axis=1), looks[called.argmax(axis=1)], np.nan)
    return p <= alpha, first


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


def _welch(drawn: Values, treated: Decisions, looks: NDArray[np.int64]) -> tuple[Values, Values]:
    """Welch's t and p of each experiment at each look, [repeats, looks]; 0 and 1 where there is no variance yet."""
    from scipy.special import stdtr

    starts = np.concatenate([[0], looks[:-1]])
    centred = drawn - drawn.mean()

    def upto_look(parts: Values) -> Values:
        return np.cumsum(np.add.reduceat(parts, starts, axis=1), axis=1)

    total, square = upto_look(centred), upto_look(centred**2)
    size, high, high_square = (
        upto_look(part) for part in (treated.astype(np.float64), centred * treated, centred**2 * treated)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        means, variances, freedoms = [], [], []
        for n, part, squares in ((looks - size, total - high, square - high_square), (size, high, high_square)):
            means.append(part / n)
            variances.append((squares - part**2 / n) / (n - 1) / n)
            freedoms.append(n - 1)
        variance = variances[0] + variances[1]
        scores = (means[1] - means[0]) / np.sqrt(variance)
        freedom = variance**2 / (variances[0] ** 2 / freedoms[0] + variances[1] ** 2 / freedoms[1])
        usable = np.isfinite(scores) & np.isfinite(freedom) & (variance > 1e-18 * square / looks)
        p = np.where(usable, 2 * stdtr(freedom, -np.abs(scores)), 1.0)
    return np.where(usable, scores, 0.0), p
