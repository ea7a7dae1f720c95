"""``ragcli abtest`` as its user has it: from two files to a decision."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Ragcli

Ready = Callable[..., None]


@pytest.fixture
def ready(ragcli: Ragcli, work: Path) -> Ready:
    """An index, two configurations, and an experiment of them."""
    assert ragcli("ingest", "docs").status == 0
    assert ragcli("index").status == 0
    (work / "a.yaml").write_text("query:\n  strategy: hybrid\n", encoding="utf-8")
    (work / "b.yaml").write_text("query:\n  strategy: lexical\n", encoding="utf-8")

    def create(*words: object, name: str = "exp") -> None:
        ran = ragcli("abtest", "create", name, "--control", "a.yaml", "--treatment", "b.yaml", *words)
        assert ran.status == 0, ran.err

    return create


def events(work: Path, lift: float, users: int = 400, variants: tuple[str, str] = ("control", "treatment")) -> Path:
    """A file in which the treatment's users click more often, and wait as long."""
    generator = np.random.default_rng(0)
    lines = []
    for number in range(users):
        variant = variants[number % 2]
        clicked = float(number // 2 % 10 < (3 + lift * (number % 2)))
        metrics = {"clicked": clicked, "latency_ms": float(generator.normal(100, 5))}
        lines.append(
            {"id": f"e{number}", "user": f"u{number}", "time": 1e9 + number, "variant": variant, "metrics": metrics}
        )
    file = work / "events.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def test_the_specified_example(ragcli: Ragcli, ready: Ready) -> None:
    ready("--split", "0.5")
    for number in range(8):
        ran = ragcli(
            "abtest", "query", "exp", "how long are snapshots kept", "--user", f"user{number}", "--format", "json"
        )
        assert ran.status == 0, ran.err
        assigned = ragcli("abtest", "assign", "exp", f"user{number}", "--no-log").out.strip()
        assert ran.result["variant"] == assigned
        assert ran.result["hits"][0]["document"] == "backup.md"
        assert ran.result["metrics"]["latency_ms"] > 0
    ran = ragcli("abtest", "analyze", "exp", "--format", "json")
    assert ran.status == 11
    result = ran.result
    assert sum(result["sample_sizes"].values()) == 8
    [latency] = result["metrics"]
    assert latency["metric"] == "latency_ms:mean"
    test = latency["t_test"]
    assert test["test"] == "Welch t-test"
    assert 0 <= test["p"] <= 1
    assert test["samples"] == list(result["sample_sizes"].values())
    assert test["control"] > 0 < test["treatment"]
    assert "100 are the least to decide by" in result["sentence"]


def test_a_query_records_what_happened(ragcli: Ragcli, ready: Ready) -> None:
    ready("--metric", "refused", "--override", "tester=treatment")
    ran = ragcli(
        "abtest", "query", "exp", "how often do signing keys rotate", "--user", "tester", "--answer", "--format", "json"
    )
    assert ran.result["variant"] == "treatment"
    assert ran.result["answer"]["text"]
    metrics = ran.result["metrics"]
    assert {"latency_ms", "lexical_ms", "pack_ms", "answer_ms", "hits", "tokens", "cost", "refused", "failed"} <= set(
        metrics
    )
    assert "dense_ms" not in metrics  # the treatment asks for words alone
    stages = sum(value for name, value in metrics.items() if name.endswith("_ms") and name != "latency_ms")
    assert metrics["latency_ms"] == pytest.approx(stages)
    told = ragcli("abtest", "query", "exp", "how often do signing keys rotate", "--user", "tester")
    assert "keys.txt" in told.out
    assert "variant treatment" in told.err
    shown = ragcli("abtest", "show", "exp", "--format", "json").result
    assert shown["users"] == {"treatment": 1}
    assert shown["events"] == 2


def test_a_frozen_configuration_is_not_what_its_file_became(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready("--override", "u=treatment")
    (work / "b.yaml").write_text("query:\n  top_k: 1\n  strategy: dense\n", encoding="utf-8")
    ran = ragcli("abtest", "query", "exp", "snapshots", "--user", "u", "--format", "json")
    assert "dense_ms" not in ran.result["metrics"]


def test_failed_questions_are_recorded_as_failed(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready()
    for file in (work / ".ragcli" / "generations").rglob("*"):
        if file.is_file():
            file.unlink()
    ran = ragcli("abtest", "query", "exp", "snapshots", "--user", "u")
    assert ran.status == 5
    assert ragcli("abtest", "show", "exp", "--format", "json").result["events"] == 1


@pytest.mark.parametrize(("lift", "status", "word"), [(4, 0, "ship"), (0, 11, "inconclusive"), (-3, 10, "harm")])
def test_the_status_says_what_to_do(
    ragcli: Ragcli, ready: Ready, work: Path, lift: int, status: int, word: str
) -> None:
    ready("--metric", "clicked", "--guardrail", "latency_ms:mean")
    ran = ragcli("abtest", "record", "exp", "--file", events(work, lift))
    assert (ran.status, ran.out) == (0, "recorded: 400 events\n")
    ran = ragcli("abtest", "analyze", "exp")
    assert ran.status == status
    assert ran.out.splitlines()[-1].startswith(word)


def test_an_unsound_experiment_has_status_12(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready("--metric", "clicked", "--split", "0.8")
    ragcli("abtest", "record", "exp", "--file", events(work, 4))
    ran = ragcli("abtest", "analyze", "exp", "--format", "json")
    assert ran.status == 12
    assert ran.result["decision"] == "invalid"
    assert "sample-ratio mismatch: users 200 : 200 where 80 : 320 were expected" in ran.result["sentence"]
    assert ran.envelope["error"]["code"] == "not_comparable"


def test_recording_again_changes_nothing(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready("--metric", "clicked")
    file = events(work, 0, users=20)
    ragcli("abtest", "record", "exp", "--file", file)
    ran = ragcli("abtest", "record", "exp", "--file", "-", stdin=file.read_bytes())
    assert ran.out == "recorded: 0 events, 20 duplicates\n"
    assert ragcli("abtest", "list", "--format", "json").result["experiments"][0]["events"] == 20


def test_one_event_by_flags(ragcli: Ragcli, ready: Ready) -> None:
    ready("--metric", "clicked")
    ran = ragcli("abtest", "record", "exp", "--user", "u", "--metric", "clicked=1", "--id", "e1")
    assert ran.out == "recorded: 1 event\n"
    assert "of users who have not seen a variant" in ran.err
    assert "1 duplicate" in ragcli("abtest", "record", "exp", "--user", "u", "--metric", "clicked=1", "--id", "e1").out
    ran = ragcli("abtest", "record", "exp", "--user", "u", "--metric", "clickd=1", "--variant", "control")
    assert "did you mean 'clicked'?" in ran.err
    assert ragcli("abtest", "record", "exp", "--user", "u", "--metric", "clicked=1").err == ""


def test_late_events_are_told(ragcli: Ragcli, ready: Ready) -> None:
    ready("--metric", "clicked")
    ragcli("abtest", "assign", "exp", "u")
    assert ragcli("abtest", "stop", "exp").status == 0
    ran = ragcli("abtest", "record", "exp", "--user", "u", "--metric", "clicked=1")
    assert "1 event after the experiment was stopped: kept, not analysed" in ran.err


def test_users_are_assigned_and_remembered(ragcli: Ragcli, ready: Ready) -> None:
    ready("--draft")
    ran = ragcli("abtest", "assign", "exp", "anna", "bert")
    assert ran.out == "anna\tcontrol\nbert\tcontrol\n"
    assert ragcli("abtest", "show", "exp", "--format", "json").result["users"] == {}
    assert ragcli("abtest", "start", "exp").status == 0
    assert ragcli("abtest", "assign", "exp", "anna").out == "control\n"
    ragcli("abtest", "assign", "exp", "bert", "--no-log")
    ran = ragcli("abtest", "assign", "exp", "-", "--format", "json", stdin=b"carl\n\ndora\n")
    assert ran.result == {
        "experiment": "exp",
        "logged": True,
        "users": [{"user": "carl", "variant": "treatment"}, {"user": "dora", "variant": "treatment"}],
    }
    assert ragcli("abtest", "show", "exp", "--format", "json").result["users"] == {"control": 1, "treatment": 2}


def test_a_share_that_grows_takes_nobody_out(ragcli: Ragcli, ready: Ready) -> None:
    ready("--split", "10%")
    users = [f"u{number}" for number in range(200)]

    def treated() -> set[str]:
        lines = ragcli("abtest", "assign", "exp", *users, "--no-log").out.splitlines()
        return {line.split("\t")[0] for line in lines if line.endswith("\ttreatment")}

    before = treated()
    ran = ragcli("abtest", "start", "exp", "--split", "0.5")
    assert "users whose variant changes are left out of the analysis" in ran.err
    assert 5 < len(before) < 40 < len(treated())
    assert before < treated()


def test_several_treatments_have_the_names_of_their_files(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready()
    (work / "c.yaml").write_text("query:\n  top_k: 3\n", encoding="utf-8")
    words = ("--control", "a.yaml", "--treatment", "b.yaml", "--treatment", "third=c.yaml")
    ran = ragcli("abtest", "create", "three", *words, "--split", "0.2,0.1", "--format", "json")
    assert ran.result["shares"] == pytest.approx({"control": 0.7, "b": 0.2, "third": 0.1})
    assert len({one["fingerprint"] for one in ran.result["variants"]}) == 3
    ran = ragcli("abtest", "create", "even", *words, "--format", "json")
    assert ran.result["shares"] == pytest.approx(dict.fromkeys(("control", "b", "third"), 1 / 3))


def test_mixed_rankings_are_decided_by_clicks(ragcli: Ragcli, ready: Ready) -> None:
    ready("--mode", "interleave")
    asked = [
        ragcli("abtest", "query", "exp", "how long are snapshots kept", "--user", f"u{n}", "--format", "json").result
        for n in range(3)
    ]
    assert all(one["variant"] == "control+treatment" for one in asked)
    assert all(len(one["teams"]) == len(one["hits"]) > 1 for one in asked)
    assert [hit["score"] for hit in asked[0]["hits"][:2]] == [1.0, 0.5]
    for number, one in enumerate(asked):
        rank = one["teams"].index(1) + 1
        words = ("--user", f"u{number}", "--impression", one["impression"], "--click", rank)
        ran = ragcli("abtest", "record", "exp", *words)
        assert (ran.status, ran.err) == (0, "")
    first = asked[0]["impression"]
    for user, shown, rank in (("u1", "nowhere", 1), ("u1", first, 1), ("u0", first, 99)):
        ran = ragcli("abtest", "record", "exp", "--user", user, "--impression", shown, "--click", rank)
        assert "1 click on an impression or a rank that this user was not shown" in ran.err
    told = ragcli("abtest", "show", "exp").out
    assert "control+treatment 3" in told
    assert "mixed for everybody" in told
    ran = ragcli("abtest", "analyze", "exp", "--format", "json")
    assert ran.status == 11
    assert (ran.result["won_by_treatment"], ran.result["decided"], ran.result["share"]) == (3, 3, 1.0)
    assert (
        "the treatment wins 100.0% of 3 decided impressions" in ragcli("abtest", "analyze", "exp", "--format", "md").out
    )
    assert ragcli("abtest", "assign", "exp", "u").status == 2
    assert ragcli("abtest", "query", "exp", "snapshots", "--user", "u", "--answer").status == 2
    assert ragcli("abtest", "power", "exp").status == 2


def test_deleting_is_shown_first(ragcli: Ragcli, ready: Ready) -> None:
    ready()
    ragcli("abtest", "assign", "exp", "u")
    assert ragcli("abtest", "delete", "exp").out == "would delete: exp, 1 user, 0 events; --yes does\n"
    assert ragcli("abtest", "list", "--format", "json").result["experiments"]
    assert ragcli("abtest", "delete", "exp", "--yes").out == "deleted: exp, 1 user, 0 events\n"
    assert ragcli("abtest", "list", "--format", "json").result["experiments"] == []


def test_reports(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready("--metric", "clicked", "--metric", "latency_ms:p95", "--guardrail", "latency_ms:mean")
    ragcli("abtest", "record", "exp", "--file", events(work, 4))
    ran = ragcli("abtest", "analyze", "exp", "-o", "r.html", "-o", "r.md", "-o", "r.json", "--format", "md")
    assert ran.status == 0
    assert ran.out == (work / "r.md").read_text(encoding="utf-8")
    assert "| treatment | clicked | 0.3 -> 0.7 | +0.4 |" in ran.out
    page = (work / "r.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 4  # clicked over time, latency over time and among users, arrivals
    assert "clicked is better" in page
    stored = json.loads((work / "r.json").read_text(encoding="utf-8"))
    assert stored == ragcli("abtest", "analyze", "exp", "--format", "json").envelope
    assert ragcli("abtest", "analyze", "exp", "--format", "html").out == page


def test_planning_by_what_was_recorded(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready("--metric", "clicked", "--metric", "latency_ms:mean", "--guardrail", "latency_ms:p95")
    ragcli("abtest", "record", "exp", "--file", events(work, 4))
    [clicked, latency] = ragcli("abtest", "power", "exp", "--effect", "10%", "--format", "json").result["metrics"]
    assert clicked["control"] == 0.3
    assert clicked["effect"] == pytest.approx(0.03)
    assert clicked["users"] == pytest.approx(2 * 4_569, rel=0.01)  # of two metrics: level 0.025
    assert latency["effect"] == pytest.approx(-0.1 * latency["control"])
    assert latency["now"] == 400
    told = ragcli("abtest", "power", "exp", "--users", "9137", "--metric", "clicked").out
    assert "9,137 users find a change of 0.02996" in told


def test_three_variants_are_planned_by_all_users_and_all_tests(ragcli: Ragcli, ready: Ready) -> None:
    ready()
    words = ("--control", "a.yaml", "--treatment", "b.yaml", "--treatment", "c=a.yaml", "-m", "clicked", "-m", "x:mean")
    assert ragcli("abtest", "create", "three", *words).status == 0
    lines = [
        {
            "user": f"u{n}",
            "time": n,
            "variant": ("control", "b", "c")[n % 3],
            "metrics": {"clicked": int(n % 10 < 3), "x": n},
        }
        for n in range(900)
    ]
    ragcli("abtest", "record", "three", "-f", "-", stdin="\n".join(map(json.dumps, lines)).encode())
    clicked = ragcli("abtest", "power", "three", "--effect", "0.05", "--format", "json").result["metrics"][0]
    assert clicked["alpha"] == 0.05 / 4  # two metrics, two treatments
    # (z_.99375 + z_.8)^2 = 11.16; a third of all users in each: 3/2 of what two variants take.
    assert clicked["users"] == pytest.approx(3 * 11.16 * (0.21 + 0.2275) / 0.05**2, rel=0.02)
    [found] = ragcli("abtest", "simulate", "three", "-m", "clicked", "--repeats", "400", "--format", "json").result[
        "metrics"
    ]
    assert (found["users"], found["alpha"], found["nothing"]["looks"]) == (900, 0.05 / 4, 9)


def test_a_mean_of_0_and_1_scatters_as_its_share_does(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready("--metric", "clicked:mean")
    ragcli("abtest", "record", "exp", "--file", events(work, 0))
    [up] = ragcli("abtest", "power", "exp", "--effect", "0.1", "--format", "json").result["metrics"]
    # From 0.3 to 0.4 the variances are 0.21 and 0.24: 2 (1.96 + 0.842)^2 (0.21 + 0.24) / 0.01 users.
    assert up["users"] == pytest.approx(2 * 7.849 * 0.45 / 0.01, rel=0.01)


def test_simulating_on_what_was_recorded(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready("--metric", "clicked")
    ragcli("abtest", "record", "exp", "--file", events(work, 0))
    words = ("--effect", "0.1", "--users", "600", "--repeats", "400")
    [found] = ragcli("abtest", "simulate", "exp", *words, "--format", "json").result["metrics"]
    assert found["nothing"]["fixed"] < 0.09
    assert found["nothing"]["sequential"] < found["nothing"]["fixed"] < found["nothing"]["peeking"]
    assert 0.6 < found["something"]["fixed"] < 0.85
    table = ragcli("abtest", "simulate", "exp", *words).out
    assert table.splitlines()[1].split()[:2] == ["clicked", "none"]
    assert table.splitlines()[2].split()[:2] == ["clicked", "+0.1"]


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("create", "exp", "--control", "a.yaml", "--treatment", "b.yaml"), 2, "there is an experiment 'exp' already"),
        (("create", "a b", "--control", "a.yaml", "--treatment", "b.yaml"), 2, "cannot be the name of an experiment"),
        (("create", "x", "--control", "a.yaml", "--treatment", "none.yaml"), 3, "none.yaml"),
        (("create", "x", "--control", "a.yaml", "--treatment", "b.yaml", "--split", "1"), 2, "leave control nothing"),
        (("create", "x", "--control", "a.yaml", "--treatment", "b.yaml", "--split", "half"), 2, "is no share"),
        (("create", "x", "--control", "a.yaml", "--treatment", "b.yaml", "--split", "0.1,0.1"), 2, "2 shares for 1"),
        (("create", "x", "--control", "a.yaml", "--treatment", "control=b.yaml"), 2, "two variants have one name"),
        (("create", "x", "--control", "a.yaml", "--treatment", "b.yaml", "--metric", "a b"), 2, "is not a metric"),
        (("create", "x", "--control", "a.yaml", "--treatment", "b.yaml", "--margin", "cost=1"), 2, "no guardrail"),
        (("create", "x", "--control", "a.yaml", "--treatment", "b.yaml", "--override", "u=c"), 2, "is no tester"),
        (("show", "exq"), 2, "there is no experiment 'exq'"),
        (("start", "exp"), 2, "is running already"),
        (("query", "exp", "snapshots"), 2, "--user is missing"),
        (("query", "exp", " ", "--user", "u"), 2, "the question is empty"),
        (("record", "exp"), 2, "give --user with what happened, or --file alone"),
        (("record", "exp", "--user", "u", "--file", "x"), 2, "give --user with what happened, or --file alone"),
        (("record", "exp", "--user", "u"), 2, "what happened?"),
        (("record", "exp", "--user", "u", "--variant", "c"), 2, "has no variant 'c'"),
        (("record", "exp", "--user", "u", "--metric", "clicked"), 2, "is no value"),
        (("record", "exp", "--user", "u", "--click", "1"), 2, "a click names its impression"),
        (("record", "exp", "--user", "u", "--metric", "a=1", "--time", "soon"), 2, "--time"),
        (("record", "exp", "--file", "none.jsonl"), 4, "cannot read none.jsonl"),
        (("analyze", "exp"), 4, "nobody has seen a variant of exp yet"),
        (("analyze", "exp", "-o", "report.pdf"), 2, "cannot tell what to write into report.pdf"),
        (("power", "exp"), 4, "nobody has seen a variant"),
        (("power", "exp", "--power", "2"), 2, "is no probability"),
        (("power", "exp", "--effect", "much"), 2, "is not a margin"),
        (("simulate", "exp", "--effect", "0"), 2, "--effect 0 is no change"),
    ],
)
def test_what_is_wrong_is_said(ragcli: Ragcli, ready: Ready, words: tuple[str, ...], status: int, told: str) -> None:
    ready()
    ran = ragcli("abtest", *words)
    assert ran.status == status, ran.err
    assert told in ran.err


def test_what_is_not_running_serves_nobody(ragcli: Ragcli, ready: Ready) -> None:
    ready("--draft")
    ran = ragcli("abtest", "query", "exp", "snapshots", "--user", "u")
    assert ran.status == 2
    assert "is not running: draft" in ran.err
    assert "ragcli abtest start exp" in ran.err
    assert ragcli("abtest", "stop", "exp").status == 2
    ragcli("abtest", "start", "exp")
    ragcli("abtest", "stop", "exp")
    assert "has been stopped" in ragcli("abtest", "start", "exp").err
    assert "is not running: stopped" in ragcli("abtest", "query", "exp", "snapshots", "--user", "u").err


def test_without_experiments_there_is_nothing_to_show(ragcli: Ragcli) -> None:
    ran = ragcli("abtest", "list")
    assert ran.status == 2
    assert "there are no experiments" in ran.err


def test_a_treatment_like_control_is_told(ragcli: Ragcli, ready: Ready) -> None:
    ready()
    ran = ragcli("abtest", "create", "aa", "--control", "a.yaml", "--treatment", "a.yaml")
    assert "treatment has the same settings as control: an A/A test" in ran.err


def test_an_index_of_other_settings_is_refused(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready()
    (work / "c.yaml").write_text("index:\n  lexical:\n    language: de\n", encoding="utf-8")
    ran = ragcli("abtest", "create", "other", "--control", "a.yaml", "--treatment", "c.yaml")
    assert ran.status == 5
    assert "c.yaml" in ran.err
    assert "workspace of its own" in ran.err
    assert [one["name"] for one in ragcli("abtest", "list", "--format", "json").result["experiments"]] == ["exp"]


def test_variants_of_other_documents_are_told(ragcli: Ragcli, work: Path) -> None:
    for name, documents in (("a", "docs"), ("b", "docs/guides")):
        (work / f"{name}.yaml").write_text(f"workspace:\n  path: .{name}\n", encoding="utf-8")
        assert ragcli("sync", documents, "--config", f"{name}.yaml").status == 0
    ran = ragcli("abtest", "create", "exp", "--control", "a.yaml", "--treatment", "b.yaml")
    assert ran.status == 0
    assert "b.yaml is indexed from other documents than a.yaml" in ran.err
    ran = ragcli("abtest", "create", "same", "--control", "a.yaml", "--treatment", "a.yaml")
    assert "other documents" not in ran.err


def test_an_index_that_is_missing_is_told_when_it_can_be_made(ragcli: Ragcli, work: Path) -> None:
    for name in ("a", "b"):
        (work / f"{name}.yaml").write_text(f"workspace:\n  path: .{name}\n", encoding="utf-8")
    ran = ragcli("abtest", "create", "exp", "--control", "a.yaml", "--treatment", "b.yaml")
    assert "treatment has no index in" in ran.err
    assert "ragcli index --config b.yaml" in ran.err


def test_serving_and_recording_import_no_scipy(ragcli: Ragcli, ready: Ready, work: Path) -> None:
    ready("--metric", "clicked")
    for words in (["assign", "exp", "u"], ["record", "exp", "--user", "u", "--metric", "clicked=1"], ["--help"]):
        code = (
            "import sys\nfrom ragcli.cli import main\n"
            f"try:\n    main({['abtest', *words]!r})\nexcept SystemExit as left:\n    assert not left.code, left.code\n"
            "print([name for name in ('scipy', 'numpy', 'torch', 'faiss') if name in sys.modules])"
        )
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=work, check=True)
        assert ran.stdout.splitlines()[-1] == "[]", (words, ran.stdout)


def test_json_keeps_its_envelope_on_failure(ragcli: Ragcli, ready: Ready) -> None:
    ready()
    ran = ragcli("abtest", "analyze", "exp", "--format", "json")
    told: dict[str, Any] = ran.envelope
    assert (told["command"], told["ok"], told["error"]["exit_status"]) == ("abtest analyze", False, 4)
