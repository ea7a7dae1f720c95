"""The whole expected output of trec_eval's own test suite."""

from collections.abc import Mapping
from dataclasses import replace

from tests.evaluate import trec_eval_values as theirs

from ragcli.evaluate.measures import Metric
from ragcli.evaluate.ranking import rank
from ragcli.evaluate.retrieval import score

OTHER_NAMES = {"rbp": "RBP(p=0.9)", "rbp_resid": "RBP_resid(p=0.9)", "ndcg_1=3,2=9,4=4.5": "nDCG"}
"""trec_eval's p is 0.9; with binary judgements, other gains make the same nDCG."""
COLUMNS = ("301", "302", "303", "all")

Run = dict[str, dict[str, float]]
Grades = dict[str, dict[str, int]]


def inputs(rankings: Mapping[str, str], *, graded: bool = False) -> tuple[Run, Grades]:
    """A run and judgements with these grades at these ranks; results of equal score are named in descending order."""
    run: Run = {}
    qrels: Grades = {}
    for query, whole in theirs.RANKED.items():
        marks = rankings.get(query, "")
        tied = theirs.TIED[query] if marks and whole.startswith(marks) else ()
        names = [f"d{999 - place}" for place in range(len(marks))]
        run[query] = {
            name: 600.0 - sum(other not in tied for other in range(1, place + 1)) for place, name in enumerate(names, 1)
        }
        every = whole + "".join(mark * count for mark, count in theirs.NOT_RANKED[query].items())
        own = {name: grade(mark, graded) for name, mark in zip(names, marks, strict=True) if mark != "-"}
        for mark in set(every) - {"-"}:
            rest = every.count(mark) - marks.count(mark)
            own |= {f"{mark}-{number}": grade(mark, graded) for number in range(rest)}
        qrels[query] = own
    return {query: found for query, found in run.items() if found}, qrels


def grade(mark: str, graded: bool) -> int:
    if not mark.isdecimal():
        return -1 if graded else int(mark == "U")
    return int(mark) if graded else min(int(mark), 1)


def unlike(run: Run, qrels: Grades, text: str, columns: slice, *, rel: int = 1) -> tuple[int, list[str]]:
    """How many numbers of a table were compared, and those that are not ours."""
    ranked = rank(run, qrels)
    compared, wrong = 0, []
    for line in text.strip().splitlines():
        measure, *numbers = line.split()
        names = COLUMNS[-len(numbers[columns]) :]
        [found] = score(ranked, [replace(Metric.parse(OTHER_NAMES.get(measure, measure)), rel=rel)])
        for query, number in zip(names, numbers[columns], strict=True):
            if number != "-":
                value = found.value if query == "all" else found.per_query[query]
                shown = f"{value:.{len(number.partition('.')[2])}f}"
                compared += 1
                wrong += [f"{measure} {query}: {shown} instead of {number}"] if shown != number else []
    return compared, wrong


def test_every_query_and_all() -> None:
    assert unlike(*inputs(theirs.RANKED), theirs.PLAIN, slice(0, 4)) == (382, [])


def test_relevant_from_grade_2() -> None:
    compared, wrong = unlike(*inputs(theirs.RANKED, graded=True), theirs.LEVEL_2, slice(0, 4), rel=2)
    # Its rbp takes grades for gains, whatever is relevant; Moffat and Zobel define it on relevant and not.
    assert compared == 382
    assert wrong == ["rbp 301: 0.0000 instead of 0.0465", "rbp all: 0.2613 instead of 0.2769"]


def test_queries_that_the_run_lacks_count_zero() -> None:
    run = {"301": theirs.RANKED["301"], **theirs.TRUNCATED}
    assert unlike(*inputs(run), theirs.COMPLETE, slice(0, 3)) == (287, [])


def test_a_run_cut_to_its_first_hundred() -> None:
    run = {"301": theirs.RANKED["301"][:100], **theirs.TRUNCATED}
    assert unlike(*inputs(run), theirs.COMPLETE, slice(3, 7)) == (382, [])


def test_cutoffs_and_shares_of_ones_own() -> None:
    assert unlike(*inputs(theirs.RANKED), theirs.PARAMETERS, slice(0, 4)) == (80, [])
