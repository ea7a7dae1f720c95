"""Asking the arms of a generation, and making one ranking of what they say."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragcli.config.query import FusionConfig, Strategy
from ragcli.errors import IndexStateError
from ragcli.query.asked import Asked
from ragcli.query.clock import Clock
from ragcli.query.fuse import Arm, Contribution, Fused, Ranking, fuse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.index.lexical import LexicalIndex
    from ragcli.index.reader import Generation
    from ragcli.index.vectors import VectorIndex


def choose_arms(strategy: Strategy, *, vectors: bool, lexical: bool) -> tuple[Arm, ...]:
    """The arms to ask; ``hybrid`` and ``auto`` ask those that the generation has.

    Raises:
        IndexStateError: The generation has not got the one that is wanted.
    """
    if strategy in {"hybrid", "auto"}:
        arms: dict[Arm, bool] = {"dense": vectors, "lexical": lexical}
        return tuple(arm for arm, there in arms.items() if there)
    if strategy == "dense" and not vectors:
        raise IndexStateError(
            "the index has no vectors, so strategy dense has nothing to search",
            hint="--strategy lexical, or configure index.embedder and run ragcli index",
        )
    if strategy == "lexical" and not lexical:
        raise IndexStateError(
            "the index has no lexical part, so strategy lexical has nothing to search",
            hint="--strategy dense, or configure index.lexical and run ragcli index",
        )
    return ("dense",) if strategy == "dense" else ("lexical",)


def search_dense(
    index: "VectorIndex", vectors: "NDArray[np.float32]", depth: int, allowed: "Sequence[NDArray[np.int64] | None]"
) -> list[Ranking]:
    """The dense ranking of each question.

    Args:
        index: What to search.
        vectors: One unit vector a question, [m, d].
        depth: Results per question at most.
        allowed: Per question, the chunk rows that may be returned, or None for all; questions that share one array are
            searched together.
    """
    together: dict[int, list[int]] = {}
    for place, rows in enumerate(allowed):
        together.setdefault(id(rows), []).append(place)
    found: dict[int, Ranking] = {}
    for places in together.values():
        scores, rows = index.search(vectors[places], depth, allowed[places[0]])
        for place, score, row in zip(places, scores, rows, strict=True):
            found[place] = Ranking(score[row >= 0], row[row >= 0])
    return [found[place] for place in range(len(allowed))]


def search_lexical(
    index: "LexicalIndex", text: str, depth: int, allowed: "NDArray[np.int64] | None", clock: Clock
) -> Ranking:
    """The lexical ranking of one question."""
    with clock.stage("lexical"):
        return Ranking(*index.search(text, depth, allowed))


def look_up(
    generation: "Generation", question: Asked, rankings: Mapping[Arm, Ranking], clock: Clock
) -> dict[Arm, Ranking]:
    """The rankings of a question as it was put, each with the scores of what only the other arm returned.

    Without them a result just behind an arm's last is worth as little as one that has nothing to do with the question.
    What matches no word of it has a lexical score of 0. Variations, which only hint, are not worth the time.
    """
    if len(rankings) < 2 or generation.vectors is None or generation.lexical is None or question.vectors is None:
        return dict(rankings)
    import numpy as np

    dense, lexical = rankings["dense"], rankings["lexical"]
    worded, meant = np.setdiff1d(lexical.rows, dense.rows), np.setdiff1d(dense.rows, lexical.rows)
    if len(worded):
        with clock.stage("dense"):
            scores, found = generation.vectors.search(question.vectors[:1], len(worded), worded)
            dense = _extended(dense, scores[0], found[0])
    if len(meant):
        with clock.stage("lexical"):
            matching, rows = generation.lexical.search(question.text, len(meant), meant)
            rows = np.concatenate([rows, np.setdiff1d(meant, rows)])
            lexical = _extended(lexical, np.pad(matching, (0, len(rows) - len(matching))), rows)
    return {"dense": dense, "lexical": lexical}


def _extended(ranking: Ranking, scores: "NDArray[np.float32]", rows: "NDArray[np.int64]") -> Ranking:
    import numpy as np

    return Ranking(np.concatenate([ranking.scores, scores]), np.concatenate([ranking.rows, rows]), len(rows))


def rank(rankings: Mapping[Arm, Ranking], fusion: FusionConfig) -> list[Fused]:
    """One ranking: fused, or with a single arm that arm's own, with its own scores."""
    if len(rankings) != 1:
        return fuse(rankings, fusion)
    ((arm, only),) = rankings.items()
    found: Sequence[tuple[float, int]] = list(zip(only.scores.tolist(), only.rows.tolist(), strict=True))
    return [
        Fused(row, score, {arm: Contribution(score, place, score, score)})
        for place, (score, row) in enumerate(found, 1)
    ]
