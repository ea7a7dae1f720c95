"""The winning configuration as a file: only what differs from the defaults, the scores beside it."""

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from ragcli.config.base import Settings
from ragcli.config.confine import CONFINED
from ragcli.config.keys import accepts, default_kind, fields, models_of, of_kind
from ragcli.config.load import LoadedConfig
from ragcli.config.plain import to_plain
from ragcli.config.settings import Config
from ragcli.config.tree import Tree
from ragcli.evaluate.datasets.jsonl import write_text
from ragcli.evaluate.gates import p_text
from ragcli.evaluate.sweep.result import Standing, SweepResult
from ragcli.records import JsonValue


def write_best(file: Path, loaded: LoadedConfig, result: SweepResult) -> None:
    """Write the winner's configuration; paths are relative to the file where they can be.

    Raises:
        DataError: The file cannot be written.
    """
    import yaml

    values = _differing(to_plain(loaded.config), Config, file.absolute().parent)
    outside = _drop_outside(values)
    body = yaml.safe_dump(values, sort_keys=False, allow_unicode=True) if values else "{}\n"
    write_text(file, [*(f"# {line}".rstrip() + "\n" for line in [*_comments(result), *outside]), "\n", body])


def _comments(result: SweepResult) -> Iterator[str]:
    base, winner = result.base, result.winner
    yield f"Written by ragcli eval sweep: the best of {len(result.points)} points on {result.dataset}."
    yield f"{result.metric}, chosen on {result.tune_queries} questions, held out {result.held_out_queries}:"
    yield f"  this configuration   tune {winner.tune:.4f}   held out {_held_out(winner)}"
    yield f"  where it started     tune {base.tune:.4f}   held out {_held_out(base)}"
    item = result.comparison
    if item is None:
        yield "No point was better than where it started."
    else:
        low, high = item.interval.low, item.interval.high
        yield f"  difference held out  {item.difference:+.4f} ({low:+.4f} to {high:+.4f}), p {p_text(item.p)}"
    yield from (f"{name}: {note}" for name, note in result.notes.items())


def _drop_outside(values: Tree) -> list[str]:
    """Take out folders that a file may not place where they are, and tell of them."""
    told = []
    for section, name in CONFINED:
        own = values.get(str(section))
        folder = own.get(str(name)) if isinstance(own, dict) else None
        if isinstance(own, dict) and isinstance(folder, str) and folder.split("/")[0] in {"..", ""}:
            del own[str(name)]
            told.append(f"{section}.{name} was {folder}, which a file cannot say: give it by --set")
            if not own:
                del values[str(section)]
    return told


def _held_out(standing: Standing) -> str:
    return f"{standing.held_out:.4f} (95 % {standing.interval.low:.4f} to {standing.interval.high:.4f})"


def _differing(values: Tree, model: type[Settings], folder: Path) -> Tree:
    """What of a section's values is not the default, with paths as the file would write them."""
    found: Tree = {}
    for name, field in fields(model).items():
        value, below = values.get(name), models_of(field)
        section = of_kind(below, value.get("kind")) if below and isinstance(value, dict) else None
        if section is not None and isinstance(value, dict) and not accepts(field, tuple):
            inner = _differing(value, section, folder)
            inner.pop("kind", None)
            if len(below) > 1 and value.get("kind") != default_kind(field):
                inner = {"kind": value["kind"], **inner}
            if inner or _default(field) is None:  # an empty section is not the same as none
                found[name] = inner
        elif accepts(field, tuple) and below and isinstance(value, list):
            items: list[JsonValue] = [_item(item, below, folder) for item in value]
            if items:
                found[name] = items
        else:
            shown = _relative(value, folder) if isinstance(value, str) and accepts(field, Path) else value
            if field.is_required() or shown != _default(field):
                found[name] = shown
    return found


def _default(field: FieldInfo) -> object:
    """A field's default as a file writes it; a section only as far as it is there."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _item(value: JsonValue, below: tuple[type[Settings], ...], folder: Path) -> JsonValue:
    section = of_kind(below, value.get("kind") if isinstance(value, dict) else None)
    return value if section is None or not isinstance(value, dict) else _differing(value, section, folder)


def _relative(path: str, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix() if Path(path).is_absolute() else path
