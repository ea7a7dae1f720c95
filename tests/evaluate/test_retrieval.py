"""Metrics against trec_eval itself (through pytrec_eval) and against values worked by hand."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.errors import DataError
from ragcli.evaluate import lines as lines_module
from ragcli.evaluate.judgements import Qrels
from ragcli.evaluate.lines import Lines
from ragcli.evaluate.measures import Metric
from ragcli.evaluate.ranking import rank, rank_lines
from ragcli.evaluate.retrieval import score

Run = Mapping[str, Mapping[str, float]]
Grades = Mapping[str, Mapping[str, int]]

NAMES = [f"d{number}" for number in range(8)] + ["D1", "é", "d10", "z", "a-rather-long-name", "a-rather-long-namf"]
ORACLE = {
    "P@5": ("P.5", "P_5"),
    "P@1": ("P.1", "P_1"),
    "recall@5": ("recall.5", "recall_5"),
    "hit@3": ("success.3", "success_3"),
    "Rprec": ("Rprec", "Rprec"),
    "MRR": ("recip_rank", "recip_rank"),
    "MAP": ("map", "map"),
    "MAP@3": ("map_cut.3", "map_cut_3"),
    "nDCG": ("ndcg", "ndcg"),
    "nDCG@4": ("ndcg_cut.4", "ndcg_cut_4"),
    "bpref": ("bpref", "bpref"),
    "iprec_at_recall@0.5": ("iprec_at_recall.0.5", "iprec_at_recall_0.50"),
    "Rprec_mult@0.4": ("Rprec_mult.0.4", "Rprec_mult_0.40"),
    "infAP": ("infAP", "infAP"),
    "binG": ("binG", "binG"),
    "G": ("G", "G"),
    "ndcg_rel": ("ndcg_rel", "ndcg_rel"),
    "Rndcg": ("Rndcg", "Rndcg"),
    "relative_P@4": ("relative_P.4", "relative_P_4"),
    "set_P": ("set_P", "set_P"),
    "set_relative_P": ("set_relative_P", "set_relative_P"),
    "set_recall": ("set_recall", "set_recall"),
    "set_F": ("set_F", "set_F"),
    "set_map": ("set_map", "set_map"),
    "utility": ("utility", "utility"),
    "num_ret": ("num_ret", "num_ret"),
    "num_rel": ("num_rel", "num_rel"),
    "num_rel_ret": ("num_rel_ret", "num_rel_ret"),
    "num_nonrel_judged_ret": ("num_nonrel_judged_ret", "num_nonrel_judged_ret"),
}
BY_GRADE = ("nDCG", "G", "ndcg_rel", "Rndcg", "num_ret")

documents = st.sampled_from(NAMES)
# Few distinct scores make ties; the last two differ only beyond single precision, a tie for trec_eval.
scores = st.sampled_from([0.0, 0.25, 0.5, -1.0, 1.0, 1.0 + 1e-12])
runs = st.dictionaries(st.sampled_from("abcd"), st.dictionaries(documents, scores, min_size=1), min_size=1)
grades = st.dictionaries(documents, st.integers(min_value=0, max_value=3), min_size=1)
judgements = st.dictionaries(st.sampled_from("abcd"), grades, min_size=1)


def values(run: Run, qrels: Grades, name: str) -> dict[str, float]:
    return dict(score(rank(run, qrels), [Metric.parse(name)])[0].per_query)


def with_level(name: str, level: int) -> str:
    measure, at, cutoff = name.partition("@")
    return f"{measure}(rel={level}){at}{cutoff}"


@settings(max_examples=400, deadline=None)
@given(runs, judgements, st.integers(min_value=1, max_value=3))
def test_equals_trec_eval(run: Run, qrels: Grades, level: int) -> None:
    if not run.keys() & qrels.keys():
        with pytest.raises(DataError, match="none of the"):
            rank(run, qrels)
        return
    asked = {theirs for theirs, _ in ORACLE.values()}
    expected = pytrec_eval.RelevanceEvaluator(qrels, asked, relevance_level=level).evaluate(run)
    ranked = rank(run, qrels)
    for name, (_, theirs) in ORACLE.items():
        if level > 1 and name.partition("@")[0] in BY_GRADE:
            continue
        ours = score(ranked, [Metric.parse(with_level(name, level) if level > 1 else name)])[0].per_query
        assert ours.keys() == qrels.keys()
        for query, value in ours.items():
            if name != "num_rel" or query in run:  # which we know of a query that the run lacks too
                assert value == pytest.approx(expected.get(query, {}).get(theirs, 0.0), abs=1e-9), (name, query)


@settings(max_examples=200, deadline=None)
@given(runs, judgements, st.integers(min_value=1, max_value=6))
def test_what_trec_eval_has_not_equals_its_definition(run: Run, qrels: Grades, cutoff: int) -> None:
    if not run.keys() & qrels.keys():
        return
    ranked = rank(run, qrels)
    names = (f"judged@{cutoff}", "RBP(p=0.8)", f"MRR@{cutoff}", f"nDCG(gains=exp)@{cutoff}")
    ours = {name: score(ranked, [Metric.parse(name)])[0].per_query for name in names}
    for query, own in qrels.items():
        found = run.get(query, {})
        order = sorted(found, key=lambda name: (np.float32(found[name]), name.encode()), reverse=True)
        gains = [own.get(name, 0) for name in order]
        shown = order[:cutoff]
        judged = sum(name in own for name in shown) / len(shown) if shown else 0.0
        rbp = sum(0.2 * 0.8**place for place, gain in enumerate(gains) if gain > 0)
        first = next((1 / place for place, gain in enumerate(gains[:cutoff], 1) if gain > 0), 0.0)
        dcg, ideal = (
            sum((2**gain - 1) / math.log2(place + 2) for place, gain in enumerate(row[:cutoff]))
            for row in (gains, sorted(own.values(), reverse=True))
        )
        for name, expected in zip(names, (judged, rbp, first, dcg / ideal if ideal else 0.0), strict=True):
            assert ours[name][query] == pytest.approx(expected, abs=1e-12), name


def test_values_worked_by_hand() -> None:
    run = {"q": {"a": 4.0, "b": 3.0, "c": 2.0, "d": 1.0}}
    qrels = {"q": {"a": 0, "b": 2, "d": 1, "e": 1}}
    expected = {
        "P@2": 1 / 2,
        "P@10": 2 / 10,
        "P(rel=2)@2": 1 / 2,
        "recall@4": 2 / 3,
        "hit@1": 0.0,
        "hit@2": 1.0,
        "Rprec": 1 / 3,
        "MRR": 1 / 2,
        "MRR@1": 0.0,
        "MAP": (1 / 2 + 2 / 4) / 3,
        "MAP@3": (1 / 2) / 3,
        "bpref": 0.0,
        "RBP(p=0.5)": 0.5 * (0.5 + 0.125),
        "judged@3": 2 / 3,
        "judged@10": 3 / 4,
        "nDCG@10": (2 / math.log2(3) + 1 / math.log2(5)) / (2 + 1 / math.log2(3) + 1 / math.log2(4)),
        "nDCG(gains=exp)@2": (3 / math.log2(3)) / (3 + 1 / math.log2(3)),
        "iprec_at_recall@0": 1 / 2,
        "iprec_at_recall@0.6": 2 / 4,  # 1.8 relevant documents, so 2
        "iprec_at_recall@1": 0.0,
        "11pt_avg": (9 * 1 / 2 + 2 * 0.0) / 11,  # 0.8 of 3 is 2.4, so 2
        "Rprec_mult@0.3": 0.0,
        "Rprec_mult@2": 2 / 6,
        "relative_P@2": 1 / 2,
        "relative_P@10": 2 / 3,
        "set_P": 2 / 4,
        "set_recall": 2 / 3,
        "set_F": 2 * 2 / (4 + 3),
        "set_map": 2 / 4 * 2 / 3,
        "set_relative_P": 2 / 3,
        "utility": 0.0,
        "unj@3": 1 / 3,
        "unj@10": 1 / 10,
        "RBP_resid(p=0.5)": 1 - 0.5 * (1 + 0.5 + 0.125),
        "num_ret": 4.0,
        "num_rel": 3.0,
        "num_rel_ret": 2.0,
        "num_nonrel_judged_ret": 1.0,
    }
    assert {name: values(run, qrels, name)["q"] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_counts_are_summed_and_geometric_means_take_nothing_for_little() -> None:
    ranked = rank({"q": {"a": 2.0, "b": 1.0}}, {"q": {"b": 1}, "r": {"a": 1, "b": 1}})
    found = {each.metric: each.value for each in score(ranked, [Metric.parse(name) for name in ("num_rel", "gm_map")])}
    assert found == {"num_rel": 3.0, "gm_map": pytest.approx(math.sqrt(0.5 * 1e-5), abs=1e-15)}


def test_bpref_counts_the_judged_results_above() -> None:
    run = {"q": {name: -float(place) for place, name in enumerate(["n1", "r1", "?", "n2", "r2", "r3"])}}
    qrels = {"q": {"n1": 0, "n2": 0, "n3": 0, "r1": 1, "r2": 1, "r3": 1, "r4": 1}}
    assert values(run, qrels, "bpref")["q"] == pytest.approx((1 - 1 / 3 + 1 - 2 / 3 + 1 - 2 / 3) / 4, abs=1e-12)


def test_ties_are_broken_by_name_in_descending_bytes() -> None:
    for first, second in (("b", "a"), ("ab", "a"), ("a", "B"), ("é", "z"), ("longer-than-8b", "longer-than-8a")):
        run = {"q": {second: 1.0, first: 1.0, "Other": 2.0}}
        assert values(run, {"q": {first: 1}}, "MRR") == {"q": 1 / 2}
        assert values(run, {"q": {second: 1}}, "MRR") == {"q": 1 / 3}


def test_a_judged_query_missing_from_the_run_counts_zero_and_is_named() -> None:
    ranked = rank({"q1": {"a": 1.0}, "q3": {}}, {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 1}})
    [mean] = score(ranked, [Metric.parse("MRR")])
    assert mean.value == pytest.approx(1 / 3)
    assert mean.per_query == {"q1": 1.0, "q2": 0.0, "q3": 0.0}
    assert ranked.missing == ("q2", "q3")


def test_an_unjudged_query_of_the_run_is_left_out() -> None:
    assert values({"q1": {"a": 1.0}, "q2": {"a": 1.0}}, {"q1": {"a": 1}}, "MRR") == {"q1": 1.0}


def test_no_judgements_is_an_error_not_a_zero() -> None:
    with pytest.raises(DataError, match="no judgements"):
        rank({"q": {"a": 1.0}}, {})


def test_an_empty_run_counts_zero() -> None:
    ranked = rank({}, {"q": {"a": 1}})
    assert score(ranked, [Metric.parse("nDCG")])[0].per_query == {"q": 0.0}
    assert ranked.missing == ("q",)


def test_a_query_without_anything_relevant_counts_zero() -> None:
    qrels = {"q": {"a": 0}}
    for name in ("P@1", "recall@1", "hit@1", "Rprec", "MRR", "MAP", "nDCG", "nDCG@1", "bpref", "RBP(p=0.8)"):
        assert values({"q": {"a": 1.0}}, qrels, name) == {"q": 0.0}
    assert values({"q": {"a": 1.0}}, qrels, "judged@1") == {"q": 1.0}


def test_a_negative_grade_is_not_relevant_and_gains_nothing() -> None:
    run, qrels = {"q": {"a": 3.0, "b": 2.0}}, {"q": {"a": -1, "b": 1, "c": 0}}
    assert values(run, qrels, "P@2") == {"q": 0.5}
    assert values(run, qrels, "nDCG")["q"] == pytest.approx(1 / math.log2(3), abs=1e-12)
    assert values(run, qrels, "bpref") == {"q": 1.0}


def test_white_space_in_names_is_no_difference_between_a_run_in_memory_and_one_on_disk() -> None:
    assert values({"q 1": {"a b.md": 1.0}}, {"q%201": {"a%20b.md": 1}}, "MRR") == {"q%201": 1.0}


def test_many_queries_equal_trec_eval_across_the_parts_in_which_they_are_worked_on() -> None:
    draw = np.random.default_rng(5)
    run = {
        f"q{query}": {f"d{name}": float(draw.integers(0, 400)) / 4 for name in draw.integers(0, 4000, size=200)}
        for query in range(1500)
    }
    qrels = {
        f"q{query}": {f"d{name}": int(draw.integers(0, 4)) for name in draw.integers(0, 4000, size=150)}
        for query in range(100, 1600)
    }
    expected = pytrec_eval.RelevanceEvaluator(qrels, {"map", "ndcg_cut.10"}).evaluate(run)
    ranked = rank(run, qrels)
    assert ranked.missing == tuple(f"q{query}" for query in range(1500, 1600))
    for name, theirs in (("MAP", "map"), ("nDCG@10", "ndcg_cut_10")):
        [mean] = score(ranked, [Metric.parse(name)])
        assert all(abs(mean.per_query[query] - row[theirs]) <= 1e-9 for query, row in expected.items())
        assert mean.value == pytest.approx(sum(row[theirs] for row in expected.values()) / len(qrels), abs=1e-9)


@pytest.fixture
def few_lines_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "_BLOCK", 1000)


def lines_of(tmp_path: Path, results: list[tuple[str, str, float]]) -> Lines:
    file = tmp_path / "run.trec"
    file.write_text("".join(f"{query} Q0 {name} 1 {value!r} t\n" for query, name, value in results))
    return Lines.read(file)


@pytest.mark.usefixtures("few_lines_a_block")
@pytest.mark.parametrize("order", ["by query and score", "by query", "by score", "by name"])
def test_a_run_ranked_while_it_is_read_equals_trec_eval(tmp_path: Path, order: str) -> None:
    draw = np.random.default_rng(6)
    run = {
        f"q{query}": {f"document-{name}": float(draw.integers(0, 9)) / 4 for name in draw.integers(0, 60, size=30)}
        for query in range(20)
    }
    qrels = {
        f"q{query}": {f"document-{name}": int(draw.integers(0, 4)) for name in draw.integers(0, 60, size=15)}
        for query in range(3, 24)
    }
    results = [(query, name, value) for query, found in run.items() for name, value in found.items()]
    if "score" in order:
        results.sort(key=lambda row: (row[0] if "query" in order else "", -row[2]))
    if "name" in order:
        results.sort(key=lambda row: row[1])
    ranked = rank_lines(lines_of(tmp_path, results), Qrels.of(qrels))
    assert ranked.missing == ("q20", "q21", "q22", "q23")
    assert ranked.unjudged == 3
    expected = pytrec_eval.RelevanceEvaluator(qrels, {"map", "ndcg_cut.10", "num_ret"}).evaluate(run)
    for name, theirs in (("MAP", "map"), ("nDCG@10", "ndcg_cut_10"), ("num_ret", "num_ret")):
        [mean] = score(ranked, [Metric.parse(name)])
        assert all(abs(mean.per_query[query] - row[theirs]) <= 1e-9 for query, row in expected.items())


@pytest.mark.usefixtures("few_lines_a_block")
def test_a_document_that_comes_back_much_later_for_its_query_is_named_by_its_line(tmp_path: Path) -> None:
    results = [(f"q{row // 5}", f"d{row}", 1.0) for row in range(100)]
    with pytest.raises(DataError, match=r"run\.trec:101: document 'd7' occurs twice for query 'q1'"):
        rank_lines(lines_of(tmp_path, [*results, ("q1", "d7", 2.0)]), Qrels.of({"q1": {"d7": 1}}))


def test_a_run_without_results_is_an_error_not_a_zero(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no results"):
        rank_lines(Lines("run", np.full(20, ord("\n"), dtype=np.uint8), 20), Qrels.of({"q": {"a": 1}}))
    with pytest.raises(DataError, match="none of the 1 queries of the run is judged"):
        rank_lines(lines_of(tmp_path, [("r", "a", 1.0)]), Qrels.of({"q": {"a": 1}}))
