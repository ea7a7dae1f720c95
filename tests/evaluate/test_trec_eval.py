"""The whole expected output of trec_eval's own test suite, number by number.

Its file, its options -> here:

- out.test (none) and out.test.a (``-m all_trec``) -> the column "all" of test_every_query_and_all
- out.test.aq (``-q``) -> test_every_query_and_all
- out.test.aql (``-l2``) -> test_relevant_from_grade_2
- out.test.aqc (``-c``) -> test_queries_that_the_run_lacks_count_zero; its query 301 is that of out.test.aq
- out.test.aqcM (``-c -M100``) -> test_a_run_cut_to_its_first_hundred
- out.test.meas_params (``-m P.5,7,3`` ...) -> test_cutoffs_and_shares_of_ones_own
- out.test.aqZ (``-Z zscores_file``) -> test_deviations_from_other_runs
- out.test.qrels_jg (``-R qrels_jg``) -> test_several_judges
- out.test.qrels_prefs (``-R qrels_prefs``) -> test_judgements_taken_for_preferences
- out.test.prefs (``-R prefs``) -> test_preferences
- out.comment.test (qrels.comment.test, results.comment.test) -> test_documents_with_number_signs_in_their_names

Its inputs are in the two modules of values: qrels.test, qrels.rel_level, qrels.123, results.test, results.trunc,
prefs.test, prefs.results.test (prefs.rank20 is the run of each of its queries), zscores_file. qrels.comments.123,
qrels.test.with-comments and prefs.comment.test are three of them with lines of comments, and a "#" in a name:
test_lines_of_comments. qrels-302.test and results-302.test are query 302 of qrels.test and results.test.

``runid`` names the run and ``num_q`` counts the queries; ``relstring``, the first grades as text, is
test_grades_of_the_first_results.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.evaluate import trec_eval_other_values as others
from tests.evaluate import trec_eval_values as theirs

from ragcli.evaluate.judgements import read_qrels
from ragcli.evaluate.measures import Metric
from ragcli.evaluate.panel import Panel, read_panel
from ragcli.evaluate.ranking import rank
from ragcli.evaluate.retrieval import score, together
from ragcli.evaluate.runs import Run
from ragcli.evaluate.zscores import read_references
from ragcli.records import Score

OTHER_NAMES = {
    "rbp": "RBP(p=0.9)",
    "rbp_resid": "RBP_resid(p=0.9)",
    "ndcg_1=3,2=9,4=4.5": "nDCG",
    "utility_2,-1,0,0": "utility(weights=2/-1/0)",
    "11pt_avg_.25,.5,.75": "11pt_avg(at=0.25/0.5/0.75)",
}
"""trec_eval's p is 0.9; with binary judgements, other gains make the same nDCG."""
COLUMNS = ("301", "302", "303", "all")

Results = dict[str, dict[str, float]]
Grades = dict[str, dict[str, int]]


def inputs(
    rankings: Mapping[str, str],
    *,
    graded: bool = False,
    whole: Mapping[str, str] = theirs.RANKED,
    rest: Mapping[str, Mapping[str, int]] = theirs.NOT_RANKED,
) -> tuple[Results, Grades]:
    """A run and judgements with these grades at these ranks; results of equal score are named in descending order."""
    run: Results = {}
    qrels: Grades = {}
    for query, all_marks in whole.items():
        marks = rankings.get(query, "")
        tied = theirs.TIED[query] if marks and all_marks.startswith(marks) else ()
        names = [f"d{999 - place}" for place in range(len(marks))]
        run[query] = {
            name: 600.0 - sum(other not in tied for other in range(1, place + 1)) for place, name in enumerate(names, 1)
        }
        every = all_marks + "".join(mark * count for mark, count in rest[query].items())
        own = {name: grade(mark, graded) for name, mark in zip(names, marks, strict=True) if mark != "-"}
        for mark in set(every) - {"-"}:
            unseen = every.count(mark) - marks.count(mark)
            own |= {f"{mark}-{number}": grade(mark, graded) for number in range(unseen)}
        qrels[query] = own
    return {query: found for query, found in run.items() if found}, qrels


def grade(mark: str, graded: bool) -> int:
    if not mark.isdecimal():
        return -1 if graded else int(mark == "U")
    return int(mark) if graded else min(int(mark), 1)


def as_metric(name: str) -> Metric:
    return Metric.parse(OTHER_NAMES.get(name, name))


def unlike(found: Score, numbers: Mapping[str, str]) -> tuple[int, list[str]]:
    """How many numbers of a metric were compared, by query or "all", and those that are not ours."""
    compared, wrong = 0, []
    for query, number in numbers.items():
        if number != "-":
            value = found.value if query == "all" else found.per_query[query]
            shown = f"{value:.{len(number.partition('.')[2])}f}"
            compared += 1
            wrong += [f"{found.metric} {query}: {shown} instead of {number}"] if shown != number else []
    return compared, wrong


def all_unlike(scores: Mapping[str, Score], numbers: Mapping[str, Mapping[str, str]]) -> tuple[int, list[str]]:
    pairs = [unlike(scores[measure], own) for measure, own in numbers.items()]
    return sum(count for count, _ in pairs), [line for _, lines in pairs for line in lines]


def table(text: str, columns: slice = slice(None)) -> dict[str, dict[str, str]]:
    """Measure -> query -> number."""
    rows = [line.split() for line in text.strip().splitlines()]
    numbers = {measure: cells[columns] for measure, *cells in rows}
    return {measure: dict(zip(COLUMNS[-len(own) :], own, strict=True)) for measure, own in numbers.items()}


def compared(
    run: Results, qrels: Grades, text: str, columns: slice, *, rel: int = 1, names: Mapping[str, str] | None = None
) -> tuple[int, list[str]]:
    """The table of a run, and ours."""
    ranked = rank(run, qrels)
    numbers = table(text, columns)
    metrics = {measure: as_metric((names or {}).get(measure, measure)) for measure in numbers}
    scores = {measure: score(ranked, [replace(metric, rel=rel)])[0] for measure, metric in metrics.items()}
    return all_unlike(scores, numbers)


def test_every_query_and_all() -> None:
    assert compared(*inputs(theirs.RANKED), theirs.PLAIN, slice(0, 4)) == (382, [])


def test_relevant_from_grade_2() -> None:
    found = inputs(theirs.RANKED, graded=True)
    # Its rbp takes grades for gains, whatever is relevant.
    names = {"rbp": "graded_RBP(p=0.9)"}
    assert compared(*found, theirs.LEVEL_2, slice(0, 4), rel=2, names=names) == (382, [])


def test_queries_that_the_run_lacks_count_zero() -> None:
    run = {"301": theirs.RANKED["301"], **theirs.TRUNCATED}
    assert compared(*inputs(run), theirs.COMPLETE, slice(0, 3)) == (287, [])


def test_a_run_cut_to_its_first_hundred() -> None:
    run = {"301": theirs.RANKED["301"][:100], **theirs.TRUNCATED}
    assert compared(*inputs(run), theirs.COMPLETE, slice(3, 7)) == (382, [])


def test_cutoffs_and_shares_of_ones_own() -> None:
    assert compared(*inputs(theirs.RANKED), theirs.PARAMETERS, slice(0, 4)) == (88, [])


@pytest.mark.parametrize(
    ("expected", "rankings", "graded"),
    [
        ("PLAIN", theirs.RANKED, False),
        ("COMPLETE", {"301": theirs.RANKED["301"], **theirs.TRUNCATED}, False),
        ("LEVEL_2", theirs.RANKED, True),
    ],
)
def test_grades_of_the_first_results(expected: str, rankings: Mapping[str, str], graded: bool) -> None:
    ranked = rank(*inputs(rankings, graded=graded))
    for number, wanted in enumerate(theirs.RELEVANCE[expected]):
        rows = (ranked.query == number) & (ranked.rank <= max(len(wanted), 10))
        shown = ["-"] * len(wanted)
        for place, value in zip(ranked.rank[rows].tolist(), ranked.grade[rows].tolist(), strict=True):
            shown[place - 1] = str(value) if value >= 0 else "."
        assert "".join(shown) == wanted


def test_deviations_from_other_runs(tmp_path: Path) -> None:
    rows = [line.split() for line in others.DEVIATIONS.strip().splitlines()]
    lines = [
        f"{query} {OTHER_NAMES.get(measure, measure)} {mean} {deviation}\n"
        for measure, *cells in rows
        for query, mean, deviation in zip(COLUMNS, cells[:6:2], cells[1:6:2], strict=False)
        if mean != "-"
    ]
    file = tmp_path / "zscores_file"
    file.write_text("".join(lines), encoding="utf-8")
    references = read_references(file)
    ranked = rank(*inputs(theirs.RANKED))
    scores = {}
    for measure, *_ in rows:
        [raw] = score(ranked, [as_metric(measure)])
        own = np.array([raw.per_query[query] for query in COLUMNS[:3]])
        values = references.standardised(raw.metric, COLUMNS[:3], own)
        scores[measure] = Score(
            raw.metric, together(as_metric(measure), values), dict(zip(COLUMNS, values.tolist(), strict=False))
        )
    count, wrong = all_unlike(scores, table(others.DEVIATIONS, slice(6, 10)))
    # The file has nothing of these two, and trec_eval takes minus one million for it, the logarithm of 0.0000.
    assert (count, wrong) == (
        382,
        ["gm_map all: nan instead of 0.0000", "gm_bpref all: nan instead of 0.0000"],
    )


def scores_of(panel: Panel, run: Run, measures: Mapping[str, object]) -> dict[str, Score]:
    return dict(zip(measures, panel.score(run, [as_metric(measure) for measure in measures]), strict=True))


def test_several_judges(tmp_path: Path) -> None:
    lines: list[str] = []
    run: Results = {}
    for judge, (ranked, rest) in enumerate(zip((theirs.RANKED, *others.JUDGES), others.JUDGES_NOT_RANKED, strict=True)):
        run, qrels = inputs(ranked, graded=True, whole=ranked, rest=rest)
        lines += [f"{query} {judge} {name} {own}\n" for query, grades in qrels.items() for name, own in grades.items()]
    file = tmp_path / "qrels.123"
    file.write_text("".join(lines), encoding="utf-8")
    numbers = table(others.BY_JUDGES)
    assert all_unlike(scores_of(read_panel(file), Run.of(run), numbers), numbers) == (80, [])


def test_judgements_taken_for_preferences() -> None:
    run, qrels = inputs(theirs.RANKED)
    panel = Panel({query: {"0": {"": dict(grades)}} for query, grades in qrels.items()})
    numbers = table(others.AS_PREFERENCES)
    assert all_unlike(scores_of(panel, Run.of(run), numbers), numbers) == (56, [])


def preferences(file: Path) -> Path:
    lines = []
    for line in others.PREFERENCES.strip().splitlines():
        query, judge, group, *levels = line.split()
        lines += [f"{query} {judge} {group} {level.replace('=', ' ')}\n" for level in levels]
    file.write_text("".join(lines), encoding="utf-8")
    return file


def test_preferences(tmp_path: Path) -> None:
    panel = read_panel(preferences(tmp_path / "prefs.test"))
    run = Run.of({query: {name: -float(ord(name)) for name in "ABCDEFGHIJKLMNOPQRST"} for query in panel.judges})
    numbers: dict[str, dict[str, str]] = {}
    for line in others.FULFILLED.strip().splitlines():
        query, *cells = line.split()
        for measure, cell in zip(others.PREFERENCE_MEASURES, cells, strict=True):
            numbers.setdefault(measure, {})[query] = cell
    assert all_unlike(scores_of(panel, run, numbers), numbers) == (350, [])


def test_documents_with_number_signs_in_their_names() -> None:
    run: Results = {}
    qrels: Grades = {}
    for number, (marks, rest) in enumerate(others.COMMENTED):
        names = [f"msmarco#{place}_{number}" for place in range(len(marks))]
        run[str(number)] = {name: 1.0 / (place + 1) for place, name in enumerate(names)}
        qrels[str(number)] = {name: int(mark) for name, mark in zip(names, marks, strict=True) if mark != "-"}
        qrels[str(number)] |= {f"{mark}#{place}": int(mark) for mark, count in rest.items() for place in range(count)}
    numbers = table(others.COMMENTED_ALL)
    assert numbers.pop("num_q") == {"all": str(len(qrels))}
    ranked = rank(run, qrels)
    assert all_unlike({name: score(ranked, [as_metric(name)])[0] for name in numbers}, numbers) == (28, [])


def test_lines_of_comments(tmp_path: Path) -> None:
    judged = ["301 0 CR93E-10279 0", "301 0 CR#93E-1860 1", "302 0 CR93E-3103#37 1"]
    file = tmp_path / "qrels"
    for text in ("\n".join(judged), "# a comment\n" + "\n# and 4 more words here\n".join(judged) + "\n#\n"):
        file.write_text(text, encoding="utf-8")
        wanted = {"301": {"CR93E-10279": 0, "CR#93E-1860": 1}, "302": {"CR93E-3103#37": 1}}
        assert read_qrels(file).mapping() == wanted
        assert {query: judges["0"][""] for query, judges in read_panel(file).judges.items()} == wanted
