"""Means, intervals, slices and counts."""

import numpy as np
import pytest

from ragcli.errors import DataError
from ragcli.evaluate.result import EvalResult, Question
from ragcli.evaluate.statistics import Interval, bootstrap_interval
from ragcli.evaluate.summary import Summary, counts, slices, summarise

NDCG = np.array([0.2, 0.4, np.nan, 0.9, 0.7])
RESULT = EvalResult(
    "d",
    tuple("abcde"),
    {"nDCG": NDCG, "MRR": np.ones(5)},
    questions=tuple(Question(tags=tags) for tags in (("x",), ("x", "y"), ("y",), ("z",), ("z",))),
    unjudged=3,
    missing=("a",),
    failures={"c": "timeout"},
)


def test_summary_is_the_mean_and_its_bootstrap_interval() -> None:
    [ndcg, mrr] = summarise(RESULT, seed=5)
    expected = bootstrap_interval(NDCG[~np.isnan(NDCG)], resamples=2_000, seed=5)
    assert ndcg.mean == pytest.approx(0.55)
    assert (ndcg.interval, ndcg.queries, ndcg.failed) == (expected, 4, 1)
    assert expected.low < 0.4
    assert expected.high > 0.7
    assert mrr == Summary("MRR", 1.0, Interval(1.0, 1.0), 5, 0)
    assert summarise(RESULT, ["MRR"]) == (mrr,)


def test_rows_without_anything_to_be_scored_against_did_not_fail() -> None:
    values = {"char_iou@5": np.array([0.5, np.nan, np.nan, np.nan, 0.7]), "MRR": np.array([1.0, 1, np.nan, 1, 1])}
    questions = tuple(Question(tags=("x",)) for _ in range(5))
    result = EvalResult("d", tuple("abcde"), values, questions, failures={"c": "timeout"})
    expected = [("char_iou@5", 2, 1, 2), ("MRR", 4, 1, 0)]
    for found in (summarise(result), slices(result)["x"]):
        assert [(item.metric, item.queries, item.failed, item.unscored) for item in found] == expected


def test_a_judge_that_failed_is_no_failure_of_other_metrics() -> None:
    values = {
        "EM": np.array([1.0, np.nan, np.nan]),
        "judge_relevance": np.array([0.5, np.nan, np.nan]),
        "judge_faithfulness": np.array([0.5, 1.0, np.nan]),
    }
    failures = {"b": "judge_relevance: timeout", "c": "judge_relevance: busy; judge_faithfulness: busy"}
    found = summarise(EvalResult("d", tuple("abc"), values, failures=failures))
    expected = [("EM", 0, 2), ("judge_relevance", 2, 0), ("judge_faithfulness", 1, 0)]
    assert [(item.metric, item.failed, item.unscored) for item in found] == expected


def test_slices_are_means_over_the_queries_with_a_tag() -> None:
    found = slices(RESULT, ["nDCG"])
    assert list(found) == ["x", "y", "z"]
    assert [(item.mean, item.queries, item.failed) for items in found.values() for item in items] == [
        (pytest.approx(0.3), 2, 0), (0.4, 1, 1), (pytest.approx(0.8), 2, 0),
    ]  # fmt: skip
    assert found["y"][0].interval == Interval(-np.inf, np.inf)  # one query says nothing of others


def test_a_metric_that_failed_all_over_a_slice_is_left_out() -> None:
    result = EvalResult("d", ("a",), {"nDCG": np.array([np.nan])}, questions=(Question(tags=("x",)),))
    assert slices(result) == {"x": ()}
    with pytest.raises(DataError, match="nothing to average"):
        summarise(result)


def test_counts() -> None:
    assert counts(RESULT) == {"judged": 5, "unjudged": 3, "failed": 1, "missing": 1}
