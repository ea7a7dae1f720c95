"""ROUGE (Lin 2004), equal to the rouge-score package (google-research/rouge) to the last bit.

The same formulas, with two changes that cost no digit: the rows of a table of common subsequences are the bits of one
integer each (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"), and a word is stemmed once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar, assert_never

RougeType: TypeAlias = Literal["ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum"]

_Item = TypeVar("_Item")


class Rouge(NamedTuple):
    """Precision, recall and their harmonic mean."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Words:
    """The words of a text, line by line: a line is a sentence to ROUGE-Lsum."""

    lines: Sequence[Sequence[str]]

    @classmethod
    def of(cls, text: str, *, stem: bool) -> "Words":
        """Lower-case ASCII words; with ``stem``, the Porter stems of those longer than three letters."""
        from rouge_score.tokenize import tokenize

        lines = (tokenize(line, _Stemmer if stem else None) for line in text.split("\n"))
        return cls([line for line in lines if line])

    @cached_property
    def all(self) -> Sequence[str]:
        """All words in order."""
        return self.lines[0] if len(self.lines) == 1 else [word for line in self.lines for word in line]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each word occurs."""
        return Counter(self.all)

    @cached_property
    def pairs(self) -> Counter[tuple[str, str]]:
        """How often each pair of neighbours occurs."""
        return Counter(zip(self.all, self.all[1:], strict=False))


def rouge(answer: str, references: Sequence[str], types: Iterable[RougeType], *, stem: bool) -> dict[RougeType, Rouge]:
    """Each type against the reference that gives it the highest F1, the first of equals; stems where asked for."""
    candidate = Words.of(answer, stem=stem)
    targets = [Words.of(reference, stem=stem) for reference in references]
    return {
        kind: max((_score(kind, target, candidate) for target in targets), key=lambda score: score.f1) for kind in types
    }


def _score(kind: RougeType, target: Words, candidate: Words) -> Rouge:
    match kind:
        case "ROUGE-1":
            return _overlap(target.counts, candidate.counts)
        case "ROUGE-2":
            return _overlap(target.pairs, candidate.pairs)
        case "ROUGE-L":
            return _ratios(_common_length(target.all, candidate.all), len(target.all), len(candidate.all))
        case "ROUGE-Lsum":
            return _ratios(_summary_hits(target, candidate), len(target.all), len(candidate.all))
        case _:
            assert_never(kind)


def _overlap(target: Counter[_Item], candidate: Counter[_Item]) -> Rouge:
    shared = sum(min(count, candidate[item]) for item, count in target.items() if item in candidate)
    return _ratios(shared, target.total(), candidate.total())


def _ratios(shared: int, target: int, candidate: int) -> Rouge:
    if not shared:
        return Rouge(0.0, 0.0, 0.0)
    precision, recall = shared / candidate, shared / target
    return Rouge(precision, recall, 2 * precision * recall / (precision + recall))


def _places(words: Sequence[str]) -> dict[str, int]:
    """Where each word is: bit i is set for place i."""
    places: dict[str, int] = {}
    for place, word in enumerate(words):
        places[word] = places.get(word, 0) | 1 << place
    return places


def _common_length(target: Sequence[str], candidate: Sequence[str]) -> int:
    """Length of a longest common subsequence."""
    places = _places(candidate)
    full = (1 << len(candidate)) - 1
    row = full
    for word in target:
        found = row & places.get(word, 0)
        row = ((row + found) | (row - found)) & full
    return (row ^ full).bit_count()


def _table(target: Sequence[str], places: dict[str, int], size: int) -> list[int]:
    """The table of common lengths: bit j of row i is set where length (i, j + 1) exceeds length (i, j)."""
    full = (1 << size) - 1
    row = full
    rows = [0]
    for word in target:
        found = row & places.get(word, 0)
        row = ((row + found) | (row - found)) & full
        rows.append(row ^ full)
    return rows


def _common_places(target: Sequence[str], candidate: Sequence[str], places: dict[str, int]) -> Iterable[int]:
    """Places in ``target`` of the longest common subsequence that rouge-score finds: of equals, the same one."""
    rows = _table(target, places, len(candidate))
    i, j = len(target), len(candidate)
    while i and j:
        if target[i - 1] == candidate[j - 1]:
            i, j = i - 1, j - 1
            yield i
            continue
        below = (1 << (j - 1)) - 1
        if (rows[i] & below).bit_count() > (rows[i - 1] & (below << 1 | 1)).bit_count():
            j -= 1
        else:
            i -= 1


def _summary_hits(target: Words, candidate: Words) -> int:
    """Words of the union of common subsequences, sentence by sentence, none counted more often than it occurs."""
    wanted, given = target.counts.copy(), candidate.counts.copy()
    lines = [(line, _places(line)) for line in candidate.lines]
    hits = 0
    for line in target.lines:
        union: set[int] = set()
        for other, places in lines:
            if not places.keys().isdisjoint(line):
                union.update(_common_places(line, other, places))
        for place in sorted(union):
            word = line[place]
            if wanted[word] > 0 and given[word] > 0:
                hits += 1
                wanted[word] -= 1
                given[word] -= 1
    return hits


class _Stemmer:
    """What rouge-score's tokenizer stems with; a word that was met before costs a look-up."""

    @staticmethod
    @lru_cache(maxsize=1 << 18)
    def stem(word: str) -> str:
        """The Porter stem."""
        return str(_stemmer().stem(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:  # NLTK's; it stays unimported here
    from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]  # it has none - and takes a second

    return PorterStemmer()
