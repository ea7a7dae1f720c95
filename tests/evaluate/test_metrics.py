"""Metrics against trec_eval itself (through pytrec_eval) and against values worked by hand."""

import math

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.errors import DataError, UsageError
from ragcli.evaluate.metrics import Metric, score

NAMES = [f"d{number}" for number in range(8)] + ["D1", "é", "d10", "z"]
ORACLE = {"P@5": "P_5", "recall@5": "recall_5", "MRR": "recip_rank", "nDCG@10": "ndcg_cut_10", "nDCG": "ndcg"}

documents = st.sampled_from(NAMES)
# Few distinct scores make ties; the last two differ only beyond single precision, a tie for trec_eval.
scores = st.sampled_from([0.0, 0.25, 0.5, -1.0, 1.0, 1.0 + 1e-12])
runs = st.dictionaries(st.sampled_from("abcd"), st.dictionaries(documents, scores, min_size=1), min_size=1)
grades = st.dictionaries(documents, st.integers(min_value=0, max_value=3), min_size=1)
judgements = st.dictionaries(st.sampled_from("abcd"), grades, min_size=1)


def values(run: dict[str, dict[str, float]], qrels: dict[str, dict[str, int]], name: str) -> dict[str, float]:
    return dict(score(run, qrels, [Metric.parse(name)])[0].per_query)


@settings(max_examples=300, deadline=None)
@given(runs, judgements)
def test_equals_trec_eval(run: dict[str, dict[str, float]], qrels: dict[str, dict[str, int]]) -> None:
    if not run.keys() & qrels.keys():
        with pytest.raises(DataError, match="none of the"):
            score(run, qrels, [Metric.parse("MRR")])
        return
    expected = pytrec_eval.RelevanceEvaluator(qrels, {"P.5", "recall.5", "recip_rank", "ndcg_cut.10", "ndcg"}).evaluate(
        run
    )
    for name, theirs in ORACLE.items():
        ours = values(run, qrels, name)
        assert ours.keys() == qrels.keys()
        for query, value in ours.items():
            assert value == pytest.approx(expected.get(query, {}).get(theirs, 0.0), abs=1e-9), (name, query)


def test_values_worked_by_hand() -> None:
    run = {"q": {"a": 4.0, "b": 3.0, "c": 2.0, "d": 1.0}}
    qrels = {"q": {"b": 2, "d": 1, "e": 1}}
    assert values(run, qrels, "P@2") == {"q": 0.5}
    assert values(run, qrels, "P@10") == {"q": 0.2}
    assert values(run, qrels, "recall@4")["q"] == pytest.approx(2 / 3)
    assert values(run, qrels, "MRR") == {"q": 0.5}
    assert values(run, qrels, "MRR@1") == {"q": 0.0}
    dcg = 2 / math.log2(3) + 1 / math.log2(5)
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert values(run, qrels, "nDCG@10")["q"] == pytest.approx(dcg / ideal, abs=1e-12)


def test_ties_are_broken_by_name_descending() -> None:
    assert values({"q": {"a": 1.0, "b": 1.0}}, {"q": {"a": 1}}, "MRR") == {"q": 0.5}
    assert values({"q": {"a": 1.0, "b": 1.0}}, {"q": {"b": 1}}, "MRR") == {"q": 1.0}


def test_a_judged_query_missing_from_the_run_counts_zero() -> None:
    [mean] = score({"q1": {"a": 1.0}}, {"q1": {"a": 1}, "q2": {"a": 1}}, [Metric.parse("MRR")])
    assert mean.value == 0.5
    assert mean.per_query == {"q1": 1.0, "q2": 0.0}


def test_an_unjudged_query_of_the_run_is_left_out() -> None:
    [mean] = score({"q1": {"a": 1.0}, "q2": {"a": 1.0}}, {"q1": {"a": 1}}, [Metric.parse("MRR")])
    assert mean.per_query == {"q1": 1.0}


def test_no_judgements_is_an_error_not_a_zero() -> None:
    with pytest.raises(DataError, match="no judgements"):
        score({"q": {"a": 1.0}}, {}, [Metric.parse("MRR")])


@pytest.mark.parametrize("name", ["nDCG@10", "nDCG", "P@5", "recall@100", "MRR", "MRR@10"])
def test_names_round_trip_in_any_case(name: str) -> None:
    assert str(Metric.parse(name)) == name
    assert Metric.parse(name.upper()) == Metric.parse(name.lower()) == Metric.parse(name)


@pytest.mark.parametrize("name", ["ncdg@10", "P", "recall", "P@0", "P@-1", "nDCG@x", "", "MRR@"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        Metric.parse(name)


def test_a_mean_is_the_mean_of_its_queries() -> None:
    generator = np.random.default_rng(1)
    run = {str(q): {f"d{d}": float(generator.random()) for d in range(20)} for q in range(10)}
    qrels = {str(q): {f"d{d}": int(generator.integers(0, 3)) for d in range(20)} for q in range(10)}
    for result in score(run, qrels, [Metric.parse("nDCG@5"), Metric.parse("recall@3")]):
        assert result.value == pytest.approx(sum(result.per_query.values()) / 10, abs=1e-12)


def test_a_negative_grade_is_not_relevant_and_gains_nothing() -> None:
    run, qrels = {"q": {"a": 3.0, "b": 2.0}}, {"q": {"a": -1, "b": 1}}
    assert values(run, qrels, "P@2") == {"q": 0.5}
    assert values(run, qrels, "nDCG")["q"] == pytest.approx(1 / math.log2(3), abs=1e-12)
