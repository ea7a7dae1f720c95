"""Measures of preferences between documents: how many of them the order of a run fulfils.

Carterette, Bennett, Chickering and Dumais, Here or there: preference judgments for relevance, ECIR 2008, in
trec_eval's definitions (its ``prefs_`` measures, https://github.com/usnistgov/trec_eval). ``_ret`` looks at pairs
of which both were returned, ``_imp`` at those of which at least one was, the others at all: what was returned stands
before what was not, and a pair of which neither was returned is not fulfilled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragcli.evaluate.columns import Integers
from ragcli.evaluate.ranking import Values

Matrix = NDArray[np.bool_]
Group: TypeAlias = tuple[Integers, Values]
"""Places of documents in the run, and their levels."""


@dataclass(frozen=True, slots=True)
class Judge:
    """What one judge prefers to what.

    Attributes:
        prefers: Whether the document at a place, a row, is preferred to that at another; bool [n, n].
        relevant: Places, ascending; likewise ``others``, of level 0.
        whole: Whether he compared all of his documents with each other.
    """

    prefers: Matrix
    relevant: Integers
    others: Integers
    whole: bool

    @classmethod
    def of(cls, groups: Sequence[Group], size: int) -> "Judge":
        """Preferences within groups, and between them what follows from those.

        Raises:
            ValueError: They contradict each other.
        """
        prefers = np.zeros((size, size), dtype=bool)
        level = np.full(size, np.nan)
        for places, levels in groups:
            if ((level[places] > 0) & (levels == 0) | (level[places] == 0) & (levels > 0)).any():
                raise ValueError("a judge has given a document level 0 and another one")
            prefers[np.ix_(places, places)] |= levels[:, None] > levels[None, :]
            level[places] = levels
        if len(groups) > 1:
            prefers = _followed(prefers)
        return cls(prefers, np.flatnonzero(level > 0), np.flatnonzero(level == 0), len(groups) == 1)


def _followed(prefers: Matrix) -> Matrix:
    """With a over c where a is preferred to b and b to c."""
    while True:
        product = prefers.astype(np.float32) @ prefers.astype(np.float32)
        more = prefers | (product > 0)
        if (more == prefers).all():
            break
        prefers = more
    if (prefers & prefers.T).any():
        raise ValueError("the preferences of a judge contradict each other")
    return prefers


@dataclass(frozen=True, slots=True)
class Preferences:
    """The preferences of a query's judges.

    Attributes:
        returned: How many of the judged documents the run has; they come first.
    """

    judges: tuple[Judge, ...]
    returned: int

    @classmethod
    def of(cls, judges: Sequence[Sequence[Group]], returned: int, size: int) -> "Preferences":
        """Preferences between ``size`` documents; raises ValueError where a judge contradicts himself."""
        return cls(tuple(Judge.of(groups, size) for groups in judges), returned)

    def fulfilled(self, prefers: Matrix, scope: str) -> int:
        """How many preferences the order fulfils."""
        ahead = np.triu(prefers[: self.returned, : self._end(scope)], 1)
        return int(np.count_nonzero(ahead))

    def possible(self, prefers: Matrix, scope: str) -> int:
        """How many preferences there are."""
        end = self._end(scope)
        neither = prefers[self.returned :, self.returned :] if scope == "imp" else prefers[:0]
        return int(np.count_nonzero(prefers[:end, :end]) - np.count_nonzero(neither))

    def _end(self, scope: str) -> int | None:
        return self.returned if scope == "ret" else None


def value(measure: str, of: Preferences) -> float:
    """Value of a ``prefs_`` measure; 0 where there are no preferences."""
    if measure in _COUNTS:
        return float(_COUNTS[measure](of))
    name, _, scope = measure.removeprefix("prefs_").rpartition("_")
    if scope not in {"ret", "imp"}:
        name, scope = measure.removeprefix("prefs_"), "all"
    return _FORMULAS[name](of, scope)


def _sum(count: Callable[[Matrix, str], int], of: Preferences, scope: str) -> int:
    return sum(count(judge.prefers, scope) for judge in of.judges)


def _simple(of: Preferences, scope: str) -> float:
    """Share of all judges' preferences that is fulfilled."""
    possible = _sum(of.possible, of, scope)
    return _sum(of.fulfilled, of, scope) / possible if possible else 0.0


def _by_pair(of: Preferences, scope: str) -> float:
    """Share of a pair's preferences that is fulfilled, averaged over the pairs."""
    votes = np.sum([judge.prefers for judge in of.judges], axis=0)
    ahead, total = np.triu(votes, 1), np.triu(votes + votes.T, 1)
    if scope != "all":
        total[of.returned :] = 0
    if scope == "ret":
        total[:, of.returned :] = 0
    ahead[of.returned :] = 0
    pairs = total > 0
    return float((ahead[pairs] / total[pairs]).mean()) if pairs.any() else 0.0


def _by_judge(of: Preferences, scope: str) -> float:
    """Share of a judge's preferences that is fulfilled, averaged over the judges."""
    counts = [(of.fulfilled(judge.prefers, scope), of.possible(judge.prefers, scope)) for judge in of.judges]
    return sum(fulfilled / possible for fulfilled, possible in counts if possible) / len(of.judges)


def _balanced(of: Preferences, scope: str) -> float:
    """The same with as many documents of level 0 as there are relevant ones, R.

    Where there are fewer, R - N more come after all that was returned; where there are more, the first R count.
    """
    shares = [_balanced_share(of, judge, scope) for judge in of.judges]
    return 0.0 if None in shares else sum(share or 0.0 for share in shares) / len(shares)


def _balanced_share(of: Preferences, judge: Judge, scope: str) -> float | None:
    relevant, others = judge.relevant, judge.others
    returned = relevant[relevant < of.returned]
    whole = len(relevant)
    if scope == "ret":
        relevant, others = returned, others[others < of.returned]
    spare = len(relevant) - len(others)
    if spare >= 0:
        possible = of.possible(judge.prefers, scope) + spare * whole
        return (of.fulfilled(judge.prefers, scope) + spare * len(returned)) / possible if possible else None
    keep = whole if scope == "ret" and not judge.whole else len(relevant)
    kept, dropped = others[:keep], others[keep:]
    prefers = judge.prefers.copy()
    prefers[:, dropped] = False
    if judge.whole:  # trec_eval then counts those of level 0, all over the first R, as preferences too
        prefers[np.ix_(others, kept)] = True
    possible = of.possible(prefers, scope)
    return of.fulfilled(prefers, scope) / possible if possible else None


_COUNTS: dict[str, Callable[[Preferences], int]] = {
    "prefs_num_prefs_poss": lambda of: _sum(of.possible, of, "all"),
    "prefs_num_prefs_ful": lambda of: _sum(of.fulfilled, of, "all"),
    "prefs_num_prefs_ful_ret": lambda of: _sum(of.fulfilled, of, "ret"),
}
_FORMULAS: dict[str, Callable[[Preferences, str], float]] = {
    "simp": _simple,
    "pair": _by_pair,
    "avgjg": _by_judge,
    "avgjg_Rnonrel": _balanced,
}
