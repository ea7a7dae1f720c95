"""Values in standard deviations from the mean of other runs, query by query (trec_eval ``-Z``).

Webber, Moffat and Zobel, Score standardization for inter-collection comparison of retrieval systems, SIGIR 2008.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ragcli.errors import DataError, UsageError
from ragcli.evaluate.measures import Metric
from ragcli.evaluate.ranking import Values
from ragcli.evaluate.result import EvalResult


@dataclass(frozen=True, slots=True)
class References:
    """How other runs did.

    Attributes:
        runs: Metric -> query -> mean and standard deviation over the runs.
        fingerprint: Digest of the file.
    """

    runs: Mapping[str, Mapping[str, tuple[float, float]]]
    fingerprint: str

    def standardised(self, metric: str, queries: Sequence[str], values: Values) -> Values:
        """Deviations of a metric's values; NaN where the runs say nothing, or all agree on another value."""
        own = self.runs.get(metric, {})
        mean, deviation = np.array([own.get(query, (math.nan, math.nan)) for query in queries]).reshape(-1, 2).T
        alike = np.where((deviation == 0) & (values == mean), 0.0, np.nan)
        return np.asarray(np.divide(values - mean, deviation, out=alike, where=deviation > 0))


def read_references(file: Path) -> References:
    """Read lines of ``query metric mean deviation``, metrics named as ragcli or trec_eval does.

    Raises:
        DataError: It cannot be read, or a line is malformed.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {file}: {error}") from error
    runs: dict[str, dict[str, tuple[float, float]]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        try:
            query, metric, mean, deviation = fields[0], fields[1], float(fields[2]), float(fields[3])
        except (IndexError, ValueError) as error:
            raise DataError(f"{file}:{number}: expected 'query metric mean deviation'") from error
        runs.setdefault(_name(metric), {})[query] = (mean, deviation)
    return References(runs, blake2b(text.encode(), digest_size=8).hexdigest())


def _name(spelled: str) -> str:
    """A metric's name as results have it; that of one which is not known as it stands."""
    try:
        return str(Metric.parse(spelled))
    except UsageError:
        return spelled


def standardise(result: EvalResult, references: References) -> EvalResult:
    """The result with ``ZnDCG@10`` in place of ``nDCG@10`` wherever other runs say how they did.

    Raises:
        DataError: They say nothing about any of its metrics and queries.
    """
    deviations = {name: references.standardised(name, result.queries, values) for name, values in result.values.items()}
    known = {name for name, values in deviations.items() if not np.isnan(values).all()}
    if not known:
        raise DataError(
            f"none of {', '.join(result.values)} is in the file of --zscores for these queries",
            hint="lines of it: query metric mean deviation",
        )
    values = {
        f"Z{name}" if name in known else name: deviations[name] if name in known else column
        for name, column in result.values.items()
    }
    return replace(result, values=values, notes={**result.notes, "zscores": references.fingerprint})
