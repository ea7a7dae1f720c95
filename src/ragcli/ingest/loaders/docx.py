"""Word documents: headings by style, lists, tables, formulas, notes, in the order of the body."""

import io
from collections.abc import Iterator
from typing import Any

from ragcli.config.ingest import LimitsConfig
from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.archive import open_archive
from ragcli.ingest.loaders.compose import Composer, stem_of
from ragcli.ingest.loaders.docx_body import DocxBody
from ragcli.ingest.loaders.docx_styles import DocxStyles
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.safe_xml import local_name, parse_xml
from ragcli.records import JsonValue

_NOTES = {"footnotes": "Footnotes", "endnotes": "Endnotes", "comments": "Comments"}


class DocxLoader:
    """Reads Word documents. Text marked as deleted is left out, inserted text is kept."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document, or none when it has no text."""
        import docx

        with refusing("DOCX"):
            with open_archive(file.data, self._limits.max_unpacked_bytes, "DOCX") as archive:
                if "word/document.xml" not in archive.namelist() and "[Content_Types].xml" not in archive.namelist():
                    raise DataError("not DOCX: a zip archive without a Word document in it")
            document = docx.Document(io.BytesIO(file.data))
            composer = Composer(self._limits.max_text_chars)
            body = DocxBody(composer, DocxStyles(document))
            body.write(document.element.body)
            _write_notes(document, body)
            title = str(document.core_properties.title or "") or body.title
            parsed = composer.parsed(title, _metadata(document))
            if parsed.text:
                yield parsed if parsed.title else composer.parsed(stem_of(file.path), parsed.metadata)


def _metadata(document: Any) -> dict[str, JsonValue]:
    properties = document.core_properties
    found: dict[str, JsonValue] = {}
    for name in ("author", "subject", "keywords", "category"):
        value = str(getattr(properties, name) or "").strip()
        if value and value != "python-docx":
            found[name] = value
    if properties.modified is not None:
        found["modified"] = properties.modified.isoformat()
    return found


def _write_notes(document: Any, body: DocxBody) -> None:
    """Notes and comments, which Word keeps in parts of their own, at the end."""
    for relation in document.part.rels.values():
        kind = relation.reltype.rsplit("/", 1)[-1]
        if kind not in _NOTES or relation.is_external:
            continue
        root = parse_xml(relation.target_part.blob, "DOCX")
        notes = [note for note in root if local_name(note) in {"footnote", "endnote", "comment"}]
        body.write_notes(_NOTES[kind], notes)
