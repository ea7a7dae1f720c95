"""``ragcli abtest compare`` and ``aa`` through the real command line: every status, format and failure."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Ragcli

from ragcli.cli.abtest_compare import _number

ANIMALS = (
    *("ant", "bear", "camel", "deer", "eagle", "fox", "goat", "hare", "ibis", "jackal"),
    *("koala", "lion", "mole", "newt", "otter", "panda", "quail", "raven", "seal", "tiger"),
)
CONFIG = """\
ingest: {sources: [{path: zoo}]}
index: {embedder: {kind: hashing, dimension: 8}}
evaluate: {dataset: queries.jsonl, metrics: [nDCG@3], top_k: 5}
query: {strategy: %s}
"""


@pytest.fixture
def compared(ragcli: Ragcli, work: Path) -> Ragcli:
    """In a folder with an index, questions, and a good, a bad and two alike configurations."""
    (work / "zoo").mkdir()
    lines = []
    for number, name in enumerate(ANIMALS):
        (work / "zoo" / f"{name}.md").write_text(f"# The {name}\n\nHere lives the {name}, and nobody else.\n")
        tags = ["cage"] if number < 12 else ["pond"]
        question = {"id": f"q{number}", "question": f"where lives the {name}", "relevant": {f"{name}.md": 1}}
        lines.append(json.dumps({**question, "tags": tags}) + "\n")
    (work / "queries.jsonl").write_text("".join(lines))
    (work / "few.jsonl").write_text("".join(lines[:3]))
    for name, strategy in (("good", "lexical"), ("same", "lexical"), ("bad", "dense")):
        (work / f"{name}.yaml").write_text(CONFIG % strategy)
    assert ragcli("sync", "-c", "good.yaml").status == 0
    return ragcli


def test_a_better_treatment_ends_with_0(compared: Ragcli) -> None:
    ran = compared("abtest", "compare", "bad.yaml", "good.yaml")
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == "queries.jsonl: bad.yaml (control) against good.yaml"
    assert lines[1].split() == ["metric", "control", "treatment", "change", "95", "%", "interval", "p", "verdict"]
    assert lines[2].startswith("nDCG@3")
    assert lines[2].endswith("  treatment")
    assert lines[5].split() == ["metric", "d", "better/worse/equal", "detectable", "margin"]
    assert lines[6].split()[0::4] == ["nDCG@3", "0.0200"]
    assert lines[8:11] == [
        "p is adjusted (Holm, 2 tests), intervals are not",
        "does not decide: latency_ms",
        "nDCG@3 by tag",
    ]
    assert [line.split()[:2] for line in lines[12:14]] == [["cage", "12"], ["pond", "8"]]
    assert max(map(len, lines[:14])) <= 80
    assert "they differ in: query" in lines
    assert any(line.startswith("treatment better: good.yaml is better than bad.yaml by nDCG@3 ") for line in lines)
    assert lines[-1].startswith("abtest compare: treatment better; 20 questions asked in turn; ")
    assert ran.err == ""


def test_an_equivalent_treatment_ends_with_0(compared: Ragcli) -> None:
    ran = compared("abtest", "compare", "good.yaml", "same.yaml", "--format", "json")
    assert (ran.status, ran.result["verdict"], ran.envelope["ok"]) == (0, "equivalent", True)
    (arm,) = ran.result["treatments"]
    assert (arm["treatment"], arm["verdict"], arm["changed"]) == ("same.yaml", "equivalent", {})
    quality, latency = arm["metrics"]
    assert (quality["metric"], quality["difference"], quality["equivalence_p"]) == ("nDCG@3", 0.0, 0.0)
    assert (quality["decides"], latency["decides"]) == (True, False)
    assert quality["detectable"] is None  # nothing differs: JSON has no NaN
    assert [item["metric"] for item in arm["slices"] if item["tag"] == "cage"] == ["nDCG@3", "latency_ms"]
    assert ran.result["values"][1]["values"]["nDCG@3"] == [1.0] * 20


def test_a_worse_treatment_ends_with_10(compared: Ragcli) -> None:
    ran = compared("abtest", "compare", "good.yaml", "bad.yaml", "--format", "json")
    assert (ran.status, ran.result["verdict"]) == (10, "control better")
    assert ran.envelope["error"]["code"] == "regression"
    assert ran.result["treatments"][0]["sentence"].startswith("bad.yaml is worse than good.yaml by nDCG@3 1.0000 -> ")
    assert ran.err == "error: control better\n  try: -o FILE.html shows every question\n"


def test_too_few_questions_end_with_11(compared: Ragcli) -> None:
    ran = compared("abtest", "compare", "bad.yaml", "good.yaml", "--dataset", "few.jsonl")
    assert ran.status == 11
    assert "abtest compare: inconclusive; 3 questions asked in turn" in ran.out
    assert "inconclusive: good.yaml cannot be told from bad.yaml by these questions: nDCG@3" in ran.out
    assert ran.err == "error: cannot decide\n  try: more judged questions\n"


def test_other_documents_end_with_12(compared: Ragcli, work: Path) -> None:
    (work / "other.yaml").write_text(CONFIG % "lexical" + "workspace: {path: other}\n")
    (work / "zoo" / "yak.md").write_text("# The yak\n")
    assert compared("sync", "-c", "other.yaml").status == 0
    ran = compared("abtest", "compare", "good.yaml", "other.yaml")
    assert (ran.status, ran.out) == (12, "")
    assert "error: good.yaml and other.yaml differ in corpus: " in ran.err
    assert "--allow-mismatch corpus" in ran.err
    assert compared("abtest", "compare", "good.yaml", "other.yaml", "--allow-mismatch", "corpus").status == 0


@pytest.mark.parametrize(
    ("words", "status", "message", "hint"),
    [
        (["good.yaml", "bad.yaml", "--set", "workspace.path=no"], 5, "good.yaml: there is no index in", "sync -c good"),
        (["good.yaml", "lone.yaml"], 5, "lone.yaml: there is no index in", "ragcli sync -c lone.yaml"),
        (["good.yaml", "none.yaml"], 3, "none.yaml", ""),
        (["good.yaml", "bad.yaml", "--dataset", "no.jsonl"], 4, "no.jsonl", ""),
        (["good.yaml", "bad.yaml", "--set", "evaluate.dataset=null"], 2, "there is no dataset", "--dataset FOLDER"),
        (["good.yaml", "bad.yaml", "--metric", "ncdg@3"], 2, "unknown metric 'ncdg@3'", "did you mean nDCG@3?"),
        (["good.yaml", "bad.yaml", "--metric", "nDCG@50"], 2, "nDCG@50 needs 50 results", "raise --top-k"),
        (["good.yaml", "bad.yaml", "--margin", "MAP=0.1"], 2, "a margin names 'MAP'", "compared: nDCG@3"),
        (["good.yaml", "bad.yaml", "--margin", "nDCG@3"], 2, "'nDCG@3' is not a margin", "METRIC=AMOUNT"),
        (["good.yaml", "bad.yaml", "--allow-mismatch", "moon"], 2, "'moon' is no field", "fields that must"),
        (
            ["good.yaml", "bad.yaml", "-o", "page.pdf"],
            2,
            "cannot tell what to write into page.pdf",
            ".html, .md, .json",
        ),
        (["good.yaml", "bad.yaml", "-o", "no/page.md"], 2, "there is no folder no", ""),
        (["good.yaml"], 2, "TREATMENT", ""),
    ],
)
def test_failures_have_their_status(
    compared: Ragcli, work: Path, words: list[str], status: int, message: str, hint: str
) -> None:
    (work / "lone.yaml").write_text(CONFIG % "lexical" + "workspace: {path: lone}\n")
    ran = compared("abtest", "compare", *words)
    assert (ran.status, ran.out) == (status, ""), ran.err
    assert message in ran.err
    assert hint in ran.err


def test_files_and_markdown(compared: Ragcli, work: Path) -> None:
    ran = compared(
        *("abtest", "compare", "bad.yaml", "good.yaml", "same.yaml", "--format", "md"),
        *("-o", "page.html", "-o", "page.md", "-o", "page.json"),
    )
    assert ran.status == 0
    assert ran.out.startswith("## ✅ treatment better: `queries.jsonl`\n\n### ✅ `good.yaml`: treatment better\n")
    assert "<details><summary><code>nDCG@3</code> by tag</summary>" in ran.out
    assert ran.out == (work / "page.md").read_text()
    page = (work / "page.html").read_text()
    assert page.count('<p class="verdict win"><b>treatment better</b>') == 2
    assert "<title>bad.yaml (control) against good.yaml, same.yaml: ragcli abtest compare</title>" in page
    assert "<h1>bad.yaml (control) against good.yaml, same.yaml</h1>" in page
    assert "<h2>Metrics, good.yaml</h2>" in page
    assert "<h2>Questions (all 20), good.yaml</h2>" in page
    saved = json.loads((work / "page.json").read_text())
    assert (saved["command"], saved["ok"]) == ("abtest compare", True)
    assert [arm["treatment"] for arm in saved["result"]["treatments"]] == ["good.yaml", "same.yaml"]


def test_what_a_user_should_know_is_told_beside_the_verdict(compared: Ragcli, work: Path) -> None:
    lines = (work / "queries.jsonl").read_text()
    lost = json.dumps({"id": "gone", "question": "where lives the gnu", "relevant": {"gnu.md": 1}})
    (work / "queries.jsonl").write_text(f"{lines}{lost}\n")
    ran = compared("abtest", "compare", "good.yaml", "same.yaml", "--format", "json")
    assert ran.status == 0
    assert "not in the index and counted as missed: 1 judged document: gnu.md" in ran.envelope["warnings"]


def test_aa_shows_the_noise_floor(compared: Ragcli) -> None:
    ran = compared("abtest", "aa", "good.yaml")
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == "queries.jsonl: good.yaml against itself"
    assert lines[2].split() == ["nDCG@3", "1.0000", "1.0000", "+0.0000", "0.0000,", "0.0000", "1.000"]
    assert lines[3].startswith("latency_ms")
    assert lines[6].split() == ["nDCG@3", "0", "of", "20", "0.0000", "0.0200"]
    assert lines[8] == "noise floor: the interval's farther end; a smaller difference may be noise"
    assert lines[-1].startswith("abtest aa: every metric of quality is deterministic; 20 questions asked twice, in ")
    times = compared("abtest", "aa", "good.yaml", "--metric", "latency_ms").out.splitlines()[-1]
    assert times.startswith("abtest aa: 20 questions asked twice, in turn; ")
    found = compared("abtest", "aa", "bad.yaml", "--format", "json", "--metric", "recall@5").result
    assert found["deterministic"] is True
    assert [item["metric"] for item in found["metrics"]] == ["recall@5", "latency_ms"]
    text = compared("abtest", "aa", "good.yaml", "--format", "md").out
    assert text.startswith("## Noise of `good.yaml` on `queries.jsonl`\n\n| metric | first | second |")


def test_aa_of_a_configuration_without_an_index_fails(compared: Ragcli) -> None:
    ran = compared("abtest", "aa", "good.yaml", "--workspace", "nowhere")
    assert (ran.status, ran.out) == (5, "")
    assert "good.yaml: there is no index in" in ran.err


def test_help_and_a_lexical_comparison_import_nothing_heavy(compared: Ragcli) -> None:
    code = (
        "import sys\nfrom ragcli.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'scipy', 'openai', 'httpx'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    for words in (["--help"], ["compare", "good.yaml", "same.yaml"]):
        done = subprocess.run([sys.executable, "-c", code, "abtest", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_one_index_does_not_stand_for_two_ways_of_cutting(compared: Ragcli, work: Path) -> None:
    cut = CONFIG.replace("zoo}]}", "zoo}], chunker: {kind: fixed, size_tokens: 9, overlap_tokens: 0}}") % "lexical"
    (work / "cut.yaml").write_text(cut)
    ran = compared("abtest", "compare", "good.yaml", "cut.yaml")
    assert (ran.status, ran.out) == (5, "")
    told = f"error: cut.yaml: the documents in {work / '.ragcli'} were cut by other settings (ingest.chunker)"
    assert told in ran.err
    assert "give it a workspace of its own (workspace.path in cut.yaml), then ragcli sync -c cut.yaml" in ran.err
    alone = compared("abtest", "aa", "cut.yaml")
    assert (alone.status, alone.out) == (5, "")
    assert f"cut.yaml: the documents in {work / '.ragcli'} were cut by other settings of ingest" in alone.err
    assert "try: ragcli sync -c cut.yaml" in alone.err
    doctor = compared("doctor", "-c", "cut.yaml", "--format", "json")
    files = next(check for check in doctor.result["checks"] if check["name"] == "files")
    assert files["verdict"] == "warning"
    assert files["message"] == "those of zoo were read and cut by other settings than the configured ones"
    (work / "cut.yaml").write_text(cut + "workspace: {path: own}\n")
    assert compared("sync", "-c", "cut.yaml").status == 0
    assert compared("abtest", "compare", "good.yaml", "cut.yaml").status in {0, 10, 11}


def test_a_folder_and_a_single_file_that_no_configuration_lists_are_known_by_the_common_settings(
    compared: Ragcli, work: Path
) -> None:
    (work / "more").mkdir()
    (work / "more" / "gnu").write_text("Here lives the gnu.\n")
    (work / "single.txt").write_text("Here lives the yak.\n")
    assert compared("ingest", "more", "-c", "good.yaml").status == 0
    assert compared("ingest", "single.txt", "--type", "markdown", "-c", "good.yaml").status == 0
    assert compared("index", "-c", "good.yaml").status == 0
    assert compared("abtest", "compare", "good.yaml", "same.yaml").status == 0
    assert compared("abtest", "aa", "good.yaml", "--set", "ingest.tokenizer=cl100k_base").status == 5


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-0.00001, "0.0000"), (-0.1234, "-0.1234"), (12.345, "12.35"), (-123.456, "-123.46"), (12345.6, "12346")],
)
def test_a_number_takes_seven_characters_at_most(value: float, expected: str) -> None:
    assert _number(value) == expected
    assert len(_number(value)) <= 7


def test_a_number_that_is_not_known_is_a_dash() -> None:
    assert _number(math.nan, "+") == "-"
