"""What the same questions say of a treatment and its control, metric by metric and in all.

A metric, with the difference treatment - control of each question and a margin, the largest difference that does not
matter:

- **equivalent**: two one-sided t-tests at level alpha show the mean difference to lie within the margin. This goes
  first: a difference that is significant, and shown not to matter, does not decide.
- **treatment better**, **control better**: not that, and the difference is significant (two-sided p below alpha after
  Holm's adjustment over all metrics and treatments).
- **inconclusive**: neither.

In all, by the metrics that decide: **treatment better** when it is in one of them, and every other one excludes a loss
of the margin or more; **control better** when it is in one, and the treatment in none; **equivalent** when all are.
Whatever else, and a treatment that wins by one metric and loses by another, is inconclusive. Equivalence in all asks
all tests at once, which needs no adjustment (Berger, Technometrics 24, 1982).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ragcli.evaluate.comparison import Comparison
from ragcli.evaluate.comparison import Verdict as Kept
from ragcli.evaluate.direction import direction
from ragcli.evaluate.gates import p_text


class Verdict(StrEnum):
    """Which of two configurations the questions prefer."""

    TREATMENT = "treatment better"
    CONTROL = "control better"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric of a treatment against its control.

    Attributes:
        comparison: Means, difference with interval, p, effect, counts, smallest detectable effect.
        equivalence_p: Of a difference of the margin or more, either way.
        decides: Whether it counts for the verdict in all.
    """

    comparison: Comparison
    equivalence_p: float
    verdict: Verdict
    decides: bool

    @property
    def metric(self) -> str:
        """Its name."""
        return self.comparison.metric

    @property
    def gain(self) -> float:
        """The difference, above 0 where the treatment is better."""
        return self.comparison.difference * direction(self.metric)


def judge(comparison: Comparison, equivalence_p: float, alpha: float) -> Verdict:
    """The verdict of one metric, whose p is adjusted already; a p that is not known shows nothing."""
    if equivalence_p < alpha:
        return Verdict.EQUIVALENT
    if comparison.adjusted_p < alpha and comparison.difference != 0.0:
        return Verdict.TREATMENT if comparison.difference * direction(comparison.metric) > 0 else Verdict.CONTROL
    return Verdict.INCONCLUSIVE


def in_all(judged: Sequence[Judged]) -> Verdict:
    """The verdict of the metrics that decide."""
    deciding = [item for item in judged if item.decides]
    verdicts = {item.verdict for item in deciding}
    if {Verdict.TREATMENT, Verdict.CONTROL} <= verdicts:
        return Verdict.INCONCLUSIVE
    if Verdict.CONTROL in verdicts:
        return Verdict.CONTROL
    if verdicts == {Verdict.EQUIVALENT}:
        return Verdict.EQUIVALENT
    if Verdict.TREATMENT in verdicts and all(_keeps(item) for item in deciding):
        return Verdict.TREATMENT
    return Verdict.INCONCLUSIVE


def _keeps(item: Judged) -> bool:
    """Whether a loss of the margin or more is excluded."""
    return item.verdict in {Verdict.EQUIVALENT, Verdict.TREATMENT} or item.comparison.verdict is Kept.PASS


def sentence(verdict: Verdict, judged: Sequence[Judged], control: str, treatment: str, tests: int) -> str:
    """The verdict in all as a sentence.

    Args:
        verdict: In all.
        judged: All metrics.
        control: Its name.
        treatment: Its name.
        tests: How many p values were adjusted together.
    """
    deciding = [item for item in judged if item.decides]
    return "; ".join([f"{treatment} {_told(verdict, deciding, control, tests)}", *_beside(judged)])


def _told(verdict: Verdict, deciding: Sequence[Judged], control: str, tests: int) -> str:
    won = [item for item in deciding if item.verdict is Verdict.TREATMENT]
    lost = [item for item in deciding if item.verdict is Verdict.CONTROL]
    if verdict is Verdict.TREATMENT:
        return f"is better than {control} by {_facts(won)}"
    if verdict is Verdict.CONTROL:
        return f"is worse than {control} by {_facts(lost)}"
    if verdict is Verdict.EQUIVALENT:
        within = ", ".join(f"{item.metric} (within {item.comparison.margin:.4g})" for item in deciding)
        return f"is as good as {control} by {within}"
    if won and lost:
        return f"is better than {control} by {_facts(won)}, and worse by {_facts(lost)}"
    known = f"; better by {', '.join(item.metric for item in won)}" if won else ""
    return f"cannot be told from {control} by these questions: {_open(deciding, tests)}{known}"


def _facts(judged: Sequence[Judged]) -> str:
    first = judged[0].comparison
    more = f" (and {', '.join(item.metric for item in judged[1:])})" if judged[1:] else ""
    return (
        f"{first.metric} {first.baseline:.4f} -> {first.candidate:.4f} ({first.difference:+.4f}, 95 % interval"
        f" {first.interval.low:+.4f} to {first.interval.high:+.4f}, p {p_text(first.adjusted_p)}){more}"
    )


def _open(judged: Sequence[Judged], tests: int) -> str:
    """Of the first metric that cannot be told, what is known."""
    item = next((item for item in judged if item.verdict is Verdict.INCONCLUSIVE and not _keeps(item)), None)
    item = item or next((item for item in judged if item.verdict is Verdict.INCONCLUSIVE), judged[0])
    found = item.comparison
    return (
        f"{found.metric} {found.difference:+.4f}, 95 % interval {found.interval.low:+.4f} to"
        f" {found.interval.high:+.4f}, p {p_text(found.adjusted_p)} after Holm over {tests}, margin {found.margin:.4g};"
        f" a difference of {found.detectable:.4f} would show"
    )


def _beside(judged: Sequence[Judged]) -> list[str]:
    """What metrics that do not decide show."""
    return [
        f"{item.metric} is {_change(item.comparison)} ({item.verdict.value}, does not decide)"
        for item in judged
        if not item.decides and item.verdict in {Verdict.TREATMENT, Verdict.CONTROL}
    ]


def _change(found: Comparison) -> str:
    word = "higher" if found.difference > 0 else "lower"
    if found.baseline:
        return f"{abs(found.difference / found.baseline):.0%} {word}"
    return f"{abs(found.difference):.4g} {word}"
