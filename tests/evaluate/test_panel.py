"""Several judges, preferences and deviations from other runs, worked by hand."""

from pathlib import Path

import numpy as np
import pytest

from ragcli.errors import DataError, RagcliError
from ragcli.evaluate.evaluation import evaluate_run
from ragcli.evaluate.judgements import Qrels
from ragcli.evaluate.measures import Metric
from ragcli.evaluate.panel import Panel, read_panel
from ragcli.evaluate.ranking import rank
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.retrieval import score
from ragcli.evaluate.runs import Run
from ragcli.evaluate.zscores import read_references, standardise

RUN = {"q1": {"a": 3.0, "b": 2.0, "c": 1.0}, "q2": {"a": 1.0}}


def panel(tmp_path: Path, text: str) -> Panel:
    file = tmp_path / "judges"
    file.write_text(text, encoding="utf-8")
    return read_panel(file)


def values(of: Panel, name: str) -> dict[str, float]:
    [found] = of.score(Run.of(RUN), [Metric.parse(name)])
    return dict(found.per_query)


def test_a_metric_is_averaged_over_the_judges_of_each_query(tmp_path: Path) -> None:
    of = panel(tmp_path, "q1 ann a 1\nq1 ann b 0\nq1 bob a 0\nq1 bob b 1\nq2 ann z 1\nq3 bob a 1\n")
    assert values(of, "MRR") == {"q1": 0.75, "q2": 0.0, "q3": 0.0}
    assert values(of, "map_avgjg") == values(of, "MAP")
    assert values(of, "num_rel") == {"q1": 1.0, "q2": 1.0, "q3": 1.0}


def test_preferences_of_one_judge(tmp_path: Path) -> None:
    # b over a and c, a over c, all of them over z, which was not returned; -1 is no judgement.
    of = panel(tmp_path, "q1 ann b 3\nq1 ann a 2\nq1 ann c 1\nq1 ann z 0\nq1 ann y -1\n")
    assert values(of, "prefs_simp") == {"q1": 5 / 6}
    assert values(of, "prefs_simp_ret") == {"q1": 2 / 3}
    assert values(of, "prefs_num_prefs_poss") == {"q1": 6.0}


def test_conflicting_judges_share_a_pair_and_their_weight(tmp_path: Path) -> None:
    of = panel(tmp_path, "q1 ann 0 a 1\nq1 ann 0 b 0\nq1 bob 0 b 1\nq1 bob 0 a 0\nq1 bob 0 c 0\n")
    assert values(of, "prefs_simp") == {"q1": 2 / 3}
    assert values(of, "prefs_pair") == {"q1": 0.75}
    assert values(of, "prefs_avgjg") == {"q1": 0.75}


def test_what_follows_from_two_groups_of_a_judge_counts(tmp_path: Path) -> None:
    of = panel(tmp_path, "q1 ann 0 a 2\nq1 ann 0 b 1\nq1 ann 1 b 7\nq1 ann 1 c 6.5\n")
    assert values(of, "prefs_num_prefs_poss") == {"q1": 3.0}
    assert values(of, "prefs_num_prefs_ful") == {"q1": 3.0}


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("q1 ann a\n", "MAP", "judges:1: expected 'query judge document grade'"),
        ("q1 ann a x\n", "MAP", "'x' is no number"),
        ("q1 ann a inf\n", "MAP", "'inf' is no number"),
        ("q1 ann a 1\nq1 ann a 1\n", "MAP", "judges:2: judge 'ann' judges 'a' twice for query 'q1'"),
        ("# nothing\n", "MAP", "holds no judgements"),
        ("q1 ann 0 a 1.5\n", "MAP", "preferences, not grades"),
        ("q1 ann 0 a 2\nq1 ann 0 b 1\nq1 ann 1 b 2\nq1 ann 1 a 1\n", "prefs_simp", "contradict each other"),
        ("q1 ann 0 a 0\nq1 ann 0 b 1\nq1 ann 1 b 0\nq1 ann 1 c 1\n", "prefs_simp", "level 0 and another one"),
        ("q9 ann a 1\n", "prefs_simp", "none of the 2 queries of the run is judged"),
    ],
)
def test_what_cannot_be_scored(tmp_path: Path, text: str, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        values(panel(tmp_path, text), name)


def test_preferences_need_judges(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.write_text("q1 Q0 a 1 3.0 x\n", encoding="utf-8")
    with pytest.raises(RagcliError, match="prefs_pair needs preferences of judges"):
        evaluate_run(run, Qrels.of({"q1": {"a": 1}}), ["prefs_pair"])


def test_graded_gain_is_the_share_of_the_highest_grade() -> None:
    ranked = rank(RUN, {"q1": {"a": 2, "c": 1, "z": 4}, "q2": {"a": 1}})
    [found] = score(ranked, [Metric.parse("graded_RBP(p=0.5)")])
    assert found.per_query == {"q1": 0.5 * (2 / 4 + 1 / 4 * 0.25), "q2": 0.5}


def test_weights_and_points_of_ones_own() -> None:
    ranked = rank({"q": {"a": 3.0, "b": 2.0}}, {"q": {"a": 1, "z": 1}})
    [weighed, points] = score(ranked, [Metric.parse("utility(weights=2/-1/-3)"), Metric.parse("11pt_avg(at=0.5/1)")])
    assert weighed.value == 2 - 1 - 3
    assert points.value == 0.5


def test_deviations_stand_under_a_name_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "means"
    file.write_text("# query metric mean deviation\nq1 ndcg_cut_10 0.5 0.1\nq2 nDCG@10 0.5 0\nq3 nDCG@10 0.5 0\n")
    result = EvalResult("d", ("q1", "q2", "q3", "q4"), {"nDCG@10": np.array([0.7, 0.5, 0.6, 0.9]), "MRR": np.ones(4)})
    found = standardise(result, read_references(file))
    assert list(found.values) == ["ZnDCG@10", "MRR"]
    assert found.values["ZnDCG@10"] == pytest.approx([2.0, 0.0, np.nan, np.nan], nan_ok=True)
    assert found.notes["zscores"] == read_references(file).fingerprint
    with pytest.raises(DataError, match="none of MRR is in the file"):
        standardise(EvalResult("d", ("q1",), {"MRR": np.ones(1)}), read_references(file))
    file.write_text("q1 nDCG@10 0.5\n")
    with pytest.raises(DataError, match="means:1: expected 'query metric mean deviation'"):
        read_references(file)
