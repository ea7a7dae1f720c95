"""reStructuredText through docutils; directives and roles of Sphinx keep their text."""

import copy
import io
from collections.abc import Iterator
from functools import cache
from typing import Any

from ragcli.config.ingest import LimitsConfig
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.compose import Composer, check_length, first_heading, stem_of
from ragcli.ingest.loaders.decode import decode
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.text import text_blocks

_MAX_LINE_CHARS = 10_000
_SETTINGS = {
    "_disable_config": True,  # a docutils.conf in the working directory is a stranger's
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 5,
    "halt_level": 5,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "sectsubtitle_xform": False,
    "smart_quotes": False,
    "syntax_highlight": "none",
    "line_length_limit": _MAX_LINE_CHARS,
}


class RstLoader:
    """Reads reStructuredText. Nothing it says makes it read another file."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document, or none when the file is blank."""
        from ragcli.ingest.loaders.rst_walk import RstWalker

        with refusing("reStructuredText"):
            text = decode(file.data)
            check_length(text, self._limits.max_text_chars)
            if max(map(len, text.split("\n"))) > _MAX_LINE_CHARS:
                blocks = text_blocks(text)  # no hand wrote this, and docutils refuses it
                yield Parsed(text, first_heading(blocks) or stem_of(file.path), tuple(blocks))
                return
            composer = Composer(self._limits.max_text_chars)
            walker = RstWalker(composer, parse_rst)
            walker.walk(parse_rst(text))
            parsed = composer.parsed(first_heading(composer.blocks) or stem_of(file.path), walker.metadata)
            if parsed.text:
                yield parsed


def parse_rst(text: str) -> Any:
    """The document tree (docutils); errors of markup are nodes in it."""
    from docutils.core import publish_doctree

    return publish_doctree(text, settings=copy.copy(_settings()))


@cache
def _settings() -> Any:
    """Settings as docutils wants them; collecting them takes longer than parsing a page."""
    from docutils.core import Publisher
    from docutils.parsers.rst import Parser
    from docutils.readers.standalone import Reader
    from docutils.writers.null import Writer

    publisher = Publisher(reader=Reader(), parser=Parser(), writer=Writer())
    publisher.process_programmatic_settings(None, {**_SETTINGS, "warning_stream": io.StringIO()}, None)
    return publisher.settings
