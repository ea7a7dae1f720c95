"""Metrics as values whose names round-trip: ``Metric.parse("ndcg@10")`` prints as ``nDCG@10``."""

import re
from dataclasses import dataclass
from math import isfinite
from typing import Literal, TypeAlias

from ragcli.errors import UsageError

Measure: TypeAlias = Literal[
    "P", "recall", "hit", "Rprec", "MRR", "MAP", "nDCG", "bpref", "RBP", "judged",
    "unj", "iprec_at_recall", "11pt_avg", "Rprec_mult", "infAP", "gm_map", "gm_bpref", "RBP_resid", "binG", "G",
    "ndcg_rel", "Rndcg", "relative_P", "set_relative_P", "set_P", "set_recall", "set_F", "set_map", "utility",
    "num_ret", "num_rel", "num_rel_ret", "num_nonrel_judged_ret",
    "char_recall", "char_precision", "char_iou", "graded_RBP",
    "prefs_simp", "prefs_pair", "prefs_avgjg", "prefs_avgjg_Rnonrel",
    "prefs_simp_ret", "prefs_pair_ret", "prefs_avgjg_ret", "prefs_avgjg_Rnonrel_ret",
    "prefs_simp_imp", "prefs_pair_imp", "prefs_avgjg_imp",
    "prefs_num_prefs_poss", "prefs_num_prefs_ful", "prefs_num_prefs_ful_ret",
]  # fmt: skip
Gains: TypeAlias = Literal["grade", "exp"]

WHOLE = 2**62
"""A cutoff beyond any ranking."""

ELEVEN_POINTS = tuple(point / 10 for point in range(11))
"""Recall at which ``11pt_avg`` looks unless told."""

UTILITY = (1.0, -1.0, 0.0)
"""What ``utility`` counts unless told: a relevant result, another one, a relevant document that was missed."""

_NAME = re.compile(
    r"\s*([a-z_]+|11pt_avg)\s*(?:\(([^()]*)\))?\s*(?:(?:@\s*|(?<=[a-z])_)(0|[1-9]\d{0,8}|\d+\.\d{1,4}))?\s*",
    re.IGNORECASE,
)
_CHARACTERS: tuple[Measure, ...] = ("char_recall", "char_precision", "char_iou")
_SHARES: tuple[Measure, ...] = ("iprec_at_recall", "Rprec_mult")
_MOST: dict[Measure, float] = {"iprec_at_recall": 1.0, "Rprec_mult": 100.0}
_PREFERENCES: tuple[Measure, ...] = (
    "prefs_simp", "prefs_pair", "prefs_avgjg", "prefs_avgjg_Rnonrel", "prefs_simp_ret", "prefs_pair_ret",
    "prefs_avgjg_ret", "prefs_avgjg_Rnonrel_ret", "prefs_simp_imp", "prefs_pair_imp", "prefs_avgjg_imp",
)  # fmt: skip
_COUNTS: tuple[Measure, ...] = (
    "num_ret", "num_rel", "num_rel_ret", "num_nonrel_judged_ret",
    "prefs_num_prefs_poss", "prefs_num_prefs_ful", "prefs_num_prefs_ful_ret",
)  # fmt: skip
_GEOMETRIC: tuple[Measure, ...] = ("gm_map", "gm_bpref")
_BY_GAIN: tuple[Measure, ...] = ("nDCG", "G", "ndcg_rel", "Rndcg")
_CUT: tuple[Measure, ...] = ("P", "recall", "hit", "judged", "unj", "relative_P", *_CHARACTERS)
_CUT_OR_WHOLE: tuple[Measure, ...] = ("MRR", "MAP", "nDCG", "RBP", "graded_RBP")
_WHOLE: tuple[Measure, ...] = (
    "Rprec", "bpref", "11pt_avg", "infAP", "RBP_resid", "binG", "G", "ndcg_rel", "Rndcg", "set_relative_P", "set_P",
    "set_recall", "set_F", "set_map", "utility", *_COUNTS, *_GEOMETRIC, *_PREFERENCES,
)  # fmt: skip
_CANONICAL: dict[str, Measure] = {
    **{measure.lower(): measure for measure in (*_CUT, *_CUT_OR_WHOLE, *_WHOLE, *_SHARES)},
    "precision": "P",
    "r": "recall",
    "success": "hit",
    "r_precision": "Rprec",
    "rr": "MRR",
    "recip_rank": "MRR",
    "ap": "MAP",
    "map_cut": "MAP",
    "ndcg_cut": "nDCG",
    "map_avgjg": "MAP",
    "p_avgjg": "P",
    "rprec_mult_avgjg": "Rprec_mult",
}
_NEED_CUTOFF = frozenset(_CUT)
_NO_CUTOFF = frozenset(_WHOLE)
_OPTIONS: dict[str, frozenset[str]] = {
    **dict.fromkeys((*_BY_GAIN, *_CHARACTERS, *_PREFERENCES, "judged", "unj", "num_ret"), frozenset[str]()),
    **{measure: frozenset[str]() for measure in _COUNTS if measure.startswith("prefs_")},
    "nDCG": frozenset({"gains"}),
    "RBP": frozenset({"p", "rel"}),
    "graded_RBP": frozenset({"p"}),
    "RBP_resid": frozenset({"p"}),
    "11pt_avg": frozenset({"at", "rel"}),
    "utility": frozenset({"rel", "weights"}),
}
_USUAL_OPTIONS = frozenset({"rel"})
KNOWN = (
    "P@5", "recall@10", "hit@10", "Rprec", "MRR", "MRR@10", "MAP", "MAP@100", "nDCG", "nDCG@10", "nDCG(gains=exp)@10",
    "bpref", "RBP(p=0.8)", "graded_RBP(p=0.8)", "judged@10", "iprec_at_recall@0.1", "11pt_avg", "Rprec_mult@0.2",
    "relative_P@10", "infAP", "gm_map", "gm_bpref", "set_P", "set_recall", "set_F", "set_map", "set_relative_P",
    "utility", "num_ret", "num_rel", "num_rel_ret", "num_nonrel_judged_ret", "RBP_resid(p=0.8)", "unj@10", "binG", "G",
    "ndcg_rel", "Rndcg", "char_recall@5", "char_precision@5", "char_iou@5", *_PREFERENCES, *_COUNTS[4:],
)  # fmt: skip
"""An example of every metric."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure with its cutoff and options.

    Attributes:
        cutoff: How many results are looked at; 0 for the whole ranking.
        share: Recall of ``iprec_at_recall``, multiple of ``Rprec_mult``.
        numbers: Weights of ``utility``, points of ``11pt_avg``; empty for the usual ones.
        rel: Smallest grade that is relevant.
        gains: What a grade is worth to nDCG: itself, or 2 ** grade - 1.
        p: How likely RBP's reader looks at the next result.
    """

    measure: Measure
    cutoff: int = 0
    rel: int = 1
    gains: Gains = "grade"
    p: float = 0.8
    share: float = 0.0
    numbers: tuple[float, ...] = ()

    def __str__(self) -> str:
        options = []
        if self.gains != "grade":
            options.append(f"gains={self.gains}")
        if self.measure in {"RBP", "graded_RBP", "RBP_resid"}:
            options.append(f"p={self.p!r}")
        if self.numbers:
            name = "weights" if self.measure == "utility" else "at"
            options.append(f"{name}={'/'.join(f'{number:.10g}' for number in self.numbers)}")
        if self.rel != 1:
            options.append(f"rel={self.rel}")
        inside = f"({','.join(options)})" if options else ""
        if self.measure in _SHARES:
            return f"{self.measure}{inside}@{self.share:.10g}"
        return f"{self.measure}{inside}" + (f"@{self.cutoff}" if self.cutoff else "")

    @classmethod
    def parse(cls, name: str) -> "Metric":
        """Read a name such as ``nDCG@10`` or ``P(rel=2)@5``, in any case, or trec_eval's ``ndcg_cut_10``.

        Raises:
            UsageError: No such measure or option, or a cutoff that is missing, unwanted or below 1.
        """
        match = _NAME.fullmatch(name)
        measure = _CANONICAL.get(match[1].lower()) if match else None
        if match is None or measure is None:
            raise UsageError(f"unknown metric {name!r}", hint=_suggestion(name))
        cutoff, share = _cutoff(name, measure, match[3] or "")
        options = _options(name, measure, match[2])
        return cls(
            measure, cutoff, _rel(name, options), _gains(name, options), _persistence(name, options), share,
            _numbers(name, options),
        )  # fmt: skip

    @property
    def of_run(self) -> Literal["sum", "geometric"] | None:
        """How it makes one number of a whole run, where that is no mean over the queries."""
        if self.measure in _COUNTS:
            return "sum"
        return "geometric" if self.measure in _GEOMETRIC else None

    @property
    def of_characters(self) -> bool:
        """Whether it compares chunks with judged spans, rather than documents with judged documents."""
        return self.measure in _CHARACTERS

    @property
    def of_preferences(self) -> bool:
        """Whether it looks at preferences between documents, rather than at grades."""
        return self.measure.startswith("prefs_")


def _cutoff(name: str, measure: Measure, text: str) -> tuple[int, float]:
    """The cutoff of a measure that has one, or its share."""
    if measure in _SHARES:
        if not text or float(text) > _MOST[measure]:
            raise UsageError(f"metric {name!r} needs a share, at most {_MOST[measure]:g}", hint=f"{measure}@0.2")
        return 0, float(text)
    if "." in text or text == "0":
        raise UsageError(f"metric {name!r}: a cutoff is a whole number from 1", hint=f"for example {measure}@10")
    if not text and measure in _NEED_CUTOFF:
        raise UsageError(f"metric {name!r} needs a cutoff", hint=f"for example {measure}@10")
    if text and measure in _NO_CUTOFF:
        raise UsageError(f"metric {name!r} takes no cutoff", hint=measure)
    return int(text or 0), 0.0


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


def _numbers(name: str, options: dict[str, str]) -> tuple[float, ...]:
    text = options.get("weights") or options.get("at")
    if text is None:
        return ()
    try:
        numbers = tuple(map(float, text.split("/")))
    except ValueError:
        numbers = ()
    if "weights" in options and (len(numbers) != len(UTILITY) or not all(map(isfinite, numbers))):
        raise UsageError(f"metric {name!r} takes three weights", hint="for example utility(weights=1/-1/0)")
    if "at" in options and not (numbers and all(0.0 <= number <= 1.0 for number in numbers)):
        raise UsageError(f"metric {name!r}: points lie from 0 to 1", hint="for example 11pt_avg(at=0.25/0.5/0.75)")
    usual = UTILITY if "weights" in options else ELEVEN_POINTS
    return () if numbers == usual else numbers


def _suggestion(name: str) -> str:
    """The nearest metric that there is, otherwise all of them."""
    from difflib import get_close_matches

    word, at, cutoff = name.strip().partition("@")
    near = get_close_matches(word.strip().lower(), _CANONICAL, n=1, cutoff=0.5)
    if not near:
        return f"known: {', '.join(KNOWN)}"
    measure = _CANONICAL[near[0]]
    if measure in _SHARES:
        return f"did you mean {measure}@0.2? Known: {', '.join(KNOWN)}"
    tail = f"@{cutoff}" if at and cutoff.isdigit() and int(cutoff) and measure not in _NO_CUTOFF else ""
    return f"did you mean {measure}{tail or ('@10' if measure in _NEED_CUTOFF else '')}? Known: {', '.join(KNOWN)}"
