"""From questions, with all their variations, to one ranking each."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ragcli.config.query import FusionConfig
from ragcli.query.asked import Asked
from ragcli.query.clock import Clock, shared
from ragcli.query.fuse import Arm, Fused, Ranking, fuse_variations
from ragcli.query.retrieve import look_up, rank, search_dense, search_lexical

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragcli.index.reader import Generation

Embed: TypeAlias = Callable[[Sequence[Asked], Sequence[Clock]], None]
"""Gives questions their vectors."""
_Rankings: TypeAlias = list[list[dict[Arm, Ranking]]]


def rank_all(
    generation: "Generation",
    asked: Sequence[Asked],
    depth: int,
    fusion: FusionConfig,
    clocks: Sequence[Clock],
    embed: Embed,
) -> list[list[Fused]]:
    """One ranking a question, over all of its variations.

    Args:
        generation: What is searched.
        asked: The questions.
        depth: How many candidates an arm gives for a variation.
        fusion: How the arms' rankings become one.
        clocks: One a question.
        embed: Called at most once, for the questions that are put to the dense arm and have no vectors yet.
    """
    found: _Rankings = [[{} for _ in question.variations] for question in asked]
    lexical = generation.lexical
    for question, own, clock in zip(asked, found, clocks, strict=True):  # first: the model may still be loading
        for variation, rankings in zip(question.variations, own, strict=True):
            if "lexical" in question.arms_of(variation) and lexical is not None:
                rankings["lexical"] = search_lexical(lexical, variation.text, depth, question.allowed, clock)
    _add_dense(generation, asked, found, depth, clocks, embed)
    if fusion.kind == "minmax":
        for question, own, clock in zip(asked, found, clocks, strict=True):
            own[0] = look_up(generation, question, own[0], clock)
    with shared(clocks, "fuse"):
        return [
            _fused(question, [rank(rankings, fusion) for rankings in own])
            for question, own in zip(asked, found, strict=True)
        ]


def _add_dense(
    generation: "Generation",
    asked: Sequence[Asked],
    found: _Rankings,
    depth: int,
    clocks: Sequence[Clock],
    embed: Embed,
) -> None:
    """The dense ranking of every variation of the questions that are put to that arm."""
    import numpy as np

    places = [place for place, question in enumerate(asked) if "dense" in question.arms]
    if not places or generation.vectors is None:
        return
    new = [place for place in places if asked[place].vectors is None]
    if new:
        embed([asked[place] for place in new], [clocks[place] for place in new])
    vectors: list[NDArray[np.float32]] = [own for place in places if (own := asked[place].vectors) is not None]
    targets = [
        (rankings, asked[place].allowed)
        for place in places
        for variation, rankings in zip(asked[place].variations, found[place], strict=True)
        if "dense" in asked[place].arms_of(variation)
    ]
    with shared([clocks[place] for place in places], "dense"):
        dense = search_dense(generation.vectors, np.concatenate(vectors), depth, [own for _, own in targets])
    for (rankings, _), ranking in zip(targets, dense, strict=True):
        rankings["dense"] = ranking
    for place in places:
        for variation, rankings in zip(asked[place].variations, found[place], strict=True):
            if variation.arm == "lexical":
                rankings["dense"] = found[place][0]["dense"]


def _fused(question: Asked, rankings: Sequence[list[Fused]]) -> list[Fused]:
    if len(rankings) == 1:
        return rankings[0]
    return fuse_variations(rankings, [variation.weight for variation in question.variations])
