"""``.xml``: JUnit, one case per gate and per golden query, for the test tabs of CI systems.

Valid against the schema of Ant's JUnit task (https://github.com/windyroad/JUnit-Schema), the strictest in use. A
regression is a failure; what these queries cannot decide is an error, because the command does not end with 0 either.
"""

import re
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from ragcli.evaluate.comparison import Verdict
from ragcli.evaluate.gates import GateOutcome
from ragcli.evaluate.reports.report import Report

# Everything that XML 1.0 cannot hold, escaped or not.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(report: Report) -> str:
    """The whole file."""
    result, outcomes = report.result, report.outcomes
    failures = sum(outcome.verdict is Verdict.REGRESSION for outcome in outcomes)
    errors = sum(outcome.verdict is Verdict.INCONCLUSIVE for outcome in outcomes)
    name = _attribute(f"ragcli eval {result.dataset}")
    properties = "".join(
        f"<property name={_attribute(key)} value={_attribute(value)}/>"
        for key, value in result.fingerprints.items()
        if key.strip()
    )
    cases = "".join(map(_case, outcomes))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
        f'<testsuite id="0" package="ragcli" name={name} timestamp="{_time(result.created)}" hostname="localhost"'
        f' tests="{len(outcomes)}" failures="{failures}" errors="{errors}" skipped="0" time="{result.seconds:.3f}">\n'
        f"<properties>{properties}</properties>\n{cases}"
        f"<system-out>{_text(_means(report))}</system-out>\n"
        f"<system-err>{_text(chr(10).join(report.warnings))}</system-err>\n</testsuite>\n</testsuites>\n"
    )


def _case(outcome: GateOutcome) -> str:
    head = f'<testcase classname="ragcli.eval.{outcome.kind}" name={_attribute(outcome.name)} time="0"'
    if outcome.verdict is Verdict.PASS:
        return f"{head}/>\n"
    element = "failure" if outcome.verdict is Verdict.REGRESSION else "error"
    message = outcome.message
    return (
        f'{head}><{element} type="{outcome.verdict.value}" message={_attribute(message)}>{_text(message)}'
        f"</{element}></testcase>\n"
    )


def _means(report: Report) -> str:
    lines = [
        f"{item.metric} {item.mean:.4f} [{item.interval.low:.4f}, {item.interval.high:.4f}]"
        for item in report.summaries
    ]
    return "\n".join(lines)


def _time(created: str) -> str:
    """UTC without a zone, as the schema wants it."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        moment = datetime.now(UTC)
    moment = moment if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}"


def _attribute(value: str) -> str:
    return quoteattr(_UNWRITABLE.sub("�", " ".join(value.split()) or "-"))


def _text(value: str) -> str:
    return escape(_UNWRITABLE.sub("�", value))
