"""How often the baseline gate cries wolf, and how often it catches a planted drop.

    python benchmarks/eval_gate.py [--repeats 1000] [--queries 300] [--drop 0.03]

Per-query values are drawn as nDCG@10 looks on SciFact's 300 test queries: a sixth are 0, half are 1, two systems
agree on most of them. Measured there, differences have the standard deviation 0.08 between two settings of BM25
(13 % of the queries change), 0.10 and 0.13 between neighbouring fusion weights (18 and 27 %), 0.17 with and without
stemming (24 %), and 0.35 between BM25 and an embedding model (48 %).

A false alarm is the verdict regression for two systems of the same quality, a detection is that verdict for a candidate
whose mean of every metric is lower by the drop.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragcli.evaluate.comparison import Settings, Verdict, compare
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.statistics import TestName

Values = NDArray[np.float64]
METRICS = ("nDCG@10", "recall@10", "MRR@10")


@dataclass(frozen=True, slots=True)
class Systems:
    """How two systems relate.

    Attributes:
        changed: Share of queries on which they differ at all.
        spread: Standard deviation of the change there, before it is cut to 0..1.
    """

    name: str
    changed: float
    spread: float


SYSTEMS = (
    Systems("settings of BM25", 0.15, 0.34),
    Systems("a fusion weight", 0.27, 0.36),
    Systems("another model", 0.50, 0.95),
)


def pair(generator: np.random.Generator, systems: Systems, queries: int, drop: float) -> tuple[EvalResult, EvalResult]:
    """Results of a baseline and of a candidate that is worse by ``drop`` in expectation, on a sample of queries."""
    base = quality(generator, queries)
    moved = generator.random(queries) < systems.changed
    sides = []
    for _ in range(2):  # both scatter alike around the same quality, so without a drop they are exchangeable
        noise = generator.normal(0.0, systems.spread / np.sqrt(2), queries)
        sides.append(np.where(moved, np.clip(base + noise, 0.0, 1.0), base))
    sides[1] = lowered(generator, sides[1], drop)
    return result(generator, sides[0]), result(generator, sides[1])


def quality(generator: np.random.Generator, queries: int) -> Values:
    """Per-query quality: a sixth of the queries fail, half are perfect."""
    kind = generator.random(queries)
    return np.where(kind < 0.17, 0.0, np.where(kind < 0.69, 1.0, generator.beta(2.0, 1.6, queries)))


def lowered(generator: np.random.Generator, values: Values, drop: float) -> Values:
    """Values that lost ``drop`` on average: a few queries lose two fifths of theirs, as when documents get lost."""
    loss = 0.4
    share = drop / (loss * values.mean())
    return np.where(generator.random(values.size) < share, values * (1 - loss), values)


def result(generator: np.random.Generator, values: Values) -> EvalResult:
    """A result whose metrics follow the same quality, each with noise of its own on the queries between 0 and 1."""
    inner = (values > 0) & (values < 1)
    noisy = {
        name: np.where(inner, np.clip(values + generator.normal(0.0, 0.05, values.size), 0.0, 1.0), values)
        for name in METRICS
    }
    return EvalResult("simulated", tuple(map(str, range(values.size))), noisy)


def verdicts(systems: Systems, queries: int, drop: float, repeats: int, test: TestName = "permutation") -> Counter[str]:
    """How often each verdict was given."""
    return Counter(outcome for outcome, _ in outcomes(systems, queries, drop, repeats, test))


def outcomes(
    systems: Systems, queries: int, drop: float, repeats: int, test: TestName
) -> Iterator[tuple[str, tuple[float, float]]]:
    """Verdict of each repeat, with the standard deviation of the differences and the difference itself."""
    generator = np.random.default_rng(20_240_229)
    for repeat in range(repeats):
        before, after = pair(generator, systems, queries, drop)
        compared = compare(before, after, Settings(test=test, seed=repeat))
        first = compared.metrics[0]
        yield str(compared.verdict), (first.deviation, first.difference)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--drop", type=float, default=0.03)
    arguments = parser.parse_args()
    print("## The baseline gate: false alarms and detections\n")
    print(
        f"{arguments.repeats} simulated comparisons a row, {arguments.queries} queries, {len(METRICS)} gated metrics,"
    )
    print("margin 0.02. To reach: a regression in at most 5 % without, in at least 80 % with a drop of 0.03.\n")
    print("| systems differ by | true drop | mean measured | sd of differences | regression | inconclusive | pass |")
    print("|---|---|---|---|---|---|---|")
    for systems in SYSTEMS:
        for drop in (0.0, arguments.drop):
            found = list(outcomes(systems, arguments.queries, drop, arguments.repeats, "permutation"))
            counted = Counter(outcome for outcome, _ in found)
            deviation, measured = np.mean([facts for _, facts in found], axis=0)
            shares = " | ".join(
                f"{counted[kind] / arguments.repeats:.1%}"
                for kind in (Verdict.REGRESSION, Verdict.INCONCLUSIVE, Verdict.PASS)
            )
            print(f"| {systems.name} | {drop:g} | {measured:+.4f} | {deviation:.3f} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
