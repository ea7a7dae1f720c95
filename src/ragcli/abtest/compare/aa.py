"""One configuration asked twice: what differs then is noise, and no comparison can show less."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragcli.abtest.compare.engines import opened
from ragcli.abtest.compare.run import LATENCY, Options, evaluated
from ragcli.config.settings import Config
from ragcli.evaluate import comparison, statistics
from ragcli.evaluate.comparison import Comparison
from ragcli.evaluate.counting import counted
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.statistics import Interval
from ragcli.index.progress import Progress

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Noise:
    """How much one metric differs between two runs of one configuration.

    Attributes:
        first: Mean of the first run; likewise ``second``.
        interval: Of the mean difference.
        floor: The noise floor, the interval's farther end: a mean difference below it may be noise. 0 when no
            question differs.
        detectable: Smallest mean difference that so many questions would show with 80 % probability, were there no
            other difference than this noise; NaN when no question differs.
        margin: Largest difference that does not matter.
        p: Of no difference, two-sided and not adjusted.
        differing: How many questions differ, and which, to begin with: ``examples``.
        deterministic: Whether none does; None of times, which always differ.
    """

    metric: str
    first: float
    second: float
    difference: float
    interval: Interval
    floor: float
    detectable: float
    margin: float
    p: float
    queries: int
    differing: int
    examples: tuple[str, ...]
    deterministic: bool | None


@dataclass(frozen=True, slots=True)
class AaResult:
    """The noise of all metrics.

    Attributes:
        config: The file.
        warnings: What a comparison by these metrics has to reckon with.
        results: Both evaluations.
    """

    dataset: str
    config: str
    metrics: tuple[Noise, ...]
    warnings: tuple[str, ...]
    results: tuple[EvalResult, EvalResult]
    seconds: float

    @property
    def deterministic(self) -> bool | None:
        """Whether every metric of quality is; None where only times were asked for."""
        known = [item.deterministic for item in self.metrics if item.deterministic is not None]
        return all(known) if known else None


def run_aa(
    file: Path, config: Config, dataset: Dataset, options: Options, progress: Progress | None = None
) -> AaResult:
    """Ask every question twice, of two engines in turn that share nothing; raises as ``run_compare`` does."""
    started = time.perf_counter()
    named = [(file, config)] * 2
    with opened(named, share=False) as engines:
        first, second = evaluated(named, engines, dataset, options, progress)
    gated = (*comparison.gated_metrics(first, second, options.deciding), LATENCY)
    settings = comparison.Settings(gated=tuple(dict.fromkeys(gated)), margins=options.settings.margins)
    found = comparison.compare(first, second, settings, name=str(file)).gated
    noise = tuple(_noise(item, first, second) for item in found)
    warnings = tuple(text for item in noise for text in _warnings(item))
    return AaResult(dataset.name, str(file), noise, warnings, (first, second), time.perf_counter() - started)


def _noise(item: Comparison, first: EvalResult, second: EvalResult) -> Noise:
    apart = np.abs(second.values[item.metric] - first.values[item.metric])
    differing = [first.queries[row] for row in np.flatnonzero(apart > statistics.EQUAL)]
    return Noise(
        metric=item.metric,
        first=item.baseline,
        second=item.candidate,
        difference=item.difference,
        interval=item.interval,
        floor=max(abs(item.interval.low), abs(item.interval.high)),
        detectable=item.detectable,
        margin=item.margin,
        p=item.p,
        queries=item.queries,
        differing=len(differing),
        examples=tuple(differing[:_EXAMPLES]),
        deterministic=None if item.metric == LATENCY else not differing,
    )


def _warnings(item: Noise) -> list[str]:
    told = []
    if item.deterministic is False:
        told.append(
            f"{item.metric} is not deterministic: it differs on {item.differing} of"
            f" {counted(item.queries, 'question')}, such as {', '.join(item.examples)}"
        )
    if item.floor > item.margin:
        told.append(
            f"{item.metric}: the noise floor {item.floor:.4g} is above its margin {item.margin:.4g}, so these questions"
            " cannot show equivalence; ask more, or widen --margin"
        )
    return told
