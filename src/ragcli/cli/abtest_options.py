"""Options of ``ragcli abtest``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The experiment.", show_default=False)]
SplitOption = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="SHARE",
        help="Share of users for the treatment; with several, evenly or one each: 0.3,0.2 [default: all alike].",
        show_default=False,
    ),
]
ControlOption = Annotated[
    Path, typer.Option("--control", metavar="FILE", help="Configuration that is in use.", show_default=False)
]
TreatmentOption = Annotated[
    list[str],
    typer.Option(
        "--treatment",
        metavar="[NAME=]FILE",
        help="Configuration to try. Repeatable. Its name: treatment, of several their files'.",
        show_default=False,
    ),
]
MetricOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        "-m",
        metavar="METRIC",
        help="What decides, such as clicked, revenue:total, clicks/impressions, latency_ms:p95, complaints:lower."
        " Repeatable [default: latency_ms:mean].",
        show_default=False,
    ),
]
GuardrailOption = Annotated[
    list[str] | None,
    typer.Option("--guardrail", metavar="METRIC", help="What must not get worse by its margin. Repeatable."),
]
GuardMarginOption = Annotated[
    list[str] | None,
    typer.Option(
        "--margin",
        metavar="METRIC=AMOUNT",
        help="The largest change of a guardrail for the worse that does not matter, such as latency_ms:p95=5%"
        " [default: 10% of control].",
        show_default=False,
    ),
]
HorizonOption = Annotated[
    int | None,
    typer.Option(
        "--horizon",
        metavar="USERS",
        min=2,
        help="Decide once, by tests of a fixed size: when so many users have come and it is stopped. Without it the"
        " decision may be looked for at any time, by always-valid tests that need more users.",
    ),
]
AssignmentOption = Annotated[
    Literal["salted", "md5_percent"],
    typer.Option(
        "--assignment",
        help="salted: a hash of experiment and user; md5_percent: md5 of the user modulo 100, in all experiments.",
    ),
]
ModeOption = Annotated[
    Literal["split", "interleave"],
    typer.Option("--mode", help="interleave: every user sees one list mixed of both rankings, and clicks decide."),
]
OverrideOption = Annotated[
    list[str] | None,
    typer.Option("--override", metavar="USER=VARIANT", help="A tester, who is not analysed. Repeatable."),
]
SaltOption = Annotated[
    str | None,
    typer.Option("--salt", metavar="TEXT", help="Hash users with this text [default: NAME].", show_default=False),
]
DraftOption = Annotated[bool, typer.Option("--draft", help="Do not start it yet.")]
AlphaOption = Annotated[
    float,
    typer.Option("--alpha", metavar="P", help="Chance of a false alarm; intervals have confidence 1 - alpha."),
]
CorrectionOption = Annotated[
    Literal["holm", "bh"],
    typer.Option("--correction", help="Of p for several metrics: Holm, or Benjamini and Hochberg's false discoveries."),
]
LeastOption = Annotated[
    int, typer.Option("--min-users", metavar="N", min=2, help="Fewer users in a variant decide nothing.")
]
