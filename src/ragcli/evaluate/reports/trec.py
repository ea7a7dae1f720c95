"""``.trec``: the run that was scored."""

from collections.abc import Iterator

from ragcli.errors import DataError
from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.runs import trec_lines


def write(report: Report) -> str:
    """The whole file.

    Raises:
        DataError: Neither the run nor hits are at hand.
    """
    lines = [f"{line}\n" for query, found in _ranked(report) for line in trec_lines(query, found, "ragcli")]
    if not lines:
        raise DataError("there is no run to write: this result has no hits", hint="leave the .trec file out")
    return "".join(lines)


def _ranked(report: Report) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    if report.run:
        yield from ((query, list(found.items())) for query, found in report.run.items())
        return
    for query in report.result.queries:
        best: dict[str, float] = {}
        for hit in report.result.hits.get(query, ()):
            best.setdefault(hit.document, hit.score)
        yield query, list(best.items())
