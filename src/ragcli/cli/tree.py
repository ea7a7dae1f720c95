"""Commands and groups of commands that describe themselves with ``help.py`` and read values with ``parsing.py``."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

from ragcli.cli.help import describe, render
from ragcli.cli.parsing import Values, no_command
from ragcli.errors import UsageError

ORDER = (
    *("init", "ingest", "chunks", "index", "sync", "query", "cost", "rerank"),
    *("eval", "abtest", "status", "doctor", "models", "config"),
)
_VALUES = Values()


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters."""
        return _read_by_us(super().get_params(ctx))

    def get_help(self, ctx: Any) -> str:
        """The help page."""
        return render(describe(ctx))


class Group(TyperGroup):
    """A command with commands below it."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters."""
        return _read_by_us(super().get_params(ctx))

    def get_help(self, ctx: Any) -> str:
        """The help page."""
        return render(describe(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands, in the order in which documents become answers; below one, as they were added."""
        if ctx.parent is not None:
            return super().list_commands(ctx)
        places = {name: place for place, name in enumerate(ORDER)}
        return sorted(super().list_commands(ctx), key=lambda name: places.get(name, len(places)))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is named.

        Raises:
            UsageError: There is none, or options of the group stand before it, where they would mean nothing.
        """
        name = args[0]
        if name not in self.commands and not ctx.resilient_parsing:
            raise no_command(name, ctx, list(self.commands))
        given = [param for param in self.params if ctx.params.get(param.name) not in (None, False, (), param.default)]
        if given and not ctx.resilient_parsing:
            hint = f"{ctx.command_path} {name} --help"
            raise UsageError(f"{given[0].opts[0]} stands before {name!r}: put it behind", hint=hint)
        return super().resolve_command(ctx, args)


def _read_by_us(parameters: list[Any]) -> list[Any]:
    for one in parameters:
        if hasattr(one, "_runtime_param"):  # typer asks this object to convert, and offers no other seam
            one._runtime_param = _VALUES
    return parameters
