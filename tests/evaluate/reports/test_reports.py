"""Every kind of file that ``-o`` writes."""

import csv
import io
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from ragcli.errors import BackendError, DataError, UsageError
from ragcli.evaluate.comparison import Verdict
from ragcli.evaluate.gates import GateOutcome
from ragcli.evaluate.reports import SUFFIXES, check_suffixes, render, write_reports
from ragcli.evaluate.reports.markdown import code
from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.result import EvalResult, Question, StoredHit
from ragcli.evaluate.store import read_result


def test_many_files_at_once(tmp_path: Path, full_report: Report) -> None:
    paths = [tmp_path / f"out{suffix.upper() if suffix == '.md' else suffix}" for suffix in SUFFIXES]
    write_reports(paths, full_report)
    assert sorted(tmp_path.glob("*.*")) == sorted(paths)
    for path in paths:
        assert path.read_text("utf-8") == render(path.suffix.lower(), full_report)


def test_unknown_suffixes_and_folders_are_refused_before_anything_is_written(
    tmp_path: Path, plain_report: Report
) -> None:  # fmt: skip
    with pytest.raises(UsageError, match=r"cannot tell what to write into .*out\.pdf") as caught:
        write_reports([tmp_path / "out.json", tmp_path / "out.pdf"], plain_report)
    assert caught.value.hint == "name it with one of: .json, .jsonl, .csv, .md, .xml, .trec, .html"
    with pytest.raises(UsageError, match="there is no folder"):
        check_suffixes([tmp_path / "no" / "out.md"])
    with pytest.raises(DataError, match="there is no run to write"):
        write_reports([tmp_path / "out.json", tmp_path / "out.trec"], plain_report)
    assert list(tmp_path.glob("*.*")) == []
    (tmp_path / "out.md").mkdir()
    with pytest.raises(BackendError, match=r"cannot write .*out\.md"):
        write_reports([tmp_path / "out.md"], plain_report)


def test_json_is_the_envelope_and_loads_as_a_baseline(tmp_path: Path, full_report: Report) -> None:
    path = tmp_path / "out.json"
    write_reports([path], full_report)
    envelope = json.loads(path.read_text("utf-8"))
    assert list(envelope) == ["schema", "command", "ok", "result", "warnings", "error"]
    assert (envelope["schema"], envelope["ok"], envelope["error"]["exit_status"]) == ("ragcli/v1", False, 10)
    found = envelope["result"]
    assert (found["schema"], found["verdict"]) == ("ragcli/eval/v1", "regression")
    assert found["counts"] == {"judged": 60, "unjudged": 4, "failed": 1, "missing": 1}
    assert found["metrics"][0]["mean"] == full_report.result.mean("nDCG@10")
    assert found["comparison"]["metrics"][0]["counts"] == {"wins": 0, "losses": 42, "ties": 17}
    assert found["comparison"]["metrics"][-1]["adjusted_p"] is None
    assert found["slices"]["a|b"][0]["interval"] == [None, None]
    assert read_result(path) == full_report.result
    passed = json.loads(render(".json", replace(full_report, outcomes=full_report.outcomes[:1])))
    assert (passed["ok"], passed["error"], passed["result"]["verdict"]) == (True, None, "pass")


def test_jsonl_has_one_object_a_query(full_report: Report, plain_report: Report) -> None:
    lines = [json.loads(line) for line in render(".jsonl", full_report).splitlines()]
    assert [line["query"] for line in lines] == list(full_report.result.queries)
    assert (lines[3]["nDCG@10"], lines[3]["failure"]) == (None, "timeout after 30 s")
    assert lines[7]["missing"] is True
    assert lines[6]["must_pass"] is True
    assert lines[0]["baseline"]["nDCG@10"] == pytest.approx(lines[0]["nDCG@10"] + 0.12)
    assert (
        render(".jsonl", plain_report)
        == '{"query": "1", "P@5": 0.2, "MRR": 1.0}\n{"query": "2", "P@5": 0.4, "MRR": 0.5}\n'
    )


def test_csv_has_all_digits_and_no_formulas(full_report: Report, plain_report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(render(".csv", full_report))))
    values = [float(row["nDCG@10"]) if row["nDCG@10"] else math.nan for row in rows]
    assert np.array_equal(values, full_report.result.values["nDCG@10"], equal_nan=True)
    assert full_report.baseline is not None
    assert float(rows[0]["baseline MRR@10"]) == full_report.baseline.values["MRR@10"][0]
    assert rows[5]["must_pass"] == "yes"
    assert render(".csv", plain_report) == "query,text,tags,must_pass,failure,P@5,MRR\n1,,,,,0.2,1.0\n2,,,,,0.4,0.5\n"
    result = replace(plain_report.result, questions=(Question('=HYPERLINK("x")'), Question('plain, "quoted"')))
    lines = list(csv.reader(io.StringIO(render(".csv", Report(result)))))
    assert [line[1] for line in lines[1:]] == ['\'=HYPERLINK("x")', 'plain, "quoted"']


def test_markdown_begins_with_the_verdict(full_report: Report, plain_report: Report) -> None:
    page = render(".md", full_report)
    assert page.startswith(
        "## ❌ regression: `sample <corpus>`\n\n6 of 8 gates failed.\n\n- ❌ `recall@10 0.633333 is below 0.9`"
    )
    assert "| `nDCG@10` | 0.5734 | [0.5127, 0.6318] | 0.6588 | -0.0854 | [" in page
    assert "| 0 / 42 / 17 | ❌ regression |" in page
    assert "Against `@branch:main`; changed: `query` `f7` → `f8`." in page
    assert "1 of them failed and are not averaged, 4 more without judgements left out; 3.2 s" in page
    assert [page.index(tag) for tag in ("| `offline` |", "| `install` |", "| `a\\|b` |")] == sorted(
        page.index(tag) for tag in ("| `offline` |", "| `install` |", "| `a\\|b` |")
    )
    assert len(page) < 10_000
    assert render(".md", plain_report).startswith("## Evaluation of `run`\n\n| metric | mean | 95 % interval |\n")


def test_markdown_shows_the_adjusted_p_of_gated_metrics(full_report: Report) -> None:
    assert full_report.comparisons is not None
    metrics = tuple(replace(item, adjusted_p=0.77) for item in full_report.comparisons.metrics)
    page = render(".md", replace(full_report, comparisons=replace(full_report.comparisons, metrics=metrics)))
    assert page.count("| 0.770 |") == 3
    assert page.count(f"| {metrics[-1].p:.3f} |") == 1  # latency is not gated


def test_markdown_takes_no_markup_from_strangers(full_report: Report) -> None:
    outside = re.sub(r"`[^`\n]*`", "", render(".md", full_report))
    assert "script" not in outside
    assert "@everyone" not in outside
    for line in outside.splitlines():
        assert line.count("|") in {0, 4, 5, 6, 10}
    assert code("a`b|c\n\x00d\u202e") == "`a'b\\|c d`"
    assert code("x" * 200) == "`" + "x" * 99 + "…`"


@pytest.mark.parametrize(
    ("verdicts", "headline"),
    [
        ([Verdict.PASS], "## ✅ pass: `run`\n\nthe gate holds."),
        ([Verdict.PASS, Verdict.PASS], "## ✅ pass: `run`\n\nall 2 gates hold."),
        ([Verdict.PASS, Verdict.INCONCLUSIVE], "## ❔ inconclusive: `run`\n\n1 of 2 gates cannot be decided"),
    ],
)
def test_markdown_headlines(plain_report: Report, verdicts: list[Verdict], headline: str) -> None:
    outcomes = tuple(GateOutcome("min", "min x", 0.0, 0.0, verdict, "told") for verdict in verdicts)
    assert render(".md", replace(plain_report, outcomes=outcomes)).startswith(headline)


def test_markdown_stays_short_whatever_the_number_of_queries() -> None:
    queries = tuple(map(str, range(5_000)))
    before, after = (EvalResult("d", queries, {"MRR": np.full(5_000, value)}) for value in (0.9, 0.1))
    outcomes = [GateOutcome("must-pass", f"q{row}", 0, 0, Verdict.REGRESSION, "lost " * 99) for row in range(5_000)]
    page = render(".md", Report(after, before, outcomes=tuple(outcomes)))
    assert len(page) < 20_000
    assert "- and 4980 more gates" in page
    assert "(5,000 queries lost)" in page


def test_junit_has_a_case_for_each_gate_and_golden_query(full_report: Report) -> None:
    [suite] = ET.fromstring(render(".xml", full_report))
    assert suite.attrib | {"time": ""} == {
        "id": "0", "package": "ragcli", "name": "ragcli eval sample <corpus>", "timestamp": "2026-11-25T15:00:00",
        "hostname": "localhost", "tests": "8", "failures": "6", "errors": "0", "skipped": "0", "time": "",
    }  # fmt: skip
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases][-2:] == ["must-pass q005", "must-pass q006"]
    assert [len(case.findall("failure")) for case in cases] == [0, 1, 0, 1, 1, 1, 1, 1]
    failure = cases[1].find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.text) == ("regression", "recall@10 0.633333 is below 0.9")
    assert [child.tag for child in suite] == ["properties", *["testcase"] * 8, "system-out", "system-err"]
    assert {frozenset(case.attrib) for case in cases} == {frozenset({"classname", "name", "time"})}
    assert {item.get("name"): item.get("value") for item in suite.iter("property")} == full_report.result.fingerprints


def test_junit_survives_hostile_text_and_counts_what_is_undecided(plain_report: Report) -> None:
    hostile = 'a\x00b\x1b[31m <&"]]> \ud800 \ufffe'
    outcomes = (
        GateOutcome("must-pass", hostile, 0.0, 0.0, Verdict.REGRESSION, hostile),
        GateOutcome("baseline", "b", 0.0, 0.0, Verdict.INCONCLUSIVE, "open"),
    )
    result = replace(plain_report.result, dataset=hostile, created="no date", fingerprints={" ": "x", "k": hostile})
    [suite] = ET.fromstring(render(".xml", Report(result, outcomes=outcomes, warnings=(hostile,))))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
    first, second = suite.findall("testcase")
    assert first.get("name") == 'a\ufffdb\ufffd[31m <&"]]> \ufffd \ufffd'
    error = second.find("error")
    assert error is not None
    assert error.get("type") == "inconclusive"


def test_half_a_surrogate_pair_survives_json_and_breaks_nothing(tmp_path: Path, plain_report: Report) -> None:
    result = replace(plain_report.result, questions=(Question("half \ud800"), Question("ü")))
    paths = [tmp_path / f"out{suffix}" for suffix in SUFFIXES if suffix != ".trec"]
    write_reports(paths, Report(result))
    assert read_result(tmp_path / "out.json") == result
    assert '"text": "half \\ud800"' in (tmp_path / "out.jsonl").read_text("utf-8")
    assert '"text": "ü"' in (tmp_path / "out.jsonl").read_text("utf-8")


def test_trec_is_the_run_or_the_best_hit_of_each_document(full_report: Report) -> None:
    lines = render(".trec", full_report).splitlines()
    assert lines[0] == "q000 Q0 guides/install.md 1 0.91 ragcli"
    assert len(lines) == 3 * 60
    hits = (StoredHit("b", 3.0), StoredHit("a", 2.0), StoredHit("b", 1.0))
    chunks = replace(full_report.result, hits={"q001": hits})
    assert render(".trec", Report(chunks)) == "q001 Q0 b 1 3 ragcli\nq001 Q0 a 2 2 ragcli\n"
    run = {"q 1": {"d2": 2.0, "d1": 1.0}}
    assert render(".trec", replace(full_report, run=run)) == "q%201 Q0 d2 1 2 ragcli\nq%201 Q0 d1 2 1 ragcli\n"


def test_worst_losses_come_first(full_report: Report) -> None:
    changes = full_report.changes()
    rows = full_report.worst_losses(5)
    assert [changes[row] for row in rows] == sorted(changes[~np.isnan(changes)])[:5]
    assert np.isnan(changes[3])
    assert changes[0] == pytest.approx(-0.12)
    assert np.nanmax(changes) == 0.0  # exactly: no rounding is left of those that did not change
    assert full_report.primary == "nDCG@10"


def test_a_gate_on_a_stored_result_imports_nothing_heavy(tmp_path: Path, full_report: Report) -> None:
    write_reports([tmp_path / "base.json"], replace(full_report, baseline=None, comparisons=None, outcomes=()))
    program = f"""
import sys
from pathlib import Path
from ragcli.evaluate.comparison import compare
from ragcli.evaluate.gates import against_baseline, failure
from ragcli.evaluate.reports import write_reports
from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.store import read_result
base = read_result(Path({str(tmp_path / "base.json")!r}))
compared = compare(base, base)
assert failure(against_baseline(compared)) is None
paths = [Path({str(tmp_path)!r}, "out" + suffix) for suffix in (".json", ".md", ".xml", ".html", ".csv")]
write_reports(paths, Report(base, base, compared, tuple(against_baseline(compared))))
print(*{{name.partition('.')[0] for name in sys.modules}})
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert not set(run.stdout.split()) & {"scipy", "torch", "transformers", "lxml", "pandas", "rouge_score", "pydantic"}
