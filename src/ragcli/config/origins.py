"""Every plain value of a configuration under its dotted key."""

from collections.abc import Iterator, Mapping

from ragcli.config.base import Settings
from ragcli.config.keys import dotted
from ragcli.config.layers import Layered
from ragcli.config.yaml_tree import KeyPath


def values(settings: Settings, prefix: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    """The plain values under a section in the order of its fields; a list of sections is walked item by item."""
    for name, spec in type(settings).model_fields.items():
        value = getattr(settings, name)
        path = (*prefix, spec.alias or name)
        if isinstance(value, Settings):
            yield from values(value, path)
        elif isinstance(value, tuple) and value and isinstance(value[0], Settings):
            for position, item in enumerate(value):
                yield from values(item, (*path, position))
        else:
            yield path, value


def origins(settings: Settings, layered: Layered) -> Mapping[str, str]:
    """Where each plain value was given, by dotted key."""
    return {dotted(path): _origin(path, layered) for path, _ in values(settings)}


def _origin(path: KeyPath, layered: Layered) -> str:
    node: object = layered.tree
    for part in path:
        here = node if isinstance(node, dict) else dict(enumerate(node)) if isinstance(node, list) else {}
        if part not in here:
            return "default"
        node = here[part]
    return layered.origin(path)
