"""``.md``: for a pull-request comment; the verdict first, and short."""

from ragcli.abtest.compare.aa import AaResult
from ragcli.abtest.compare.run import Arm, CompareResult
from ragcli.abtest.compare.verdict import Judged, Verdict
from ragcli.evaluate.counting import counted
from ragcli.evaluate.gates import p_text
from ragcli.evaluate.reports.markdown import code, interval, number, table

MARKS = {
    Verdict.TREATMENT: "✅",
    Verdict.EQUIVALENT: "✅",
    Verdict.CONTROL: "❌",
    Verdict.INCONCLUSIVE: "❔",
}


def of_comparison(found: CompareResult) -> str:
    """A comparison, a few kilobytes whatever the number of questions."""
    queries = counted(len(found.result.queries), "question")
    head = f"## {MARKS[found.verdict]} {found.verdict.value}: {code(found.dataset)}"
    parts = [head, *(part for arm in found.arms for part in _arm(arm, several=len(found.arms) > 1))]
    adjusted = f"p is adjusted (Holm, {counted(found.tests, 'test')}), intervals are not."
    return "\n\n".join([*parts, adjusted, f"{queries}, asked in turn; {found.seconds:.1f} s"]) + "\n"


def of_noise(found: AaResult) -> str:
    """The noise of one configuration."""
    heads = ["metric", "first", "second", "difference", "95 % interval", "noise floor", "margin", "questions differing"]
    rows = [
        [
            code(item.metric), number(item.first), number(item.second), number(item.difference, "+"),
            interval(item.interval, "+"), number(item.floor), number(item.margin),
            f"{item.differing} of {item.queries}",
        ]
        for item in found.metrics
    ]  # fmt: skip
    warned = [f"- {code(text, 300)}" for text in found.warnings]
    floor = "Noise floor: the interval's farther end; a smaller difference may be noise."
    head = f"## Noise of {code(found.config)} on {code(found.dataset)}"
    parts = [head, table(heads, rows), floor, "\n".join(warned)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _arm(arm: Arm, *, several: bool) -> list[str]:
    heads = [
        "metric", "verdict", "control", "treatment", "difference", "95 % interval", "p (Holm)", "better / worse / same",
        "detectable", "margin", "p (TOST)",
    ]  # fmt: skip
    title = [f"### {MARKS[arm.verdict]} {code(arm.name)}: {arm.verdict.value}"] if several else []
    parts = [*title, f"{code(arm.sentence, 600)}", table(heads, [_metric(item) for item in arm.metrics], texts=2)]
    return [*parts, *_slices(arm)]


def _metric(item: Judged) -> list[str]:
    found = item.comparison
    wins = f"{found.counts.wins} / {found.counts.losses} / {found.counts.ties}"
    aside = "" if item.decides else " (does not decide)"
    return [
        code(item.metric), f"{MARKS[item.verdict]} {item.verdict.value}{aside}",
        number(found.baseline), number(found.candidate), number(found.difference, "+"), interval(found.interval, "+"),
        p_text(found.adjusted_p), wins, number(found.detectable),
        number(found.margin), p_text(item.equivalence_p),
    ]  # fmt: skip


def _slices(arm: Arm) -> list[str]:
    metric = arm.metrics[0].metric
    own = [item for item in arm.slices if item.metric == metric]
    if not own:
        return []
    rows = [
        [
            code(item.tag), str(item.queries), number(item.control), number(item.treatment),
            number(item.difference, "+"), interval(item.interval, "+"),
            f"{item.counts.wins} / {item.counts.losses} / {item.counts.ties}",
        ]
        for item in own
    ]  # fmt: skip
    heads = ["tag", "questions", "control", "treatment", "difference", "95 % interval", "better / worse / same"]
    return [f"<details><summary><code>{metric}</code> by tag</summary>\n\n{table(heads, rows)}\n\n</details>"]
