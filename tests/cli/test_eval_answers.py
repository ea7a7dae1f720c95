"""``ragcli eval answers`` with a judge that fails and recovers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Ragcli

ROWS: list[dict[str, Any]] = [
    {"id": "a", "question": "which colour", "answer": "blue", "reference": "blue", "contexts": ["The sky is blue."]},
    {"id": "b", "question": "how long", "answer": "thirty days", "contexts": ["Kept for thirty days."]},
    {"id": "c", "question": "how much", "error": "timeout"},
    {"id": "d", "question": "when", "answer": "", "reference": "at night", "contexts": ["Taken every night."]},
]
METRICS = ["--metric", "judge_faithfulness", "--metric", "judge_relevance", "--metric", "EM"]


@pytest.fixture
def judge(service: Any, judging: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    service.always = judging
    settings = {"KIND": "openai", "BASE_URL": service.url, "MODEL": "m", "MAX_RETRIES": "0"}
    for name, value in settings.items():
        monkeypatch.setenv(f"RAGCLI_EVALUATE__ANSWERS__JUDGE__{name}", value)
    return service


@pytest.fixture
def answers(ragcli: Ragcli, work: Path) -> Callable[..., Any]:
    def run(*words: object, rows: list[dict[str, Any]] = ROWS, status: int = 0) -> Any:
        (work / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        ran = ragcli("eval", "answers", "answers.jsonl", "--format", "json", *METRICS, *words)
        assert ran.status == status, ran.err
        return ran.envelope

    return run


@pytest.fixture
def refusing(judging: Any) -> Callable[[str], Callable[[dict[str, Any]], Any]]:
    """Makes a service that refuses conversations with a word."""

    def judge_without(word: str) -> Callable[[dict[str, Any]], Any]:
        return lambda body: (400, {}, b"no") if word in body["messages"][1]["content"] else judging(body)

    return judge_without


def test_only_what_the_judge_failed_on_is_judged_again(
    judge: Any, judging: Any, refusing: Any, answers: Callable[..., Any]
) -> None:
    judge.always = refusing("thirty")
    partly = answers("-o", "partly.json", "--max-failures", 1, status=10)["result"]["result"]
    assert set(partly["failures"]) == {"b", "c"}
    judge.always = judging
    judge.bodies.clear()
    resumed = answers("--resume", "partly.json", "--max-failures", 1)["result"]["result"]
    assert [("thirty" in body["messages"][1]["content"]) for body in judge.bodies] == [True, True]
    assert resumed["failures"] == {"c": "timeout"}
    assert resumed["values"] == {
        "judge_faithfulness": [0.5, 0.5, None, 0.0],
        "judge_relevance": [0.75, 0.75, None, 0.0],
        "EM": [1.0, None, None, 0.0],
    }
    assert resumed["totals"]["judge_requests"] == 4
    assert resumed["totals"]["tokens_judge_input"] == 400
    assert resumed["totals"]["empty_answers"] == 1


def test_an_answer_that_was_missing_may_be_there_now_but_no_other_may_change(
    judge: Any, answers: Callable[..., Any]
) -> None:
    answers("-o", "partly.json", "--max-failures", 1)
    there = [*ROWS[:2], {"id": "c", "question": "how much", "answer": "ten", "contexts": ["It costs ten."]}, ROWS[3]]
    whole = answers("--no-save", rows=there)["result"]["result"]
    resumed = answers("--resume", "partly.json", rows=there)["result"]["result"]
    for name in ("values", "failures", "fingerprints", "notes", "queries"):
        assert resumed[name] == whole[name], name
    changed = [{**ROWS[0], "answer": "green"}, *there[1:]]
    refused = answers("--resume", "partly.json", rows=changed, status=12)["error"]
    assert refused["message"].startswith("rows of unlike evaluations would be mixed: answers: ")
    answers("--resume", "partly.json", "--allow-mismatch", "answers", rows=changed)
    fewer = answers("--resume", "partly.json", rows=ROWS[:3], status=2)["error"]
    assert fewer["message"] == "the result to resume has other rows"


def test_another_judge_is_not_mixed_in(judge: Any, judging: Any, refusing: Any, answers: Callable[..., Any]) -> None:
    judge.always = refusing("thirty")
    answers("-o", "partly.json", "--max-failures", 2)
    judge.always = judging
    words = ["--resume", "partly.json", "--set", "evaluate.answers.judge.model=other"]
    refused = answers(*words, status=12)["error"]
    assert "judge_faithfulness: m, prompt faithfulness.v1, temperature 0 in the result" in refused["message"]
    allowed = ["--allow-mismatch", "judge_faithfulness", "--allow-mismatch", "judge_relevance", "--max-failures", 1]
    mixed = answers(*words, *allowed)["result"]["result"]
    both = "m, prompt relevance.v1, temperature 0, other, prompt relevance.v1, temperature 0"
    assert mixed["notes"]["judge_relevance"] == mixed["fingerprints"]["judge_relevance"] == both


def test_what_the_judge_spends_is_gated_and_an_unknown_price_is_not_zero(
    judge: Any, answers: Callable[..., Any]
) -> None:
    words = ["--no-save", "--max-failures", 1]
    prices = [
        *("--set", "evaluate.answers.judge.input_price=3"), *("--set", "evaluate.answers.judge.output_price=15"),
    ]  # fmt: skip
    unknown = answers(*words, "--max", "cost_judge=1", status=4)["error"]
    assert unknown["hint"].startswith("set input_price and output_price of evaluate.answers.judge")
    Path("answers.db").unlink(missing_ok=True)
    for cache in Path.cwd().rglob("answers.db"):
        cache.unlink()
    cost = (400 * 3 + 80 * 15) / 1e6
    totals = answers(*words, *prices, "--max", f"cost_judge={cost}")["result"]["result"]["totals"]
    assert totals["cost_judge"] == pytest.approx(cost, rel=1e-12)
    kept = answers(*words, *prices, "--max", "cost_judge=0", "--max", "tokens_judge_input=0")["result"]["result"]
    assert kept["totals"]["judge_cached"] == 4
    for cache in Path.cwd().rglob("answers.db"):
        cache.unlink()
    assert answers(*words, *prices, "--max", "tokens_judge_output=79", status=10)["error"]["code"] == "regression"
