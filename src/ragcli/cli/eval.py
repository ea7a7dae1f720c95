"""``ragcli eval`` and the commands below it."""

import typer

from ragcli.cli.eval_answers import answers
from ragcli.cli.eval_data import convert, validate
from ragcli.cli.eval_diff import diff
from ragcli.cli.eval_make import make_dataset
from ragcli.cli.eval_sweep import sweep
from ragcli.cli.evaluate import evaluate
from ragcli.cli.tree import Command, Group

eval_app = typer.Typer(cls=Group, invoke_without_command=True)
eval_app.callback()(evaluate)
for verb in (answers, diff, sweep, convert, validate):
    eval_app.command(cls=Command)(verb)
eval_app.command("make-dataset", cls=Command)(make_dataset)
