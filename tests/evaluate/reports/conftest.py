"""A report with everything in it: a baseline, gates, golden queries, failures, hits with spans, hostile texts."""

from dataclasses import replace

import numpy as np
import pytest

from ragcli.evaluate import gates
from ragcli.evaluate.comparison import compare
from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.result import EvalResult, Question, StoredHit, curves
from ragcli.records import ArmScore

HOSTILE = "<script>document.title='pwned'</script><img src=x onerror=alert(1)> | `code` @everyone \x00\x0b ]]>"
QUERIES = 60


def evaluation(quality: float, seed: int) -> EvalResult:
    generator = np.random.default_rng(1)
    base = generator.beta(2, 1.2, QUERIES)
    noise = np.random.default_rng(seed)
    ndcg = np.clip(base + quality * (noise.random(QUERIES) < 0.6), 0, 1)
    ndcg[3] = np.nan
    found = noise.random((QUERIES, 20)) < np.geomspace(0.5, 0.02, 20)
    words = "How do I install ragcli on a machine without network, and which models does it need there?"
    questions = [
        Question(f"{words} ({row})", ("install",) if row % 3 else ("offline", "install")) for row in range(QUERIES)
    ]
    questions[5] = Question(HOSTILE, ("a|b",), must_pass=True, relevant=2)
    questions[6] = replace(questions[6], must_pass=True)
    text = "Install it with pip. " * 20 + "The models come from the offline extra & need no hub." + " Then run it." * 30
    start = text.index("The models")
    hits = (
        StoredHit(
            "guides/install.md", 0.91, "c1", text, 0, len(text), 2, ((start, start + 20), (start + 10, start + 52)),
            {"dense": ArmScore(0.8, 1), "lexical": ArmScore(7.5, 3)},
        ),
        StoredHit("faq.html", 0.5, "c2", HOSTILE, 5, 9, 0),
        StoredHit("notes/<img src=x>" + "long" * 20 + ".md", 0.25, grade=None),
    )  # fmt: skip
    queries = tuple(f"q{row:03d}" for row in range(QUERIES))
    return EvalResult(
        dataset="sample <corpus>",
        queries=queries,
        values={
            "nDCG@10": ndcg,
            "recall@10": np.clip(np.round(base * 4 + 4 * quality * (noise.random(QUERIES) < 0.5)) / 4, 0, 1),
            "MRR@10": 1 / np.ceil(5 * (1.02 - np.clip(base + quality, 0, 1))),
            "latency_ms": noise.gamma(4, 12, QUERIES),
        },
        questions=tuple(questions),
        fingerprints={"corpus": "c0ffee", "dataset": "d1", "query": f"f{seed}", "generation": "000004"},
        unjudged=4,
        missing=("q007",),
        failures={"q003": "timeout after 30 s"},
        totals={"p95_ms": 96.5, "cost": 0.0},
        notes={"bertscore": "roberta-large, layer 17"},
        hits=dict.fromkeys(queries, hits),
        curves=curves(found, found.sum(axis=1) + 1),
        created="2026-11-25T15:00:00+00:00",
        seconds=3.25,
    )


@pytest.fixture(scope="session")
def full_report() -> Report:
    baseline, result = evaluation(0.0, 7), evaluation(-0.12, 8)
    comparisons = compare(baseline, result, name="@branch:main")
    outcomes = [
        *gates.limits(result, "min", [("ndcg@10", 0.2), ("recall@10", 0.9)]),
        *gates.limits(result, "max", [("p95_ms", 300.0)]),
        *gates.against_baseline(comparisons),
        *gates.must_pass(result, (), baseline),
    ]
    return Report(result, baseline, comparisons, tuple(outcomes), warnings=("4 documents are not in the index",))


@pytest.fixture(scope="session")
def plain_report() -> Report:
    """A stored run without texts, baseline or gates."""
    return Report(EvalResult("run", ("1", "2"), {"P@5": np.array([0.2, 0.4]), "MRR": np.array([1.0, 0.5])}))
