"""Judgements by several judges: a metric against each judge's, averaged, and preferences between documents.

trec_eval calls them judgment groups: its ``-R qrels_jg``, ``-R prefs`` and ``-R qrels_prefs``
(https://github.com/usnistgov/trec_eval).
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ragcli.errors import DataError
from ragcli.evaluate import preferences
from ragcli.evaluate.columns import Integers
from ragcli.evaluate.judgements import Qrels
from ragcli.evaluate.lines import Lines
from ragcli.evaluate.measures import Metric
from ragcli.evaluate.ranking import rank
from ragcli.evaluate.retrieval import together, values_of
from ragcli.evaluate.runs import Run
from ragcli.records import Score

Levels: TypeAlias = dict[str, float]
_EXPECTED = "'query judge document grade' or 'query judge group document level'"


@dataclass(frozen=True)
class Panel:
    """Judgements by one or more judges for each query.

    Attributes:
        judges: Query -> judge -> group -> document -> level. Within a group a judge prefers what has a higher level;
            a level below 0 is no judgement.
    """

    judges: Mapping[str, Mapping[str, Mapping[str, Levels]]]

    @cached_property
    def judgements(self) -> dict[str, dict[str, int]]:
        """Every judged document of a query, under its number in the order of names."""
        found = {}
        for query, judges in self.judges.items():
            names = {name for groups in judges.values() for levels in groups.values() for name in levels}
            found[query] = {name: number for number, name in enumerate(sorted(names))}
        return found

    @property
    def fingerprint(self) -> str:
        """Digest of the judgements."""
        return blake2b(json.dumps(self.judges, sort_keys=True).encode(), digest_size=8).hexdigest()

    def score(self, run: Run, metrics: Sequence[Metric]) -> list[Score]:
        """Values of metrics: of preferences, or of each judge's judgements, averaged over a query's judges.

        Raises:
            DataError: No query of the run is judged, or the judgements do not suit a metric.
        """
        usual = [metric for metric in metrics if not metric.of_preferences]
        others = [metric for metric in metrics if metric.of_preferences]
        found = [*(self._averaged(run, usual) if usual else ()), *(self._preferred(run, others) if others else ())]
        scores = {score.metric: score for score in found}
        return [scores[str(metric)] for metric in metrics]

    def _preferred(self, run: Run, metrics: Sequence[Metric]) -> list[Score]:
        values: dict[Metric, dict[str, float]] = {metric: {} for metric in metrics}
        for query, of in self._counted(run):
            for metric, own in values.items():
                own[query] = preferences.value(metric.measure, of)
        return [Score(str(metric), together(metric, np.array([*own.values()])), own) for metric, own in values.items()]

    def _averaged(self, run: Run, metrics: Sequence[Metric]) -> list[Score]:
        own = {query: [_grades(query, groups) for groups in judges.values()] for query, judges in self.judges.items()}
        counts = np.array([len(judges) for judges in own.values()])
        sums = np.zeros((len(metrics), len(own)))
        for place in range(int(counts.max())):
            grades = {query: judges[place] if place < len(judges) else {} for query, judges in own.items()}
            ranked = rank(run, Qrels.of(grades))
            sums += np.where(place < counts, [values_of(ranked, metric) for metric in metrics], 0.0)
        return [
            Score(str(metric), together(metric, values), dict(zip(own, values.tolist(), strict=True)))
            for metric, values in zip(metrics, sums / counts, strict=True)
        ]

    def _counted(self, run: Run) -> Iterator[tuple[str, preferences.Preferences]]:
        """Preferences of each query between documents in the order of the run, those that it lacks at the end.

        Here trec_eval puts documents of equal score in ascending order of names: backwards, they are in descending one.
        """
        backwards = rank(replace(run, scores=-run.scores), Qrels.of(self.judgements))
        places = np.searchsorted(backwards.query, np.arange(len(self.judges) + 1)).tolist()
        for query, first, last in zip(self.judges, places[:-1], places[1:], strict=True):
            yield query, self._of_query(query, backwards.grade[first:last][::-1])

    def _of_query(self, query: str, returned: Integers) -> preferences.Preferences:
        """Preferences of a query of which the run has these documents, called by their numbers."""
        numbers = self.judgements[query]
        place = np.full(len(numbers), -1)
        place[returned] = np.arange(len(returned))
        place[place < 0] = np.arange(len(returned), len(numbers))
        judges = []
        for groups in self.judges[query].values():
            kept = [{name: level for name, level in levels.items() if level >= 0} for levels in groups.values()]
            judges.append([(place[[numbers[name] for name in own]], np.array(list(own.values()))) for own in kept])
        try:
            return preferences.Preferences.of(judges, len(returned), len(numbers))
        except ValueError as error:
            raise DataError(f"query {query!r}: {error}") from error


def read_panel(file: Path) -> Panel:
    """Read judgements by several judges; levels of groups may be fractions. ``-`` is stdin; gzip is recognised.

    Raises:
        DataError: It cannot be read, or a line is malformed or judges a document a second time.
    """
    judges: dict[str, dict[str, dict[str, Levels]]] = {}
    for where, (query, judge, *group, document, text) in _fields(file):
        levels = judges.setdefault(query, {}).setdefault(judge, {}).setdefault("".join(group), {})
        if document in levels:
            raise DataError(f"{where}: judge {judge!r} judges {document!r} twice for query {query!r}")
        try:
            levels[document] = float(text)
        except ValueError:
            levels[document] = math.nan
        if not math.isfinite(levels[document]):
            raise DataError(f"{where}: expected {_EXPECTED}, and {text!r} is no number")
    if not judges:
        raise DataError(f"{file} holds no judgements")
    return Panel(judges)


def _fields(file: Path) -> Iterator[tuple[str, list[str]]]:
    lines = Lines.read(file)
    try:
        text = lines.data[: lines.size].tobytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{lines.name}: not UTF-8") from error
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) not in {4, 5}:
            raise DataError(f"{lines.name}:{number}: expected {_EXPECTED}")
        yield f"{lines.name}:{number}", fields


def _grades(query: str, groups: Mapping[str, Levels]) -> dict[str, int]:
    """A judge's levels as grades."""
    levels = [item for group in groups.values() for item in group.items()]
    if len(groups) > 1 or any(level % 1 for _, level in levels):
        raise DataError(
            f"query {query!r}: its judgements are preferences, not grades", hint="a metric of preferences: prefs_pair"
        )
    return {name: int(level) for name, level in levels}
