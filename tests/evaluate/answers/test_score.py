import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragcli.config.judge import AnswersConfig, NoJudgeConfig, OpenAIJudgeConfig
from ragcli.errors import ConfigError, DataError, UsageError
from ragcli.evaluate.answers.citations import Relevant
from ragcli.evaluate.answers.names import KNOWN, AnswerMetric
from ragcli.evaluate.answers.rows import AnswerRow, Citation
from ragcli.evaluate.answers.score import AnswerScores, Tools, score_answers
from ragcli.evaluate.answers.similarity import similarity
from ragcli.evaluate.result import EvalResult, from_json, to_json
from ragcli.evaluate.spans import Range
from ragcli.models.hashing import HashingEmbedder

ROWS = [
    AnswerRow("a", "the blue sky", "colour?", ("blue sky", "red sea"), ("ctx",), (Citation("d", 0, 5),)),
    AnswerRow("b", "", "empty?", ("something",)),
    AnswerRow("c", "I don't know.", "", ()),
    AnswerRow("d", "", failure="timeout"),
]


def scored(*names: str, rows: list[AnswerRow] = ROWS, **tools: Any) -> AnswerScores:
    return score_answers(rows, [AnswerMetric.parse(name) for name in names], Tools(**tools))


def test_values_by_hand_in_the_order_asked_for() -> None:
    scores = scored("length", "EM", "rouge-1-r", "ROUGE-L", "F1", "refusal_rate", "ROUGE-1(stem)")
    assert list(scores.values) == ["length", "EM", "ROUGE-1-R", "ROUGE-L", "F1", "refusal_rate", "ROUGE-1(stem)"]
    np.testing.assert_array_equal(scores.values["length"], [3, 0, 3, np.nan])
    np.testing.assert_array_equal(scores.values["EM"], [1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(scores.values["F1"], [1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(scores.values["ROUGE-1-R"], [1, 0, np.nan, np.nan])
    np.testing.assert_allclose(scores.values["ROUGE-L"], [0.8, 0, np.nan, np.nan])
    np.testing.assert_array_equal(scores.values["refusal_rate"], [0, 0, 1, np.nan])
    assert scores.failures == {"d": "timeout"}
    assert scores.totals == {"empty_answers": 1.0}
    assert scores.notes == {
        "length": "words, separated by white space",
        **{f"{name} rows": "1 of 3 have no reference: not averaged" for name in ("EM", "ROUGE-1", "ROUGE-L", "F1")},
    }


def test_stems_are_a_metric_of_their_own() -> None:
    rows = [AnswerRow("a", "rotating keys", references=("rotate key",))]
    scores = scored("ROUGE-1", "ROUGE-1(stem)", "ROUGE-2-P(stem)", rows=rows)
    assert [values.tolist() for values in scores.values.values()] == [[0.0], [1.0], [1.0]]


def test_it_fits_a_stored_result() -> None:
    scores = scored("EM", "length")
    result = EvalResult(
        "x", tuple(row.id for row in ROWS), scores.values, failures=scores.failures, totals=scores.totals,
        notes=scores.notes,
    )  # fmt: skip
    assert result.mean("EM") == 0.5
    assert result.mean("length") == 2.0
    assert from_json({"schema": "ragcli/eval/v1", "result": to_json(result)}, "x") == result


def test_citations_are_held_against_the_judgements() -> None:
    relevant = {"a": Relevant(spans=(Range("d", 4, 9), Range("e", 0, 1))), "b": Relevant(documents=frozenset({"x"}))}
    scores = scored("citation_precision", "citation_recall", relevant=relevant)
    np.testing.assert_array_equal(scores.values["citation_precision"], [1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(scores.values["citation_recall"], [0.5, 0, np.nan, np.nan])
    assert scores.totals["uncited_answers"] == 1
    assert scores.notes["citation_recall rows"] == "1 of 3 have no judgements: not averaged"


def test_similarity_is_the_cosine_with_the_closest_reference() -> None:
    embedder = HashingEmbedder(64)
    scores = scored("similarity", embedder=lambda: embedder)
    vectors = embedder.embed_documents(["the blue sky", "blue sky", "red sea"]).astype(np.float64)
    expected = max(vectors[0] @ vectors[1], vectors[0] @ vectors[2])
    np.testing.assert_allclose(scores.values["similarity"], [expected, 0, np.nan, np.nan], rtol=1e-6)
    assert 0.1 < expected < 0.99
    assert scores.notes["similarity"] == f"cosine, {embedder.name}"


def test_similarity_of_equal_and_empty_texts() -> None:
    found = similarity(["x y", "", "x"], [["x y"], ["z"], ["", "x"]], HashingEmbedder(64))
    np.testing.assert_allclose(found, [1, 0, 1], rtol=1e-6)
    assert similarity([""], [["", " "]], HashingEmbedder(64)).tolist() == [0.0]


def test_the_judges_failures_are_kept_apart(service: Any, tmp_path: Path) -> None:
    def refuse_c(body: dict[str, Any]) -> Any:
        refused = "I don't know" in body["messages"][1]["content"]
        return (400, {}, b"no") if refused else service_answer(body)

    service_answer, service.always = service.always, refuse_c
    config = AnswersConfig(
        judge=OpenAIJudgeConfig(base_url=service.url, max_retries=0, input_price=10.0, output_price=5.0)
    )
    rows = [ROWS[0], AnswerRow("c", "I don't know.", "q"), AnswerRow("e", "fine", "q"), ROWS[3]]
    scores = scored(
        "judge_relevance", "length", "judge_faithfulness", rows=rows, config=config, cache=tmp_path / "cache.db"
    )
    np.testing.assert_array_equal(scores.values["judge_relevance"], [0.75, np.nan, 0.75, np.nan])
    np.testing.assert_array_equal(scores.values["judge_faithfulness"], [0.5, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(scores.values["length"], [3, 3, 1, np.nan])
    assert set(scores.failures) == {"c", "d"}
    assert scores.failures["c"].startswith("judge_relevance: the judge at")
    assert scores.totals["tokens_judge_input"] == 300
    assert scores.totals["tokens_judge_output"] == 60
    assert math.isclose(scores.totals["cost_judge"], (300 * 10 + 60 * 5) / 1e6)
    assert scores.totals["judge_requests"] == 3
    assert scores.notes["judge_relevance"] == "gpt-4o-mini, prompt relevance.v1, temperature 0"


def test_the_judge_is_off_unless_configured() -> None:
    assert AnswersConfig().judge == NoJudgeConfig()
    with pytest.raises(ConfigError, match="judge_relevance needs a language model") as caught:
        scored("judge_relevance")
    assert "judge.kind" in caught.value.hint
    with pytest.raises(ConfigError, match="similarity needs an embedder"):
        scored("similarity")


@pytest.mark.parametrize("name", [name for name in KNOWN if name not in {"length", "refusal_rate"}])
def test_nothing_to_compare_with_is_an_error_not_0(name: str) -> None:
    with pytest.raises(DataError, match=r"cannot be computed: none of the 1 answers has"):
        scored(name, rows=[AnswerRow("a", "x")])


def test_all_failed_or_nothing_asked_for() -> None:
    with pytest.raises(DataError, match="all 1 answers failed, the first because of: timeout"):
        scored("length", rows=[ROWS[3]])
    with pytest.raises(DataError, match="nothing to score"):
        scored("length", rows=[])
    with pytest.raises(UsageError):
        scored()


@pytest.mark.model
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_bertscore_comes_with_its_model_and_layer(tmp_path: Path) -> None:
    rows = [ROWS[0], ROWS[1], AnswerRow("z", "blue sky", references=("blue sky",))]
    scores = scored("BERTScore-F1", "BERTScore-P", "BERTScore-R", rows=rows, cache=tmp_path / "cache.db")
    precision, recall, f1 = (scores.values[f"BERTScore-{part}"] for part in ("P", "R", "F1"))
    assert f1[1] == precision[1] == recall[1] == 0.0
    assert f1[2] == pytest.approx(1.0, abs=1e-5)
    assert f1[0] == pytest.approx(2 * precision[0] * recall[0] / (precision[0] + recall[0]), abs=1e-6)
    assert recall[0] > precision[0] + 0.01  # the answer says all of the reference, and an article more
    assert scores.totals["empty_answers"] == 1
    assert scores.notes["BERTScore"].startswith("sentence-transformers/all-MiniLM-L6-v2, layer 6")
