"""What the reports are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import RagcliError
from ragcli.evaluate import gates
from ragcli.evaluate.comparison import Comparisons, Verdict
from ragcli.evaluate.direction import direction
from ragcli.evaluate.gates import GateOutcome
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.statistics import EQUAL
from ragcli.evaluate.summary import Summary, slices, summarise


@dataclass(frozen=True)
class Report:
    """One evaluation with all that was concluded from it.

    Attributes:
        baseline: What it was compared with, together with ``comparisons``.
        outcomes: Of all gates; none when nothing was gated.
        run: Query id -> document -> score in ranked order, for ``.trec``; the stored hits serve when it is empty.
        warnings: What a person should know, as on stderr.
    """

    result: EvalResult
    baseline: EvalResult | None = None
    comparisons: Comparisons | None = None
    outcomes: tuple[GateOutcome, ...] = ()
    run: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """Of all gates together; None when nothing was gated."""
        return gates.verdict(self.outcomes) if self.outcomes else None

    @property
    def failure(self) -> RagcliError | None:
        """What the command ends with; None when it passes."""
        return gates.failure(self.outcomes)

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """Means and intervals of all metrics."""
        return summarise(self.result)

    @cached_property
    def slices(self) -> Mapping[str, tuple[Summary, ...]]:
        """Means and intervals by tag."""
        return slices(self.result)

    @cached_property
    def primary(self) -> str:
        """The metric that queries are sorted by: the first gated one, else the first one."""
        if self.comparisons is not None:
            return self.comparisons.gated[0].metric
        better = [name for name in self.result.values if direction(name) > 0]
        return (better or [*self.result.values, ""])[0]

    @cached_property
    def before(self) -> Mapping[str, int]:
        """Query id -> row in the baseline."""
        return {} if self.baseline is None else {query: row for row, query in enumerate(self.baseline.queries)}

    def values(self, row: int) -> dict[str, float]:
        """The values of one query; NaN where it failed."""
        return {name: float(values[row]) for name, values in self.result.values.items()}

    def baseline_values(self, row: int) -> dict[str, float]:
        """The baseline's values of the same query; empty when it has none."""
        other = self.before.get(self.result.queries[row])
        if self.baseline is None or other is None:
            return {}
        return {
            name: float(values[other]) for name, values in self.baseline.values.items() if name in self.result.values
        }

    def changes(self) -> NDArray[np.float64]:
        """How much better each query is than in the baseline by the primary metric; NaN where that is not known."""
        found = np.full(len(self.result.queries), np.nan)
        if self.baseline is None or self.primary not in self.baseline.values:
            return found
        ours = np.array([row for row, query in enumerate(self.result.queries) if query in self.before], dtype=np.intp)
        theirs = np.array([self.before[query] for query in self.result.queries if query in self.before], dtype=np.intp)
        difference = self.result.values[self.primary][ours] - self.baseline.values[self.primary][theirs]
        found[ours] = np.where(np.abs(difference) <= EQUAL, 0.0, difference) * (direction(self.primary) or 1)
        return found

    def worst_losses(self, most: int) -> list[int]:
        """Rows that lost against the baseline by the primary metric, the greatest loss first."""
        changes = self.changes()
        order = np.argsort(np.where(np.isnan(changes), np.inf, changes), kind="stable")
        return [int(row) for row in order[:most] if changes[row] < 0]
