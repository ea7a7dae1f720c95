"""Answer metrics as values whose names round-trip: ``AnswerMetric.parse("rouge-l-p")`` prints as ``ROUGE-L-P``.

The plain name is the F1 of precision and recall: ``ROUGE-L`` is ``ROUGE-L-F1``; ``-P`` and ``-R`` name the two.
``ROUGE-L(stem)`` compares stems. BERTScore always names its part, as its authors do.
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ragcli.errors import UsageError

AnswerMeasure: TypeAlias = Literal[
    "ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum", "BERTScore", "EM", "F1", "length", "refusal_rate",
    "citation_precision", "citation_recall", "similarity", "judge_faithfulness", "judge_relevance",
]  # fmt: skip
Part: TypeAlias = Literal["F1", "P", "R"]
Group: TypeAlias = Literal["answers", "judge"]

_MEASURES: tuple[AnswerMeasure, ...] = (
    "ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum", "BERTScore", "EM", "F1", "length", "refusal_rate",
    "citation_precision", "citation_recall", "similarity", "judge_faithfulness", "judge_relevance",
)  # fmt: skip
_PARTS: dict[str, Part] = {"F1": "F1", "P": "P", "R": "R"}
_ALIASES: dict[str, AnswerMeasure] = {
    **{measure.casefold(): measure for measure in _MEASURES},
    **{measure.casefold().replace("-", "", 1): measure for measure in _MEASURES if measure.startswith("ROUGE")},
    "exact_match": "EM",
    "token_f1": "F1",
    "faithfulness": "judge_faithfulness",
    "relevance": "judge_relevance",
}
_NEED_REFERENCE = frozenset({"ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum", "BERTScore", "EM", "F1", "similarity"})
_NAME = re.compile(r"\s*([a-z][a-z0-9_-]*?)(?:-(f1|p|r))?\s*(\(\s*stem\s*\))?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AnswerMetric:
    """A measure of answers.

    Attributes:
        part: F1, precision or recall, where the measure has them.
        stem: Whether ROUGE compares stems.
    """

    measure: AnswerMeasure
    part: Part = "F1"
    stem: bool = False

    def __str__(self) -> str:
        named = self.part != "F1" or self.measure == "BERTScore"
        return self.measure + (f"-{self.part}" if named else "") + ("(stem)" if self.stem else "")

    @classmethod
    def parse(cls, name: str) -> "AnswerMetric":
        """Read a name in any case.

        Raises:
            UsageError: There is no such metric.
        """
        match = _NAME.fullmatch(name)
        measure = _ALIASES.get(match[1].casefold()) if match else None
        if match is None or measure is None:
            raise UsageError(f"unknown answer metric {name!r}", hint=_suggestion(name))
        rouge = measure.startswith("ROUGE")
        if match[2] and not (rouge or measure == "BERTScore"):
            raise UsageError(f"metric {name!r} has no precision and recall of its own", hint=measure)
        if match[3] and not rouge:
            raise UsageError(f"metric {name!r} takes no options", hint=str(cls(measure)))
        return cls(measure, _PARTS[(match[2] or "F1").upper()], bool(match[3]))

    @property
    def needs_reference(self) -> bool:
        """Whether it compares with reference answers."""
        return self.measure in _NEED_REFERENCE

    @property
    def group(self) -> Group:
        """Whether a language model's opinion or a computation; the two are never averaged together."""
        return "judge" if self.measure.startswith("judge_") else "answers"


KNOWN = tuple(str(AnswerMetric(measure)) for measure in _MEASURES)
"""Every measure's plain name."""


def _suggestion(name: str) -> str:
    """The nearest metric that there is, otherwise all of them."""
    from difflib import get_close_matches

    word = name.partition("(")[0].strip().casefold()
    near = get_close_matches(word, _ALIASES, n=1, cutoff=0.6)
    guess = f"did you mean {AnswerMetric(_ALIASES[near[0]])}? " if near else ""
    return f"{guess}Known: {', '.join(KNOWN)}"
