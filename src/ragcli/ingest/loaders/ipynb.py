"""Jupyter notebooks: prose, code, and the beginning of what the code printed."""

import json
from collections.abc import Iterator
from typing import Any

from ragcli.config.ingest import LimitsConfig
from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.compose import Composer, one_line, stem_of
from ragcli.ingest.loaders.decode import decode, normalise
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.languages import fence_language
from ragcli.ingest.loaders.markdown import markdown_blocks, without_data_urls

_MAX_OUTPUT_LINES = 20
_MAX_OUTPUT_CHARS = 1500


class IpynbLoader:
    """Reads notebooks of format 3 and 4. Of outputs only text is kept, and only its beginning."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document, or none when no cell has text."""
        with refusing("notebook"):
            notebook = _parse(decode(file.data))
            metadata = _mapping(notebook.get("metadata"))
            language = _language(metadata)
            composer = Composer(self._limits.max_text_chars)
            for cell in _cells(notebook):
                self._write(cell, language, composer)
            title = metadata.get("title")
            parsed = composer.parsed(one_line(title) if isinstance(title, str) else "", {"language": language})
            if parsed.text:
                fallback = parsed.title or stem_of(file.path)
                yield Parsed(
                    parsed.text,
                    fallback,
                    parsed.blocks,
                    language="",
                    metadata=parsed.metadata if language else {},
                )

    def _write(self, cell: dict[str, Any], language: str, composer: Composer) -> None:
        source = normalise(_joined(cell.get("source", cell.get("input", ""))))
        kind = cell.get("cell_type")
        if kind == "heading":  # format 3
            composer.heading(source, int(cell.get("level", 1)))
        elif kind == "code":
            composer.code(source, fence_language(str(cell.get("language", language))))
            for output in cell.get("outputs") or ():
                composer.code(shortened(_output_text(_mapping(output))))
        elif source.strip():
            text = without_data_urls(source).strip("\n")
            composer.embed(text, markdown_blocks(text))


def _parse(text: str) -> dict[str, Any]:
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"truncated or damaged notebook: {error.msg} at line {error.lineno}") from error
    if not isinstance(notebook, dict) or not ("cells" in notebook or "worksheets" in notebook):
        raise DataError("not a notebook: it has no cells")
    return notebook


def _cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    groups = notebook.get("worksheets") or [notebook]
    for group in groups:
        for cell in _mapping(group).get("cells") or ():
            yield _mapping(cell)


def _language(metadata: dict[str, Any]) -> str:
    info = _mapping(metadata.get("language_info"))
    kernel = _mapping(metadata.get("kernelspec"))
    return fence_language(str(info.get("name") or kernel.get("language") or ""))


def _output_text(output: dict[str, Any]) -> str:
    if output.get("output_type") in {"error", "pyerr"}:
        return f"{output.get('ename', '')}: {output.get('evalue', '')}"
    data = _mapping(output.get("data"))
    return _joined(output.get("text") or data.get("text/plain") or "")


def shortened(text: str) -> str:
    """The beginning of an output, and a mark where it was cut."""
    lines = text.strip("\n").split("\n")
    kept = "\n".join(lines[:_MAX_OUTPUT_LINES])[:_MAX_OUTPUT_CHARS]
    return kept if len(kept) == len(text.strip("\n")) else f"{kept}\n…"


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(str(part) for part in value)
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
