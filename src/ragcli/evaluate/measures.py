"""Metrics as values whose names round-trip: ``Metric.parse("ndcg@10")`` prints as ``nDCG@10``."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ragcli.errors import UsageError

Measure: TypeAlias = Literal[
    "P", "recall", "hit", "Rprec", "MRR", "MAP", "nDCG", "bpref", "RBP", "judged",
    "char_recall", "char_precision", "char_iou",
]  # fmt: skip
Gains: TypeAlias = Literal["grade", "exp"]

WHOLE = 2**62
"""A cutoff beyond any ranking."""

_NAME = re.compile(r"\s*([a-z_]+)\s*(?:\(([^()]*)\))?\s*(?:@\s*([1-9]\d{0,8}))?\s*", re.IGNORECASE)
_CANONICAL: dict[str, Measure] = {
    "p": "P",
    "precision": "P",
    "recall": "recall",
    "r": "recall",
    "hit": "hit",
    "success": "hit",
    "rprec": "Rprec",
    "r_precision": "Rprec",
    "mrr": "MRR",
    "rr": "MRR",
    "map": "MAP",
    "ap": "MAP",
    "ndcg": "nDCG",
    "bpref": "bpref",
    "rbp": "RBP",
    "judged": "judged",
    "char_recall": "char_recall",
    "char_precision": "char_precision",
    "char_iou": "char_iou",
}
_CHARACTERS = frozenset({"char_recall", "char_precision", "char_iou"})
_NEED_CUTOFF = frozenset({"P", "recall", "hit", "judged"}) | _CHARACTERS
_NO_CUTOFF = frozenset({"Rprec", "bpref"})
_OPTIONS: dict[str, frozenset[str]] = {
    "nDCG": frozenset({"gains"}),
    "RBP": frozenset({"p", "rel"}),
    "judged": frozenset(),
    **dict.fromkeys(_CHARACTERS, frozenset[str]()),
}
_USUAL_OPTIONS = frozenset({"rel"})
KNOWN = (
    "P@5", "recall@10", "hit@10", "Rprec", "MRR", "MRR@10", "MAP", "MAP@100", "nDCG", "nDCG@10", "nDCG(gains=exp)@10",
    "bpref", "RBP(p=0.8)", "judged@10", "char_recall@5", "char_precision@5", "char_iou@5",
)  # fmt: skip
"""An example of every metric."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure with its cutoff and options.

    Attributes:
        cutoff: How many results are looked at; 0 for the whole ranking.
        rel: Smallest grade that is relevant.
        gains: What a grade is worth to nDCG: itself, or 2 ** grade - 1.
        p: How likely RBP's reader looks at the next result.
    """

    measure: Measure
    cutoff: int = 0
    rel: int = 1
    gains: Gains = "grade"
    p: float = 0.8

    def __str__(self) -> str:
        options = []
        if self.gains != "grade":
            options.append(f"gains={self.gains}")
        if self.measure == "RBP":
            options.append(f"p={self.p!r}")
        if self.rel != 1:
            options.append(f"rel={self.rel}")
        inside = f"({','.join(options)})" if options else ""
        return f"{self.measure}{inside}" + (f"@{self.cutoff}" if self.cutoff else "")

    @classmethod
    def parse(cls, name: str) -> "Metric":
        """Read a name such as ``nDCG@10`` or ``P(rel=2)@5``, in any case.

        Raises:
            UsageError: No such measure or option, or a cutoff that is missing, unwanted or below 1.
        """
        match = _NAME.fullmatch(name)
        measure = _CANONICAL.get(match[1].lower()) if match else None
        if match is None or measure is None:
            raise UsageError(f"unknown metric {name!r}", hint=_suggestion(name))
        cutoff = int(match[3] or 0)
        if not cutoff and measure in _NEED_CUTOFF:
            raise UsageError(f"metric {name!r} needs a cutoff", hint=f"for example {measure}@10")
        if cutoff and measure in _NO_CUTOFF:
            raise UsageError(f"metric {name!r} takes no cutoff", hint=measure)
        options = _options(name, measure, match[2])
        return cls(measure, cutoff, _rel(name, options), _gains(name, options), _persistence(name, options))

    @property
    def of_characters(self) -> bool:
        """Whether it compares chunks with judged spans, rather than documents with judged documents."""
        return self.measure in _CHARACTERS


def _options(name: str, measure: Measure, text: str | None) -> dict[str, str]:
    """Options by name, all of them known to the measure."""
    options: dict[str, str] = {}
    for part in (text or "").split(",") if (text or "").strip() else ():
        key, equals, value = (piece.strip().lower() for piece in part.partition("="))
        known = _OPTIONS.get(measure, _USUAL_OPTIONS)
        if not equals or key not in known or key in options:
            takes = f"{measure} takes {', '.join(sorted(known))}" if known else f"{measure} takes no options"
            raise UsageError(f"metric {name!r}: {part.strip()!r} is not one of its options", hint=takes)
        options[key] = value
    return options


def _rel(name: str, options: dict[str, str]) -> int:
    text = options.get("rel", "1")
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise UsageError(f"metric {name!r}: rel must be a whole number from 1", hint="for example P(rel=2)@5")
    return int(text)


def _gains(name: str, options: dict[str, str]) -> Gains:
    match options.get("gains", "grade"):
        case "exp":
            return "exp"
        case "grade" | "linear":
            return "grade"
        case _:
            raise UsageError(f"metric {name!r}: gains are linear or exp", hint="for example nDCG(gains=exp)@10")


def _persistence(name: str, options: dict[str, str]) -> float:
    text = options.get("p", "0.8")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1.0:
        raise UsageError(f"metric {name!r}: p must lie between 0 and 1", hint="for example RBP(p=0.8)")
    return value


def _suggestion(name: str) -> str:
    """The nearest metric that there is, otherwise all of them."""
    from difflib import get_close_matches

    word, at, cutoff = name.strip().partition("@")
    near = get_close_matches(word.strip().lower(), _CANONICAL, n=1, cutoff=0.5)
    if not near:
        return f"known: {', '.join(KNOWN)}"
    measure = _CANONICAL[near[0]]
    tail = f"@{cutoff}" if at and cutoff.isdigit() and int(cutoff) and measure not in _NO_CUTOFF else ""
    return f"did you mean {measure}{tail or ('@10' if measure in _NEED_CUTOFF else '')}? Known: {', '.join(KNOWN)}"
