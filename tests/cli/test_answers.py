"""``ragcli query --answer`` and ``--interactive``, ``ragcli cost``, ``ragcli eval answers --live``."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Ragcli

LEXICAL = ("--strategy", "lexical", "--set", "query.pack.encoding=words")
OFFLINE = ("--set", "query.strategy=lexical", "--set", "query.pack.encoding=words")
QUESTION = "How often do signing keys rotate?"
SENTENCE = "Signing keys rotate once a quarter."


def test_an_answer_for_people(indexed: Ragcli) -> None:
    ran = indexed("query", QUESTION, "--answer", *LEXICAL)
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == f"{SENTENCE} [1]"
    assert lines[2] == "[1] keys.txt, characters 0-35"
    assert lines[4].startswith("context: ")
    assert lines[5] == "answer: extractive; 0 tokens read, 0 written; cost 0"
    assert " 1  " in ran.out


def test_all_of_it_as_json(indexed: Ragcli) -> None:
    ran = indexed("query", QUESTION, "--answer", "--format", "json", *LEXICAL)
    [found] = ran.result["queries"]
    assert found["answer"]["text"] == f"{SENTENCE} [1]"
    [cited] = found["answer"]["citations"]
    assert (cited["path"], cited["start"], cited["end"], cited["heading"], cited["page"]) == (
        "keys.txt",
        0,
        35,
        "",
        None,
    )
    assert (found["answer"]["refused"], found["answer"]["cost"]) == (False, 0.0)
    assert found["context"]["excerpts"][0]["text"].strip() == SENTENCE
    assert found["context"]["left_out"] == []
    assert {"lexical", "pack", "answer"} <= found["timings_ms"].keys()
    assert found["hits"][0]["document"] == "keys.txt"


def test_lines_that_can_be_scored(indexed: Ragcli, work: Path) -> None:
    (work / "q.jsonl").write_text(json.dumps({"id": "k", "question": QUESTION}) + "\n")
    ran = indexed("query", "--file", "q.jsonl", "--answer", "--format", "jsonl", *LEXICAL)
    record = json.loads(ran.out)
    assert (record["id"], record["answer"], record["refused"]) == ("k", f"{SENTENCE} [1]", False)
    (work / "a.jsonl").write_text(ran.out)
    scored = indexed("eval", "answers", "a.jsonl", "--metric", "length", "--format", "json")
    assert scored.status == 0, scored.err


def test_an_answer_may_stand_beside_the_hit(indexed: Ragcli, write: Any) -> None:
    care = "Whoever keeps cactuses needs patience and a window to the south. " * 6
    water = f"Sansevieria is another. {'It wants shade. ' * 60}"
    write(
        "cactus.md",
        f"# Cactus\n\n{care}\n\n## Water\n\n{water}\n\nOnce a month suffices.\n",
    )
    assert indexed("sync", "docs").status == 0
    asked = ("query", "sansevieria", "--top-k", 1, "--format", "json", "--set", "query.pack.candidates=1", *LEXICAL)
    texts = {}
    for kind in ("none", "section"):
        [found] = indexed(*asked, "--answer", "--surroundings", kind).result["queries"]
        [excerpt] = found["context"]["excerpts"]
        texts[kind] = excerpt["text"]
    assert "Once a month suffices." not in texts["none"]
    assert texts["section"].endswith("Once a month suffices.")
    assert texts["none"] in texts["section"]


@pytest.mark.parametrize("format", ["csv", "md", "trec"])
def test_formats_without_a_place_for_answers(indexed: Ragcli, format: str) -> None:
    ran = indexed("query", QUESTION, "--answer", "--format", format, *LEXICAL)
    assert ran.status == 2
    assert f"--format {format} has no place for answers" in ran.err


def test_a_conversation(indexed: Ragcli) -> None:
    ran = indexed("query", "--interactive", *LEXICAL, stdin=f"{QUESTION}\n\nAnd them?\n".encode())
    assert ran.status == 0, ran.err
    assert ran.out.count(f"{SENTENCE} [1]") == 2  # a follow-up is searched for with the question before it
    assert indexed("query", "x", "--interactive", *LEXICAL).status == 2


def test_a_conversation_with_a_model(indexed: Ragcli, service: Any, reply: Any) -> None:
    model = ("--set", "query.answer.kind=openai", "--set", f"query.answer.base_url={service.url}")
    service.always = lambda body: reply("How often do signing keys rotate?" if "Rewrite" in str(body) else "So [1].")
    rewriting = ("--set", "query.answer.follow_up_instructions=Rewrite")
    ran = indexed("query", "--interactive", "--explain", *LEXICAL, *model, *rewriting, stdin=b"Hello?\nAnd them?\n")
    assert ran.status == 0, ran.err
    assert "searched for: Hello?\n" in ran.out
    assert "searched for: How often do signing keys rotate?\n" in ran.out


def test_a_model_that_fails_is_told(indexed: Ragcli, service: Any) -> None:
    service.script = [(401, {}, b'{"error": {"message": "bad key"}}')]
    model = ("--set", "query.answer.kind=openai", "--set", f"query.answer.base_url={service.url}")
    ran = indexed("query", QUESTION, "--answer", *LEXICAL, *model)
    assert ran.status == 7
    assert "answered 401: bad key" in ran.err
    assert "RAGCLI_ANSWER_API_KEY" in ran.err


def test_a_lexical_answer_loads_no_model_runtime(indexed: Ragcli, work: Path) -> None:
    import subprocess
    import sys

    words = ["query", QUESTION, "--answer", *LEXICAL]
    program = (
        "import sys\nfrom ragcli.cli import main\n"
        f"try: main({words!r})\nexcept SystemExit: print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=work)
    loaded = set(run.stdout.splitlines()[-1].split())
    assert "tantivy" in loaded
    heavy = {"onnxruntime", "torch", "transformers", "sentence_transformers", "scipy", "tiktoken", "openai", "httpx2"}
    assert not loaded & heavy


def test_costs_by_model(indexed: Ragcli) -> None:
    ran = indexed(
        "cost", QUESTION, "-m", "gpt-4o", "-m", "mine", "--completion-tokens", 100, "--format", "json", *OFFLINE
    )
    assert ran.status == 0, ran.err
    known, unknown = ran.result["models"]
    assert (known["completion_tokens"], known["vocabulary"]) == (100, "words")
    assert known["cost"] == pytest.approx((known["prompt_tokens"] * 2.5 + 100 * 10) / 1e6)
    assert (unknown["cost"], unknown["input_price"]) == (None, None)


def test_without_a_model_all_that_have_a_price(indexed: Ragcli) -> None:
    ran = indexed("cost", QUESTION, *OFFLINE)
    assert ran.status == 0, ran.err
    assert {"gpt-4o", "gpt-4o-mini", "gpt-5"} <= {line.split()[0] for line in ran.out.splitlines()}


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("-m", "gpt-4o", "--max-cost", "1"), 0, ""),
        (("-m", "gpt-4o", "--max-cost", "0.000001"), 10, "dearer than 1e-06: gpt-4o"),
        (("-m", "mine", "--max-cost", "1"), 3, "the price of the model 'mine' is not known"),
        (("--max-cost", "1"), 2, "--max-cost needs to know of which model"),
        (("--completion-tokens", "-1"), 2, "must be 0 or more"),
    ],
)
def test_a_limit_of_cost(indexed: Ragcli, words: tuple[str, ...], status: int, message: str) -> None:
    ran = indexed("cost", QUESTION, *OFFLINE, *words)
    assert ran.status == status
    assert message in ran.err


@pytest.fixture
def dataset(work: Path) -> Path:
    rows = [
        {"id": "keys", "question": QUESTION, "relevant": {"keys.txt": 1}, "answer": "once a quarter"},
        {"id": "both", "question": "When are snapshots taken?", "relevant": {"backup.md": 1}, "answer": "every night"},
        {"id": "none", "question": "Which Kubernetes volumes?", "relevant": {}, "answer": "They do not say."},
    ]
    file = work / "queries.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_answers_asked_for_and_scored(indexed: Ragcli, dataset: Path) -> None:
    metrics = [word for name in ("F1", "ROUGE-L-R", "citation_precision") for word in ("--metric", name)]
    ran = indexed("eval", "answers", "--live", "--dataset", dataset, *metrics, "--format", "json", *OFFLINE)
    assert ran.status == 0, ran.err
    means = {row["metric"]: row["mean"] for row in ran.result["metrics"]}
    assert means["ROUGE-L-R"] == 1.0
    assert means["citation_precision"] == 1.0
    result = ran.result["result"]
    assert result["totals"]["refusal_precision"] == result["totals"]["refusal_recall"] == 1.0
    assert result["totals"]["unanswerable"] == 1
    assert result["totals"]["cost_answer"] == 0
    assert result["values"]["F1"][2] is None
    assert "p95_answer_ms" in result["totals"]


def test_a_document_that_the_budget_cuts_is_told_by_diff(indexed: Ragcli, dataset: Path) -> None:
    live = ("eval", "answers", "--live", "--dataset", dataset, "--metric", "ROUGE-L-R", *OFFLINE)
    assert indexed(*live, "-o", "wide.json").status == 0
    narrow = ("--set", "query.pack.max_tokens=64", "--set", "query.pack.reserve_tokens=52")
    assert indexed(*live, *narrow, "-o", "narrow.json").status == 0
    ran = indexed("eval", "diff", "wide.json", "narrow.json")
    assert ran.status == 0, ran.err
    assert "cut by the token budget" in ran.out


def test_what_fails_is_kept_apart(indexed: Ragcli, dataset: Path, service: Any, reply: Any) -> None:
    service.script = [reply("once a quarter [1]"), (400, {}, b"too long")]
    model = ("--set", "query.answer.kind=openai", "--set", f"query.answer.base_url={service.url}")
    words = ("--max-failures", 1, "--metric", "F1", "--format", "json")
    ran = indexed("eval", "answers", "--live", "--dataset", dataset, *words, *OFFLINE, *model)
    assert ran.status == 0, ran.err
    assert list(ran.result["result"]["failures"]) == ["both"]


def test_only_failed_questions_are_asked_again(
    indexed: Ragcli, dataset: Path, work: Path, service: Any, reply: Any
) -> None:
    model = ("--set", "query.answer.kind=openai", "--set", f"query.answer.base_url={service.url}")
    metrics = ("--metric", "F1", "--metric", "length", "--format", "json")
    live = ("eval", "answers", "--live", "--dataset", dataset, *metrics, *OFFLINE, *model)
    said = [reply("once a quarter [1]"), reply("every night [1]")]  # nothing is found for "none", and nobody asked
    service.script = list(said)
    whole = indexed(*live, "--no-save").result["result"]
    service.script = [said[0], (400, {}, b"too long")]
    assert indexed(*live, "-o", "partly.json").status == 10
    service.bodies.clear()
    service.script = [(400, {}, b"still too long")]
    again = indexed(*live, "--resume", "partly.json", "--max-failures", 1, "-o", "again.json")
    assert (again.status, list(again.result["result"]["failures"])) == (0, ["both"])
    assert "still too long" in again.result["result"]["failures"]["both"]
    service.script = [said[1]]
    resumed = indexed(*live, "--resume", "again.json").result["result"]
    assert len(service.bodies) == 2
    assert resumed["failures"] == {}
    for name in ("notes", "queries", "questions"):
        assert resumed[name] == whole[name], name
    assert set(resumed["values"]) == {"F1", "length", "latency_ms", "answer_tokens", "answer_cost"}
    for name in ("F1", "length", "answer_tokens", "answer_cost"):
        assert resumed["values"][name] == whole["values"][name], name
    assert resumed["values"]["answer_tokens"] == [120, 120, 0]
    assert resumed["values"]["answer_cost"] == pytest.approx([(100 * 0.15 + 20 * 0.6) / 1e6] * 2 + [0.0])
    for name in ("refusal_recall", "refusal_precision", "unanswerable", "removed_citations", "empty_answers"):
        assert resumed["totals"][name] == whole["totals"][name], name
    assert set(resumed["timings_ms"]) == {"keys", "both", "none"}
    other = indexed(*live, "--resume", "again.json", "--set", "query.pack.max_tokens=900")
    assert (other.status, "rows of unlike evaluations would be mixed: " in other.err) == (12, True)


def test_the_answers_of_a_query_are_scored_without_references(indexed: Ragcli, work: Path) -> None:
    (work / "q.jsonl").write_text(json.dumps({"id": "k", "question": QUESTION}) + "\n")
    (work / "a.jsonl").write_text(indexed("query", "--file", "q.jsonl", "--answer", "--format", "jsonl", *LEXICAL).out)
    ran = indexed("eval", "answers", "a.jsonl", "--format", "json")
    assert ran.status == 0, ran.err
    assert [row["metric"] for row in ran.result["metrics"]] == ["length", "refusal_rate"]
    assert ran.envelope["warnings"] == [
        'left out, as no answer has a reference: EM, F1, ROUGE-L; give each line of a.jsonl "reference"'
    ]
    named = indexed("eval", "answers", "a.jsonl", "--metric", "EM")
    assert (named.status, named.out) == (4, "")
    assert "error: EM cannot be computed: none of the 1 answers has reference" in named.err
    assert 'try: give each answer of a file "reference"' in named.err


def test_what_cannot_be_scored_is_told_before_anything_is_asked(
    indexed: Ragcli, work: Path, service: Any, reply: Any
) -> None:
    row = {"id": "k", "question": QUESTION, "relevant": ["keys.txt"]}
    (work / "q.jsonl").write_text(json.dumps(row) + "\n")
    model = ("--set", "query.answer.kind=openai", "--set", f"query.answer.base_url={service.url}")
    live = ("eval", "answers", "--live", "--dataset", "q.jsonl", "--format", "json", *OFFLINE, *model)
    named = indexed(*live, "--metric", "citation_recall", "--metric", "ROUGE-L")
    assert (named.status, service.bodies) == (4, [])
    assert "error: ROUGE-L cannot be computed: none of the 1 answers has reference" in named.err
    service.script = [reply("once a quarter [1]")]
    ran = indexed(*live)
    assert ran.status == 0, ran.err
    assert [row["metric"] for row in ran.result["metrics"]][:2] == ["length", "refusal_rate"]
    assert 'EM, F1, ROUGE-L; give each question of q.jsonl "answer"' in ran.envelope["warnings"][0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give a file of answers, or --live"),
        (("a.jsonl", "--live"), "not both"),
        (("a.jsonl", "--dataset", "q.jsonl"), "choose the questions that --live asks"),
    ],
)
def test_options_that_make_no_run(indexed: Ragcli, words: tuple[str, ...], message: str) -> None:
    ran = indexed("eval", "answers", *words)
    assert ran.status == 2
    assert message in ran.err
