"""``.md``: for a pull request or a decision record."""

from ragcli.abtest.analysis import Analysis
from ragcli.abtest.preference import Preference
from ragcli.abtest.reports import table


def write(found: Analysis | Preference) -> str:
    """The whole text."""
    if isinstance(found, Preference):
        return "\n".join([f"## {found.sentence}", "", *(f"- {text}" for text in table.preference(found))]) + "\n"
    return _analysis(found)


def _analysis(analysis: Analysis) -> str:
    lines = [f"## {_safe(analysis.sentence)}", "", _safe(table.headline(analysis)), "", table.method(analysis), ""]
    lines += ["| check | level | what was found |", "| --- | --- | --- |"]
    lines += [f"| {one.name} | {one.level} | {_safe(one.message)} |" for one in analysis.health]
    lines += ["", f"| {' | '.join(table.HEADS)} |", f"|{' --- |' * len(table.HEADS)}"]
    lines += [f"| {' | '.join(map(_safe, row))} |" for row in table.rows(analysis.findings)]
    for one in analysis.findings:
        lines += ["", f"{_safe(table.title(one))}:", ""]
        lines += [f"- {_safe(text)}" for text in table.remarks(one)]
    return "\n".join(lines) + "\n"


def _safe(text: str) -> str:
    return text.replace("|", "\\|")
