"""Which settings shaped a generation's files, and whether they are still the configured ones."""

from collections.abc import Mapping
from typing import Any

from ragcli.config.index import IndexConfig
from ragcli.config.plain import to_plain
from ragcli.index.lexical import build as lexical
from ragcli.index.manifest import Manifest
from ragcli.index.vectors import building as vector
from ragcli.index.vectors.store import VectorsState


def shaping(config: IndexConfig, vectors: VectorsState | None) -> dict[str, dict[str, Any]]:
    """The settings that shape files, by section; what only steers a search is left out."""
    sections: dict[str, dict[str, Any]] = {}
    if config.lexical.kind != "none":
        sections["lexical"] = dict(lexical.shaping_settings(config.lexical))
    if vectors is not None:
        type_ = vector.resolve_type(config.vectors, vectors.base, vectors.dimension)
        sections["vectors"] = dict(vector.shaping_settings(config.vectors, type_))
        sections["context"] = to_plain(config.context)
    return sections


def changed_settings(config: IndexConfig, manifest: Manifest) -> list[str]:
    """Names of the settings under ``index.`` by which the generation differs from the configuration."""
    wanted = shaping(config, manifest.vectors)
    if (config.embedder.kind == "none") != (manifest.embedder is None):
        return ["embedder.kind"]
    return [
        f"{section}.{key}"
        for section in sorted(wanted.keys() | manifest.settings.keys())
        for key in _unlike(wanted.get(section, {}), manifest.settings.get(section, {}))
    ]


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    keys = [key for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]
    # Another type or kind has other settings: what those are says nothing more.
    return [key for key in keys if key in {"type", "kind"}] or keys
