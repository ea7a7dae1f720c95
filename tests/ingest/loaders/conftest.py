"""Loading bytes as ingest does, and showing what came out in a form that tests can state."""

from typing import Any

from ragcli.config.ingest import LimitsConfig, LoadersConfig
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.build import build_loader
from ragcli.records import DocumentType


def load_all(
    type_: DocumentType, data: bytes | str, path: str = "file", *, limits: LimitsConfig | None = None, **loaders: Any
) -> list[Parsed]:
    """All documents of a file; ``loaders`` are sections of ``ingest.loaders``."""
    raw = data.encode() if isinstance(data, str) else data
    config = LoadersConfig.model_validate(loaders)
    return list(build_loader(type_, config, limits or LimitsConfig()).load(RawFile(path, raw, type_)))


def load(type_: DocumentType, data: bytes | str, path: str = "file", **loaders: Any) -> Parsed:
    """The one document of a file."""
    (parsed,) = load_all(type_, data, path, **loaders)
    return parsed


def outline(parsed: Parsed) -> list[tuple[str, str]]:
    """Kind, with its level, and text of every block."""
    return [(f"{block.kind}{block.level or ''}", parsed.text[block.start : block.end]) for block in parsed.blocks]


def headers(parsed: Parsed) -> list[str]:
    """The header of every table."""
    return [parsed.text[block.start : block.header_end] for block in parsed.blocks if block.kind == "table"]


def languages(parsed: Parsed) -> list[str]:
    """The language of every code block."""
    return [block.language for block in parsed.blocks if block.kind == "code"]
