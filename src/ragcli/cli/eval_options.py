"""Options that the commands of ``ragcli eval`` share."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

EvalFormat: TypeAlias = Annotated[
    Literal["table", "json", "jsonl", "trec"],
    typer.Option("--format", help="jsonl prints one line a query; trec prints the run that was scored."),
]
DatasetOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="BEIR folder, TREC topics, JSONL or CSV [default: evaluate.dataset]."),
]
QrelsOption: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Judgements, TREC or BEIR format, instead of the dataset's own.")
]
RunOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Score this stored run, TREC or run.jsonl, not the index; - is stdin."),
]
JudgesOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Judgements by several judges for --run: averaged over them, or preferences."),
]
ZscoresOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Means and deviations of other runs: ZnDCG@10 says how far from them this is."),
]
SplitOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which qrels/NAME.tsv of a BEIR folder [default: evaluate.split]."),
]
MetricOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="Metric such as nDCG@10, P@5, MAP, bpref. Repeatable [default: evaluate.metrics]."
    ),
]
TopKOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--top-k", "-k", metavar="N", help="How many documents are retrieved per query [default: evaluate.top_k]."
    ),
]
PerQueryOption: TypeAlias = Annotated[
    bool, typer.Option("--per-query", help="Also print every query's values, worst first.")
]
SaveRunOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the run to this file: .jsonl with all of its hits, otherwise TREC."),
]
OutputOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Also write .json, .jsonl, .csv, .md, .xml, .trec or .html. Repeatable."
    ),
]
BaselineOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="RESULT", help="Compare with a result: a file, @last, @branch:NAME, or an id of the store."),
]
MinOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--min", metavar="METRIC=NUMBER", help="Fail when it is lower. Repeatable.")
]
ResumeOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="RESULT", help="Only try again what failed in this result: a file, @last, or an id."),
]
MaxOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--max", metavar="METRIC=NUMBER", help="Fail when it is higher, such as p95_ms=300. Repeatable."),
]
MustPassOption: TypeAlias = Annotated[
    bool, typer.Option("--must-pass", help="Fail when a question marked must_pass loses anything.")
]
GateOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="METRIC", help="Compare by this metric; by all unless given. Repeatable."),
]
MarginOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="METRIC=AMOUNT", help="Largest drop that does not matter, 0.02 or 5%. Repeatable."),
]
TestOption: TypeAlias = Annotated[
    Literal["permutation", "t", "bootstrap"],
    typer.Option("--test", help="Where p and interval come from: sign flips, Student's t, or the BCa bootstrap."),
]
MismatchOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--allow-mismatch", metavar="FIELD", help="Compare although this differs. Repeatable."),
]
PowerOption: TypeAlias = Annotated[
    float | None, typer.Option(metavar="EFFECT", help="Tell how many questions would show a change of this size.")
]
FailuresOption: TypeAlias = Annotated[
    int, typer.Option("--max-failures", metavar="N", help="Fail when more questions than this failed.")
]
SaveOption: TypeAlias = Annotated[
    bool, typer.Option("--save/--no-save", help="Keep the result in the workspace, for @last and @branch.")
]
