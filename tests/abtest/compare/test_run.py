"""Comparisons over real indexes: verdicts, families of tests, slices, and what is refused."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.abtest.compare.conftest import ANIMALS, Load

from ragcli.abtest.compare.run import LATENCY, Options, differences, metrics_of, run_compare
from ragcli.abtest.compare.verdict import Verdict
from ragcli.errors import (
    DataError,
    ForeignModelError,
    InconclusiveError,
    NotComparableError,
    RegressionError,
    UsageError,
)
from ragcli.evaluate import statistics
from ragcli.evaluate.comparison import Settings
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.margin import Margin
from ragcli.evaluate.statistics import Counts
from ragcli.index.build import build_index
from ragcli.ingest.sync import sync
from ragcli.models.hashing import HashingEmbedder
from ragcli.workspace import Workspace

OPTIONS = Options(("nDCG@3",), (), 5)


def test_the_better_one_is_found_whichever_place_it_has(configured: Load, dataset: Dataset) -> None:
    better = run_compare([configured("bad"), configured("good")], dataset, OPTIONS)
    worse = run_compare([configured("good"), configured("bad")], dataset, OPTIONS)
    assert (better.verdict, better.failure) == (Verdict.TREATMENT, None)
    assert worse.verdict is Verdict.CONTROL
    assert isinstance(worse.failure, RegressionError)
    assert worse.failure.message == "control better"
    assert worse.arms[0].sentence.startswith("bad.yaml is worse than good.yaml by nDCG@3")
    one, other = better.arms[0].metrics[0].comparison, worse.arms[0].metrics[0].comparison
    assert one.difference == -other.difference > 0.2
    assert (one.counts.wins, one.counts.losses) == (other.counts.losses, other.counts.wins)
    assert one.candidate == 1.0  # every animal is found by its name
    assert (one.queries, one.counts.ties + one.counts.wins) == (20, 20)


def test_the_same_is_equivalent_without_a_question_that_differs(configured: Load, dataset: Dataset) -> None:
    found = run_compare([configured("good"), configured("same")], dataset, OPTIONS)
    assert (found.verdict, found.failure) == (Verdict.EQUIVALENT, None)
    quality = found.arms[0].metrics[0]
    assert (quality.comparison.counts, quality.equivalence_p) == (Counts(0, 0, 20), 0.0)
    assert found.arms[0].changed == {}
    assert found.arms[0].sentence.startswith("same.yaml is as good as good.yaml by nDCG@3 (within 0.02)")


def test_few_questions_cannot_tell(configured: Load, dataset: Dataset) -> None:
    few = dataset.restricted(["q0", "q1", "q2"])
    found = run_compare([configured("bad"), configured("good")], few, OPTIONS)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert isinstance(found.failure, InconclusiveError)
    assert (found.failure.message, found.failure.hint) == ("cannot decide", "more judged questions")
    comparison = found.arms[0].metrics[0].comparison
    assert f", p {comparison.adjusted_p:.3f} after Holm over 2, margin 0.02; a difference" in found.arms[0].sentence
    both = run_compare(
        [configured("bad"), configured("good")], few, replace(OPTIONS, metrics=("nDCG@3", "recall@5"))
    ).failure
    assert both is not None
    assert both.hint == "more judged questions; one --metric, named before looking, is not adjusted for the others"


def test_a_margin_makes_a_difference_one_that_does_not_matter(configured: Load, dataset: Dataset) -> None:
    wide = replace(OPTIONS, settings=Settings(margins={"ndcg@3": Margin(1.0)}))
    found = run_compare([configured("good"), configured("bad")], dataset, wide)
    assert found.verdict is Verdict.EQUIVALENT
    assert found.arms[0].metrics[0].comparison.adjusted_p < 0.05


def test_p_is_adjusted_over_all_metrics_and_treatments(configured: Load, dataset: Dataset) -> None:
    named = [configured("bad"), configured("good"), configured("bad", "query.candidates=40")]
    found = run_compare(named, dataset, replace(OPTIONS, metrics=("nDCG@3", "recall@5")))
    items = [item.comparison for arm in found.arms for item in arm.metrics]
    assert [item.metric for item in items] == ["nDCG@3", "recall@5", LATENCY] * 2
    assert [item.adjusted_p for item in items] == statistics.holm([item.p for item in items])
    assert items[0].adjusted_p > items[0].p
    assert [arm.verdict for arm in found.arms] == [Verdict.TREATMENT, Verdict.EQUIVALENT]
    assert (found.best.name, found.verdict) == ("good.yaml", Verdict.TREATMENT)


@pytest.mark.usefixtures("steady")
def test_latency_decides_when_it_is_named_and_is_told_otherwise(configured: Load, dataset: Dataset) -> None:
    named = [configured("good"), configured("good", "query.strategy=hybrid")]
    beside = run_compare(named, dataset, OPTIONS)
    assert [(item.metric, item.decides) for item in beside.arms[0].metrics] == [("nDCG@3", True), (LATENCY, False)]
    quality, deciding = metrics_of(["LATENCY_MS"], ["nDCG@3"])
    assert (quality, deciding) == (("nDCG@3",), (LATENCY,))
    found = run_compare(named, dataset, Options(quality, deciding, 5)).arms[0]
    assert [(item.metric, item.decides) for item in found.metrics] == [(LATENCY, True)]
    assert found.verdict is Verdict.CONTROL  # a second arm has stages of its own
    assert metrics_of(["recall@5", "latency_ms"], ["nDCG@3"]) == (("recall@5",), ("recall@5", LATENCY))


def test_differences_by_tag(configured: Load, dataset: Dataset) -> None:
    tags = {f"q{number}": ("late",) if number >= 15 else ("early", "odd") for number in range(len(ANIMALS))}
    found = run_compare([configured("bad"), configured("good")], replace(dataset, tags=tags), OPTIONS)
    arm = found.arms[0]
    own = {item.tag: item for item in arm.slices if item.metric == "nDCG@3"}
    assert list(own) == ["early", "late", "odd"]
    assert [own[tag].queries for tag in own] == [15, 5, 15]
    before, after = found.result.values["nDCG@3"], arm.result.values["nDCG@3"]
    assert own["late"].difference == pytest.approx((after - before)[15:].mean())
    assert own["late"].control == pytest.approx(before[15:].mean())
    assert own["early"].counts.wins == int((after - before > 1e-9)[:15].sum())
    assert own["early"].interval.low < own["early"].difference < own["early"].interval.high
    slow = next(item for item in arm.slices if item.metric == LATENCY and item.tag == "late")
    assert slow.counts.wins == int((arm.result.values[LATENCY] < found.result.values[LATENCY])[15:].sum())


def test_other_documents_are_refused_before_anything_is_asked(
    project: Path, configured: Load, dataset: Dataset
) -> None:
    (project / "docs" / "yak.md").write_text("# The yak\n\nHere lives the yak.\n")
    other = configured("same", f"workspace.path={project / 'other'}")
    sync(other[1], project)
    build_index(other[1], Workspace(other[1].workspace.path))
    named = [configured("good"), other]
    with pytest.raises(NotComparableError, match=r"good\.yaml and same\.yaml differ in corpus: ") as refused:
        run_compare(named, dataset, OPTIONS)
    assert "--allow-mismatch corpus" in refused.value.hint
    allowed = replace(OPTIONS, settings=Settings(allow_mismatch=frozenset({"corpus"})))
    found = run_compare(named, dataset, allowed)
    assert set(found.arms[0].mismatched) == {"corpus"}
    assert found.arms[0].result.mean("nDCG@3") == 1.0  # of its own documents, not of rows of the other index


def test_other_chunks_of_the_same_documents_are_what_comparisons_are_for(
    project: Path, configured: Load, dataset: Dataset
) -> None:
    chunks = "ingest.chunker.structured.size_tokens=8"
    other = configured("same", f"workspace.path={project / 'other'}", chunks, "ingest.chunker.structured.min_tokens=0")
    sync(other[1], project)
    build_index(other[1], Workspace(other[1].workspace.path))
    found = run_compare([configured("good"), other], dataset, OPTIONS)
    assert "chunker" in found.arms[0].changed
    assert found.result.mean("nDCG@3") == 1.0


@pytest.mark.parametrize(
    ("wanted", "message"),
    [(["ndgc@3"], "unknown metric 'ndgc@3'"), (["unj@3", "length"], "unknown metric 'length'")],
)
def test_unknown_metrics_are_refused(wanted: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        metrics_of(wanted, ["nDCG@3"])


def test_a_price_that_is_unknown_cannot_decide(configured: Load, dataset: Dataset) -> None:
    options = Options(("nDCG@3",), ("query_cost",), 5)
    with pytest.raises(UsageError, match="cannot compare 'query_cost'"):
        run_compare([configured("good"), configured("same")], dataset, options)


def test_judgements_on_documents_that_are_not_there_leave_nothing(configured: Load, dataset: Dataset) -> None:
    lost = replace(dataset, qrels={query: {"nowhere.md": 1} for query in dataset.qrels})
    with pytest.raises(DataError, match="none of the 1 judged documents is in the index"):
        run_compare([configured("good"), configured("same")], lost, OPTIONS)


def test_rounding_is_no_difference(configured: Load, dataset: Dataset) -> None:
    result = run_compare([configured("good"), configured("same")], dataset, OPTIONS).result
    values = result.values["nDCG@3"] + 1e-12
    values[0] = np.nan
    other = replace(result, values={**result.values, "nDCG@3": values})
    assert differences(result, other, "nDCG@3").tolist() == [0.0] * 19


def test_the_questions_are_asked_after_a_warm_up(
    configured: Load, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed, asked = HashingEmbedder.embed_queries, list[str]()

    def noted(self: HashingEmbedder, texts: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(texts)
        return embed(self, texts)

    monkeypatch.setattr(HashingEmbedder, "embed_queries", noted)
    run_compare([configured("bad"), configured("good")], dataset, OPTIONS)
    assert [text.startswith("warm-up ") for text in asked] == [True] * 3 + [False] * 20
    assert asked[3:] == [query.text for query in dataset.judged]


def test_a_model_that_the_index_does_not_know_is_told_of_its_configuration(configured: Load, dataset: Dataset) -> None:
    named = [configured("good"), configured("bad", "index.embedder.dimension=16")]
    with pytest.raises(ForeignModelError, match=r"^bad\.yaml: "):
        run_compare(named, dataset, OPTIONS)
