"""``ragcli abtest compare`` and ``aa``: configurations held against each other on the same questions."""

import sys
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from ragcli.cli.eval_options import DatasetOption, MismatchOption, SplitOption, TestOption, TopKOption
from ragcli.cli.options import SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, columns, envelope, line
from ragcli.evaluate.counting import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragcli.abtest.compare.aa import AaResult
    from ragcli.abtest.compare.run import Arm, CompareResult, Options
    from ragcli.config.settings import Config
    from ragcli.evaluate.comparison import Settings
    from ragcli.evaluate.judgements import Dataset
    from ragcli.evaluate.statistics import Interval

MetricOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="What decides, nDCG@10 or latency_ms. Repeatable [default: evaluate.metrics]."),
]
CompareMarginOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--margin", metavar="METRIC=AMOUNT", help="Largest difference that does not matter, 0.02 or 5%. Repeatable."
    ),
]
OutputOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", metavar="FILE", help="Also write .html, .md or .json. Repeatable."),
]
CompareFormat: TypeAlias = Annotated[
    Literal["table", "json", "md"], typer.Option("--format", help="How the result is printed.")
]
_SUFFIXES = (".html", ".md", ".json")


def compare(
    control: Annotated[Path, typer.Argument(metavar="CONTROL", help="Configuration that is in use.")],
    treatment: Annotated[list[Path], typer.Argument(metavar="TREATMENT", help="Configurations that may replace it.")],
    *,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    metric: MetricOption = None,
    top_k: TopKOption = None,
    margin: CompareMarginOption = None,
    test: TestOption = "permutation",
    allow_mismatch: MismatchOption = None,
    files: OutputOption = None,
    format: CompareFormat = "table",
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Ask configurations the same questions in turn, and tell which is better; the exit status is the verdict."""
    from ragcli.abtest.compare.run import run_compare
    from ragcli.cli.evaluate import warn
    from ragcli.evaluate.comparison import Settings
    from ragcli.evaluate.gates import parse_margins
    from ragcli.evaluate.reports.files import check_files

    check_files(files or (), _SUFFIXES)
    output = Output("abtest compare", format)
    flags = {"evaluate.dataset": dataset, "evaluate.split": split, "evaluate.top_k": top_k}
    named = [(file, load(file, set_, workspace, flags).config) for file in (control, *treatment)]
    fields = frozenset(allow_mismatch or ())
    settings = Settings(margins=parse_margins(margin or ()), test=test, allow_mismatch=fields)
    questions, options = _wanted(named[0][1], metric or (), settings)
    found = run_compare(named, questions, options, _Ticker())
    warn(output, found.result)
    for arm in found.arms:
        if arm.result.failures:
            query, reason = next(iter(arm.result.failures.items()))
            count = counted(len(arm.result.failures), "query", "queries")
            output.warn(f"{arm.name}: failed and not compared: {count}, such as {query}: {reason}")
    _emit(output, found, files or ())


def aa(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration.")],
    *,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    metric: MetricOption = None,
    top_k: TopKOption = None,
    margin: CompareMarginOption = None,
    format: CompareFormat = "table",
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Ask one configuration every question twice; shows the noise floor, and which metrics are not deterministic."""
    from ragcli.abtest.compare import document, markdown
    from ragcli.abtest.compare.aa import run_aa
    from ragcli.cli.evaluate import warn
    from ragcli.evaluate.comparison import Settings
    from ragcli.evaluate.gates import parse_margins

    output = Output("abtest aa", format)
    flags = {"evaluate.dataset": dataset, "evaluate.split": split, "evaluate.top_k": top_k}
    settings = load(config, set_, workspace, flags).config
    questions, options = _wanted(settings, metric or (), Settings(margins=parse_margins(margin or ())))
    found = run_aa(config, settings, questions, options, _Ticker())
    warn(output, found.results[0])
    for text in found.warnings:
        output.warn(text)
    lines = markdown.of_noise(found).splitlines() if format == "md" else _noise_lines(found)
    output.emit(document.of_noise(found), lambda: _print(lines))


def _wanted(config: "Config", metrics: Sequence[str], settings: "Settings") -> "tuple[Dataset, Options]":
    """The questions and how they are scored, as the control has them."""
    from ragcli.abtest.compare.run import Options, metrics_of
    from ragcli.evaluate.datasets import load_dataset
    from ragcli.evaluate.evaluation import required_dataset

    quality, deciding = metrics_of(metrics, config.evaluate.metrics)
    questions = load_dataset(required_dataset(config.evaluate), config.evaluate.split)
    return questions, Options(quality, deciding, config.evaluate.top_k, settings)


class _Ticker:
    """Counts questions on stderr while it is a terminal."""

    def update(self, stage: str, done: int, total: int) -> None:
        """See ``Progress``."""
        if sys.stderr.isatty():
            print(f"\r{stage}: {done} of {total}", end="" if done < total else "\n", file=sys.stderr, flush=True)


def _emit(output: Output, found: "CompareResult", files: Sequence[Path]) -> None:
    from ragcli.abtest.compare import document, html, markdown
    from ragcli.evaluate.reports.files import write_files

    result, warnings = document.of_comparison(found), tuple(output.warnings)

    def render(suffix: str) -> str:
        match suffix:
            case ".html":
                return html.of_comparison(found, warnings)
            case ".md":
                return markdown.of_comparison(found)
            case _:
                return envelope(output.command, result, warnings, found.failure) + "\n"

    write_files(files, render)
    lines = markdown.of_comparison(found).splitlines() if output.format == "md" else _lines(found)
    output.emit(result, lambda: _print(lines), error=found.failure)


def _print(lines: "Iterator[str] | Sequence[str]") -> None:
    for text in lines:
        line(text)


def _lines(found: "CompareResult") -> Iterator[str]:
    for arm in found.arms:
        yield f"{found.dataset}: {found.control} (control) against {arm.name}"
        yield from _metric_lines(arm)
        yield ""
        yield from _power_lines(arm)
        yield f"p is adjusted (Holm, {counted(found.tests, 'test')}), intervals are not"
        if aside := [item.metric for item in arm.metrics if not item.decides]:
            yield f"does not decide: {', '.join(aside)}"
        yield from _slice_lines(arm)
        yield from _changed_lines(arm.changed)
        yield f"{arm.verdict.value}: {arm.sentence}"
        yield ""
    best = f" ({found.best.name})" if len(found.arms) > 1 else ""
    queries = counted(len(found.result.queries), "question")
    yield f"abtest compare: {found.verdict.value}{best}; {queries} asked in turn; {found.seconds:.1f} s"


def _metric_lines(arm: "Arm") -> Iterator[str]:
    from ragcli.evaluate.gates import p_text

    heads = ("metric", "control", "treatment", "change", "95 % interval", "p", "verdict")
    rows = [
        (
            item.metric, _number(found.baseline), _number(found.candidate), _number(found.difference, "+"),
            _interval(found.interval), p_text(found.adjusted_p), item.verdict.value.removesuffix(" better"),
        )
        for item in arm.metrics
        for found in [item.comparison]
    ]  # fmt: skip
    return columns([heads, *rows], right=(1, 2, 3, 4, 5))


def _power_lines(arm: "Arm") -> Iterator[str]:
    heads = ("metric", "d", "better/worse/equal", "detectable", "margin")
    rows = [
        (
            item.metric, _number(found.effect, "+"),
            f"{found.counts.wins}/{found.counts.losses}/{found.counts.ties}",
            _number(found.detectable), _number(found.margin),
        )
        for item in arm.metrics
        for found in [item.comparison]
    ]  # fmt: skip
    return columns([heads, *rows], right=(1, 2, 3, 4))


def _slice_lines(arm: "Arm") -> Iterator[str]:
    metric = arm.metrics[0].metric
    rows = [
        (
            f"  {item.tag}", str(item.queries), _number(item.difference, "+"), _interval(item.interval),
            f"{item.counts.wins}/{item.counts.losses}/{item.counts.ties}",
        )
        for item in arm.slices
        if item.metric == metric
    ]  # fmt: skip
    if rows:
        yield f"{metric} by tag"
        heads = ("  tag", "questions", "change", "95 % interval", "better/worse/equal")
        yield from columns([heads, *rows], right=(1, 2, 3, 4))


def _number(value: float, sign: str = "") -> str:
    """In seven characters at most, so that a table has room in 80 columns; a dash where nothing is known."""
    if not isfinite(value):
        return "-"
    digits = 4 if abs(value) < 10 else 2 if abs(value) < 1000 else 0
    return f"{value:{sign}z.{digits}f}"


def _interval(found: "Interval") -> str:
    """A dash where nothing bounds it: a single question says nothing of others."""
    if not (isfinite(found.low) and isfinite(found.high)):
        return "-"
    return f"{_number(found.low)}, {_number(found.high)}"


def _changed_lines(changed: "Mapping[str, tuple[str, str]]") -> Iterator[str]:
    if changed:
        yield f"they differ in: {', '.join(changed)}"


def _noise_lines(found: "AaResult") -> Iterator[str]:
    from ragcli.evaluate.gates import p_text

    values = [
        (
            item.metric, _number(item.first), _number(item.second), _number(item.difference, "+"),
            _interval(item.interval), p_text(item.p),
        )
        for item in found.metrics
    ]  # fmt: skip
    floors = [
        (item.metric, f"{item.differing} of {item.queries}", _number(item.floor), _number(item.margin))
        for item in found.metrics
    ]
    yield f"{found.dataset}: {found.config} against itself"
    heads = ("metric", "first", "second", "change", "95 % interval", "p")
    yield from columns([heads, *values], right=(1, 2, 3, 4, 5))
    yield ""
    yield from columns([("metric", "differing", "noise floor", "margin"), *floors], right=(1, 2, 3))
    yield "noise floor: the interval's farther end; a smaller difference may be noise"
    unsteady = [item.metric for item in found.metrics if item.deterministic is False]
    told = f"not deterministic: {', '.join(unsteady)}; " if unsteady else ""
    told = "every metric of quality is deterministic; " if found.deterministic else told
    queries = counted(len(found.results[0].queries), "question")
    yield f"abtest aa: {told}{queries} asked twice, in turn; {found.seconds:.1f} s"
