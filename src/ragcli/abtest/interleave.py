"""Team-draft interleaving: one list of both rankings' hits, and clicks are credited to who brought them.

Radlinski, Kurup and Joachims, How does clickthrough data reflect retrieval quality?, CIKM 2008. As every user judges
both rankings, far fewer users tell them apart than split traffic needs (Chapelle, Joachims, Radlinski and Yue,
Large-scale validation and analysis of interleaved search evaluation, ACM TOIS 30, 2012).
"""

import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Mixed(Generic[_Key]):
    """A mixed ranking: for each place which ranking brought it, 0 or 1, and at which of its places, from 0."""

    teams: tuple[int, ...]
    places: tuple[int, ...]


def team_draft(rankings: tuple[Sequence[_Key], Sequence[_Key]], length: int, seed: str) -> Mixed[_Key]:
    """Mix two rankings: in each round a coin says who picks first, and each picks its best hit that is not there yet.

    Args:
        rankings: Keys of the hits, best first.
        length: Hits wanted.
        seed: Of the coins; the same seed mixes the same.
    """
    coins = random.Random(seed)  # noqa: S311 - no secret, but the same again
    seen: set[_Key] = set()
    teams: list[int] = []
    places: list[int] = []
    nexts = [0, 0]
    while len(teams) < length:
        picked = False
        first = coins.randrange(2)
        for team in (first, 1 - first):
            ranking = rankings[team]
            while nexts[team] < len(ranking) and ranking[nexts[team]] in seen:
                nexts[team] += 1
            if nexts[team] < len(ranking) and len(teams) < length:
                seen.add(ranking[nexts[team]])
                teams.append(team)
                places.append(nexts[team])
                picked = True
        if not picked:
            break
    return Mixed(tuple(teams), tuple(places))


def credited(teams: Sequence[int], clicked: Sequence[int]) -> Mapping[int, int]:
    """Team -> hits of it that were clicked on, each counted once; ranks beyond the list are none."""
    found = {0: 0, 1: 0}
    for rank in {rank for rank in clicked if 1 <= rank <= len(teams)}:
        found[teams[rank - 1]] += 1
    return found
