"""``ragcli eval``: score the engine, or a stored run, on questions with judgements, and gate a build on it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ragcli.cli.asking import ASKING, Flags, load_asking, takes
from ragcli.cli.eval_options import (
    BaselineOption,
    DatasetOption,
    EvalFormat,
    FailuresOption,
    GateOption,
    JudgesOption,
    MarginOption,
    MaxOption,
    MetricOption,
    MinOption,
    MismatchOption,
    MustPassOption,
    OutputOption,
    PerQueryOption,
    PowerOption,
    QrelsOption,
    ResumeOption,
    RunOption,
    SaveOption,
    SaveRunOption,
    SplitOption,
    TestOption,
    TopKOption,
    ZscoresOption,
)
from ragcli.cli.options import ConfigOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, columns, line
from ragcli.errors import UsageError
from ragcli.evaluate.counting import counted

if TYPE_CHECKING:
    from ragcli.config.settings import Config
    from ragcli.evaluate.gates import Gates
    from ragcli.evaluate.hit_runs import HitRun
    from ragcli.evaluate.judgements import Dataset, Qrels
    from ragcli.evaluate.panel import Panel
    from ragcli.evaluate.reports.report import Report
    from ragcli.evaluate.result import EvalResult
    from ragcli.evaluate.statistics import TestName


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the result is held against, as given."""

    baseline: str | None
    gates: "Gates"
    max_failures: int
    power: float | None
    resume: str | None

    def against(self, fields: "Iterable[str]") -> "Gates":
        """The gates; fields that may differ from a result to resume are none that a comparison asks for."""
        from ragcli.evaluate.comparison import MUST_AGREE

        compared, only_resumed = self.gates.comparison, set(fields) - set(MUST_AGREE)
        allowed = compared.allow_mismatch - only_resumed if self.resume else compared.allow_mismatch
        return replace(self.gates, comparison=replace(compared, allow_mismatch=allowed))


@takes(asked=ASKING)
def evaluate(
    context: typer.Context,
    *,
    dataset: DatasetOption = None,
    qrels: QrelsOption = None,
    run: RunOption = None,
    judges: JudgesOption = None,
    zscores: ZscoresOption = None,
    split: SplitOption = None,
    metric: MetricOption = None,
    top_k: TopKOption = None,
    asked: Flags,
    baseline: BaselineOption = None,
    min_: MinOption = None,
    max_: MaxOption = None,
    must_pass: MustPassOption = False,
    gate: GateOption = None,
    margin: MarginOption = None,
    test: TestOption = "permutation",
    allow_mismatch: MismatchOption = None,
    power: PowerOption = None,
    max_failures: FailuresOption = 0,
    resume: ResumeOption = None,
    save: SaveOption = True,
    per_query: PerQueryOption = False,
    save_run: SaveRunOption = None,
    files: OutputOption = None,
    format: EvalFormat = "table",
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Score the index, or a stored run, on questions with judgements, in trec_eval's definitions."""
    if context.invoked_subcommand is not None:
        return
    flags = {
        "evaluate.dataset": dataset,
        "evaluate.split": split,
        "evaluate.metrics": metric or None,
        "evaluate.top_k": top_k,
        **asked,
    }
    settings = load_asking(lambda more: load(config, set_, workspace, more), flags).config
    gates = gates_of((min_, max_, margin), must_pass, gate or (), allow_mismatch or (), test)
    wanted = Wanted(baseline, gates, max_failures, power, resume)
    check_suffixes(files or ())
    output = Output("eval", format)
    if resume is not None:
        _check_resumed(run, format, save_run, files or ())
    _check_files(run, judges, zscores, others=(qrels, dataset))
    if run is not None:
        _check_stored(run, judges or qrels, format, save_run)
        result, scored = _stored(settings, run, qrels, judges, zscores, alone=dataset is None), None
    else:
        result, scored = _live(settings, qrels, wanted, output)
    title = f"{result.dataset}: {run or settings.query.strategy}"
    warn(output, result)
    report = held_against(settings, result, scored, wanted, output, keep=save and run is None)
    if scored is not None and save_run is not None:
        _write_run(save_run, scored)
    emit(output, report, scored, lambda: print_report(report, title, per_query, power), files or ())


def gates_of(
    limits: Sequence[Sequence[str] | None],
    must_pass: bool,
    gated: Sequence[str],
    allowed: Sequence[str],
    test: "TestName",
) -> "Gates":
    """What --min, --max and --margin (in this order), --must-pass, --gate, --allow-mismatch and --test ask for."""
    from ragcli.evaluate.comparison import Settings
    from ragcli.evaluate.gates import Gates, parse_limit, parse_margins

    least, most, margins = ([] if given is None else given for given in limits)
    fields = frozenset(allowed)
    compared = Settings(gated=tuple(gated), margins=parse_margins(margins), test=test, allow_mismatch=fields)
    return Gates(tuple(map(parse_limit, least)), tuple(map(parse_limit, most)), must_pass, compared)


def held_against(
    config: "Config", result: "EvalResult", scored: "HitRun | None", wanted: Wanted, output: Output, *, keep: bool
) -> "Report":
    """Hold the result against what is wanted of it; it is stored first, whatever comes of that."""
    from ragcli.evaluate.gates import judge, limits
    from ragcli.evaluate.reports.report import Report
    from ragcli.evaluate.store import ResultStore
    from ragcli.workspace import Workspace

    store = ResultStore(Workspace(config.workspace.path).results)
    name, base = store.load(wanted.baseline, dataset=result.dataset) if wanted.baseline else ("", None)
    if wanted.power is not None and base is None:
        raise UsageError("--power needs a baseline to tell how results differ", hint="--baseline @last")
    if keep:
        store.save(result)
    comparisons, outcomes = judge(result, wanted.against(result.fingerprints), base, name)
    if result.failures:
        outcomes = (*outcomes, *limits(result, "max", [("failed", wanted.max_failures)]))
    found = {} if scored is None else scored.documents()
    return Report(result, base, comparisons, outcomes, run=found, warnings=tuple(output.warnings))


def emit(
    output: Output, report: "Report", scored: "HitRun | None", human: Callable[[], None], files: Sequence[Path]
) -> None:
    """Write the report's files and print the result; the command fails as the gates say."""
    if files:
        from ragcli.evaluate.reports import write_reports

        write_reports(files, report)
    if output.format == "trec" and scored is not None:
        human = partial(print, "".join(_run_lines(scored, as_json=False)), end="")
    elif output.format == "jsonl":
        human = partial(print, "\n".join(_json_lines(report.result)))
    document: object = None
    if output.format == "json":
        from ragcli.evaluate.reports.json import document as as_document

        document = as_document(report)
    output.emit(document, human, error=report.failure)


def check_suffixes(files: Sequence[Path]) -> None:
    """Refuse a report of a kind that there is not, before any work is done."""
    if files:
        from ragcli.evaluate.reports import check_suffixes

        check_suffixes(files)


def _check_resumed(run: Path | None, format: str, save_run: Path | None, files: Sequence[Path]) -> None:
    if run is not None:
        raise UsageError("a stored run has no failed rows to try again", hint="leave out --run or --resume")
    if format == "trec" or save_run is not None or any(file.suffix == ".trec" for file in files):
        raise UsageError("the result that is resumed does not hold its run", hint="leave out .trec and --save-run")


def _check_stored(run: Path, qrels: Path | None, format: str, save_run: Path | None) -> None:
    from ragcli.evaluate.lines import STDIN

    if run == STDIN and qrels == STDIN:
        raise UsageError("the run and the judgements cannot both come from stdin", hint="--qrels FILE")
    if format == "trec" or save_run is not None:
        raise UsageError("a stored run is not written again", hint="leave out --format trec and --save-run")


def _check_files(run: Path | None, judges: Path | None, zscores: Path | None, *, others: Sequence[Path | None]) -> None:
    if judges is not None and (run is None or any(others)):
        raise UsageError("--judges goes with --run, and without --qrels and --dataset", hint="--run RUN --judges FILE")
    if zscores is not None and run is None:
        raise UsageError("--zscores goes with --run", hint="--run RUN --qrels FILE --zscores FILE")


def _stored(
    config: "Config", run: Path, qrels: Path | None, judges: Path | None, zscores: Path | None, *, alone: bool
) -> "EvalResult":
    """Score a stored run with judgements alone where no dataset is named beside them."""
    from ragcli.evaluate.evaluation import evaluate_run

    judged, name = _judged(config, qrels, judges, alone=alone)
    result = evaluate_run(run, judged, config.evaluate.metrics, name)
    if zscores is None:
        return result
    from ragcli.evaluate.zscores import read_references, standardise

    return standardise(result, read_references(zscores))


def _judged(
    config: "Config", qrels: Path | None, judges: Path | None, *, alone: bool
) -> "tuple[Qrels | Dataset | Panel, str]":
    """What a stored run is held against, and the name of judgements without one of their own."""
    if judges is not None:
        from ragcli.evaluate.panel import read_panel

        return read_panel(judges), str(judges)
    if qrels is not None and alone:
        from ragcli.evaluate.judgements import read_qrels

        return read_qrels(qrels), str(qrels)
    from ragcli.evaluate.datasets import load_dataset
    from ragcli.evaluate.evaluation import required_dataset

    return load_dataset(required_dataset(config.evaluate), config.evaluate.split, qrels), ""


def _live(config: "Config", qrels: Path | None, wanted: Wanted, output: Output) -> "tuple[EvalResult, HitRun | None]":
    from ragcli.evaluate.datasets import load_dataset
    from ragcli.evaluate.evaluation import evaluate as evaluate_engine
    from ragcli.evaluate.evaluation import required_dataset
    from ragcli.query.engine import Engine
    from ragcli.workspace import Workspace

    settings = config.evaluate
    questions = load_dataset(required_dataset(settings), settings.split, qrels)
    with Engine(config, Workspace(config.workspace.path)) as engine:
        for warning in engine.warnings:
            output.warn(warning)
        if wanted.resume is not None:
            from ragcli.evaluate.resume import resume

            before = earlier(config, wanted.resume, questions.name, output)
            allowed = wanted.gates.comparison.allow_mismatch
            return resume(engine, questions, before, settings.metrics, settings.top_k, allowed), None
        return evaluate_engine(engine, questions, settings.metrics, settings.top_k)


def earlier(config: "Config", reference: str, dataset: str, output: Output) -> "EvalResult":
    """The result to resume."""
    from ragcli.evaluate.store import ResultStore
    from ragcli.workspace import Workspace

    name, before = ResultStore(Workspace(config.workspace.path).results).load(reference, dataset=dataset)
    if not before.failures:
        output.warn(f"nothing failed in {name}, so nothing is tried again")
    return before


def warn(output: Output, result: "EvalResult") -> None:
    """Tell of judged documents, questions and rows that do not count as they should."""
    if result.unknown_documents:
        some = ", ".join(result.unknown_documents[:3])
        count = counted(len(result.unknown_documents), "judged document")
        output.warn(f"not in the index and counted as missed: {count}: {some}")
    if result.missing:
        output.warn(f"retrieved nothing and count 0: {counted(len(result.missing), 'judged query', 'judged queries')}")
    if result.failures:
        first = next(iter(result.failures.items()))
        count = counted(len(result.failures), "query", "queries")
        output.warn(f"failed and not averaged: {count}, such as {first[0]}: {first[1]}")
    if "lost spans" in result.notes:
        lost = result.notes["lost spans"]
        output.warn(
            f"not in the index and counted as missed: {counted(lost.count('; ') + 1, 'judged span')}: {lost[:200]}"
        )


def _write_run(file: Path, run: "HitRun") -> None:
    try:
        file.write_text("".join(_run_lines(run, file.suffix == ".jsonl")), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--save-run: {file} cannot be written: {error.strerror}") from error


def _run_lines(run: "HitRun", as_json: bool) -> "Iterable[str]":
    if as_json:
        from ragcli.evaluate.hit_runs import run_lines

        return run_lines(run)
    from ragcli.evaluate.runs import trec_lines

    found = run.documents().items()
    return [f"{line}\n" for query, results in found for line in trec_lines(query, results.items(), "ragcli")]


def _by_query(result: "EvalResult") -> "Iterator[tuple[str, dict[str, float]]]":
    for row, query in enumerate(result.queries):
        values = {name: float(column[row]) for name, column in result.values.items()}
        yield query, {name: value for name, value in values.items() if not isnan(value)}


def _json_lines(result: "EvalResult") -> list[str]:
    import json

    return [json.dumps({"query": query, **values}, ensure_ascii=False) for query, values in _by_query(result)]


def print_report(report: "Report", title: str, per_query: bool, power: float | None) -> None:
    """The result for people: means with intervals, then what was concluded."""
    result = report.result
    names = list(result.values)
    if per_query:
        worst_first = sorted(_by_query(result), key=lambda item: (item[1].get(names[0], 2.0), item[0]))
        cells = [(query, *(f"{own[name]:.4f}" if name in own else "-" for name in names)) for query, own in worst_first]
        for text in columns([("query", *names), *cells], right=range(1, len(names) + 1)):
            line(text)
        print()
    line(title)
    rows = [(s.metric, f"{s.mean:.4f}", f"{s.interval.low:.4f} to {s.interval.high:.4f}") for s in report.summaries]
    totals = ((name, value) for name, value in result.totals.items() if not name.endswith("_ms"))
    rows += [(name, "unknown" if isnan(value) else f"{value:.6g}", "of the whole run") for name, value in totals]
    for text in columns([("metric", "mean", "95 % interval"), *rows], right=(1,)):
        line(text)
    for text in (*_latency(result), *(f"{name}: {note[:200]}" for name, note in result.notes.items())):
        line(text)
    for text in _conclusions(report, power):
        line(text)
    rest = f", {result.unjudged} without judgements left out" if result.unjudged else ""
    searched = result.fingerprints.get("generation")
    generation = f" generation {searched};" if searched else ""
    line(f"{counted(len(result.queries), 'judged query', 'judged queries')}{rest};{generation} {result.seconds:.1f} s")


def _latency(result: "EvalResult") -> "Iterator[str]":
    """Percentiles of each stage's time, and of all of them together."""
    stages = [
        name.removeprefix("p50").removesuffix("ms").strip("_") for name in result.totals if name.startswith("p50_")
    ]
    for stage in stages:
        times = [result.totals[f"{p}_{stage}_ms" if stage else f"{p}_ms"] for p in ("p50", "p95", "p99")]
        yield f"{stage or 'latency'}: p50 {times[0]:.1f}, p95 {times[1]:.1f}, p99 {times[2]:.1f} ms"


def _conclusions(report: "Report", power: float | None) -> "Iterator[str]":
    from ragcli.evaluate.comparison import queries_needed
    from ragcli.evaluate.gates import explain

    if report.comparisons is not None:
        yield f"against {report.comparisons.name}:"
        yield from (f"{item.verdict}: {explain(item)}" for item in report.comparisons.gated)
        if power is not None:
            needed = queries_needed(report.comparisons, power)
            if not needed:
                yield "nothing changed, so nothing is known of how many queries would show a change"
            yield from (f"{name}: {count:,} queries would show a change of {power:g}" for name, count in needed.items())
    others = (outcome for outcome in report.outcomes if outcome.kind != "baseline")
    yield from (f"{outcome.verdict}: {outcome.message}" for outcome in others)
