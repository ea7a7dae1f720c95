"""Which settings shaped a generation's files, and whether they are still the configured ones."""

from collections.abc import Mapping
from typing import Any

from ragcli.config.index import ContextConfig, IndexConfig
from ragcli.index.context import MIXING
from ragcli.index.lexical import build as lexical
from ragcli.index.manifest import Manifest
from ragcli.index.summaries import VERSION
from ragcli.index.vectors import building as vector
from ragcli.index.vectors.store import VectorsState
from ragcli.records import JsonValue


def shaping(config: IndexConfig, vectors: VectorsState | None) -> dict[str, dict[str, Any]]:
    """The settings that shape files, by section; what only steers a search is left out."""
    sections: dict[str, dict[str, Any]] = {}
    if config.lexical.kind != "none":
        sections["lexical"] = dict(lexical.shaping_settings(config.lexical))
    if vectors is not None:
        type_ = vector.resolve_type(config.vectors, vectors.base, vectors.dimension)
        sections["vectors"] = dict(vector.shaping_settings(config.vectors, type_))
        sections["context"] = {"neighbours": _neighbours(config.context)}
    if config.summaries.kind != "none":
        own = config.summaries.model_dump(exclude={"concurrency", "timeout_s", "max_retries"})
        sections["summaries"] = {**own, "version": VERSION}
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


def _neighbours(config: ContextConfig) -> JsonValue:
    """Weights and the formula they are for: another formula makes other vectors of the same weights."""
    return {"mixing": MIXING, "weights": list(config.neighbours)} if config.neighbours else []


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    keys = [key for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]
    # Another type or kind has other settings: what those are says nothing more.
    return [key for key in keys if key in {"type", "kind"}] or keys
