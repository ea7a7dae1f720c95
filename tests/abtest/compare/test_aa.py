"""One configuration against itself."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.abtest.compare.conftest import Load

from ragcli.abtest.compare.aa import run_aa
from ragcli.abtest.compare.run import LATENCY, Options
from ragcli.evaluate.comparison import Settings
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.margin import Margin
from ragcli.models.hashing import HashingEmbedder

OPTIONS = Options(("nDCG@3", "recall@5"), (), 5)


def test_a_configuration_is_its_own_equal(configured: Load, dataset: Dataset) -> None:
    found = run_aa(*configured("good"), dataset, OPTIONS)
    *quality, latency = found.metrics
    for item in quality:
        assert (item.first, item.second, item.floor, item.p) == (1.0, 1.0, 0.0, 1.0)
        assert (item.differing, item.examples, item.deterministic) == (0, (), True)
        assert np.isnan(item.detectable)
    assert latency.metric == LATENCY
    assert latency.deterministic is None
    assert latency.floor == max(abs(latency.interval.low), abs(latency.interval.high)) > 0.0
    assert latency.margin == pytest.approx(latency.first / 10)
    assert not any("deterministic" in text for text in found.warnings)


def test_of_times_alone_nothing_is_said_of_determinism(configured: Load, dataset: Dataset) -> None:
    found = run_aa(*configured("good"), dataset, Options(("nDCG@3",), (LATENCY,), 5))
    assert [item.metric for item in found.metrics] == [LATENCY]
    assert found.deterministic is None


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedder that understands every third question in another way than the time before."""
    embed, calls = HashingEmbedder.embed_queries, itertools.count()

    def moodily(self: HashingEmbedder, texts: Sequence[str]) -> NDArray[np.float32]:
        turned = next(calls) % 3 == 0
        vectors = embed(self, texts)
        return np.ascontiguousarray(-vectors if turned else vectors)

    monkeypatch.setattr(HashingEmbedder, "embed_queries", moodily)


@pytest.mark.usefixtures("moody")
def test_what_is_not_deterministic_is_told_with_examples_and_has_a_floor(configured: Load, dataset: Dataset) -> None:
    found = run_aa(*configured("bad"), dataset, OPTIONS)
    ndcg = found.metrics[0]
    first, second = (result.values["nDCG@3"] for result in found.results)
    differing = [query for query, moved in zip(found.results[0].queries, first != second, strict=True) if moved]
    assert ndcg.deterministic is found.deterministic is False
    assert ndcg.differing == len(differing) > 3
    assert ndcg.examples == tuple(differing[:3])
    assert ndcg.floor > ndcg.margin == 0.02
    told = f"it differs on {len(differing)} of 20 questions, such as {', '.join(differing[:3])}"
    assert found.warnings[0] == f"nDCG@3 is not deterministic: {told}"
    assert found.warnings[1].startswith(f"nDCG@3: the noise floor {ndcg.floor:.4g} is above its margin 0.02")


@pytest.mark.usefixtures("moody")
def test_a_wide_margin_needs_no_warning(configured: Load, dataset: Dataset) -> None:
    margins = {"nDCG@3": Margin(2.0), "recall@5": Margin(2.0), LATENCY: Margin(100, relative=True)}
    found = run_aa(*configured("bad"), dataset, Options(OPTIONS.metrics, (), 5, Settings(margins=margins)))
    assert all("is not deterministic" in text for text in found.warnings)
