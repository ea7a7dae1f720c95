"""Making one ranking of the rankings of several arms.

Every method gives an arm's result a normalised value, weights it with the arm's share, and adds up over the arms. A
result that a ranking has not gets 0 from its arm, as does every result of an arm whose share is 0; results that only
such arms have are left out. Of equal sums the one that owes more to words comes first, then the lower row.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from ragcli.config.query import DbsfConfig, FusionConfig, MinMaxConfig, RrfConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Arm: TypeAlias = Literal["dense", "lexical"]


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one arm says for one question: scores [k] and chunk rows [k], best first.

    Attributes:
        looked_up: How many of them, the last, the arm did not return: another arm did, and this one gave their score.
    """

    scores: "NDArray[np.float32]"
    rows: "NDArray[np.int64]"
    looked_up: int = 0


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one arm adds to a result.

    Attributes:
        score: The arm's own score.
        rank: The arm's own rank, from 1; 0 for a result that it did not return and only gave its score of.
        normalised: The score or rank on the method's common scale.
        weighted: ``normalised`` times the arm's share: its part of the fused score.
    """

    score: float
    rank: int
    normalised: float
    weighted: float


@dataclass(frozen=True, slots=True)
class Reranked:
    """Where a reranker found a result.

    Attributes:
        rank: Its rank after fusion, from 1.
        score: Its fused score.
        model_score: What the model says of question and text; None when no model was asked.
    """

    rank: int
    score: float
    model_score: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """That a variation of the question found a result.

    Attributes:
        variation: Its place among the variations; 0 is the question itself.
        rank: The result's rank among its own, from 1.
        weighted: What that adds to the score.
    """

    variation: int
    rank: int
    weighted: float


@dataclass(frozen=True, slots=True)
class Fused:
    """One fused result: the chunk's row, the sum, and what it is made of, by arm.

    Attributes:
        reranked: Set when a reranker has given ``score``.
        found: Which variations found it, where there are several. Their parts make up the score then, and
            ``contributions`` are those within the variation that ranks it best.
    """

    row: int
    score: float
    contributions: Mapping[Arm, Contribution]
    reranked: Reranked | None = None
    found: tuple[Found, ...] = ()


def fuse(rankings: Mapping[Arm, Ranking], config: FusionConfig) -> list[Fused]:
    """One ranking of several, all results, best first. The order in which the arms are given changes nothing."""
    parts: dict[int, dict[Arm, Contribution]] = {}
    for arm in sorted(rankings):
        share = arm_share(arm, config)
        if share == 0:
            continue
        ranking = rankings[arm]
        scores: list[float] = ranking.scores.tolist()
        values = normalise(scores, config)
        returned = len(scores) - ranking.looked_up
        ranks = [*range(1, returned + 1), *[0] * ranking.looked_up]
        for row, rank, score, value in zip(ranking.rows.tolist(), ranks, scores, values, strict=True):
            parts.setdefault(row, {})[arm] = Contribution(score, rank, value, share * value)
    fused = [Fused(row, math.fsum(part.weighted for part in arms.values()), arms) for row, arms in parts.items()]
    return sorted(fused, key=_standing)


def _standing(result: Fused) -> tuple[float, float, int]:
    """Sorts the best first, and equals as the module says."""
    words = result.contributions.get("lexical")
    return -result.score, -words.weighted if words is not None else 0.0, result.row


def fuse_variations(rankings: Sequence[Sequence[Fused]], weights: Sequence[float], k: int = 60) -> list[Fused]:
    """One ranking of those of a question's variations, by weighted reciprocal rank fusion; ties by row.

    Args:
        rankings: Each variation's, best first, every row once.
        weights: What each counts.
        k: See ``reciprocal_ranks``.
    """
    found: dict[int, list[Found]] = {}
    best: dict[int, tuple[int, Mapping[Arm, Contribution]]] = {}
    for variation, (ranking, weight) in enumerate(zip(rankings, weights, strict=True)):
        for rank, (result, value) in enumerate(zip(ranking, reciprocal_ranks(len(ranking), k), strict=True), 1):
            found.setdefault(result.row, []).append(Found(variation, rank, weight * value))
            if result.row not in best or rank < best[result.row][0]:
                best[result.row] = (rank, result.contributions)
    fused = [
        Fused(row, math.fsum(part.weighted for part in parts), best[row][1], found=tuple(parts))
        for row, parts in found.items()
    ]
    return sorted(fused, key=lambda result: (-result.score, result.row))


def arm_share(arm: Arm, config: FusionConfig) -> float:
    """The weight of an arm. Shares add up to 1, in reciprocal rank fusion to 2: at 0.5 it is the plain rule."""
    share = config.dense_weight if arm == "dense" else 1 - config.dense_weight
    return 2 * share if isinstance(config, RrfConfig) else share


def normalise(scores: Sequence[float], config: FusionConfig) -> list[float]:
    """One arm's scores, best first, on the common scale of the method."""
    match config:
        case RrfConfig():
            return reciprocal_ranks(len(scores), config.k)
        case MinMaxConfig():
            return min_max(scores)
        case DbsfConfig():
            return distribution_based(scores)
        case _:
            assert_never(config)


def reciprocal_ranks(count: int, k: int) -> list[float]:
    """1 / (k + rank) for ranks from 1.

    Cormack, Clarke, Büttcher: Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods,
    SIGIR 2009.
    """
    return [1 / (k + rank) for rank in range(1, count + 1)]


def min_max(scores: Sequence[float]) -> list[float]:
    """(s - min) / (max - min): the best is 1 and the worst is 0; all 1 if all equal.

    The convex combination of Bruch, Gai, Ingber: An Analysis of Fusion Functions for Hybrid Retrieval, ACM TOIS 2023.
    """
    if not scores:
        return []
    low, high = min(scores), max(scores)
    if low == high:
        return [1.0] * len(scores)
    return [(score - low) / (high - low) for score in scores]


def distribution_based(scores: Sequence[float]) -> list[float]:
    """(s - (mean - 3 sd)) / (6 sd), sd of the sample (divided by n - 1), cut to [0, 1]; all 0.5 if all equal.

    Distribution-Based Score Fusion, Mazzeschi 2023, as Qdrant computes it.
    """
    if not scores:
        return []
    mean = math.fsum(scores) / len(scores)
    variance = math.fsum((score - mean) ** 2 for score in scores) / max(1, len(scores) - 1)
    spread = 3 * math.sqrt(variance)
    if spread == 0:
        return [0.5] * len(scores)
    return [min(1.0, max(0.0, (score - mean + spread) / (2 * spread))) for score in scores]
