"""What holds for every loader, whatever the file."""

import io
import json
import zipfile
from functools import cache
from itertools import pairwise
from typing import get_args

import docx
import fpdf
import openpyxl
import pptx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.config.ingest import LimitsConfig, LoadersConfig
from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.build import build_loader
from ragcli.records import DocumentType

_TYPES: tuple[DocumentType, ...] = get_args(DocumentType)
_LIMITS = LimitsConfig(max_text_chars=200_000, max_unpacked_bytes=4 * 2**20)
_NASTY = "T\u00eft\u200ble \U0001f600\u2028x\ufeff"


def _saved(document: object) -> bytes:
    file = io.BytesIO()
    document.save(file)  # type: ignore[attr-defined]  # each library's document has it
    return file.getvalue()


def _docx() -> bytes:
    document = docx.Document()
    document.add_heading(_NASTY, 1)
    document.add_paragraph("item", style="List Bullet")
    table = document.add_table(2, 2)
    for cell in [*table.rows[0].cells, *table.rows[1].cells]:
        cell.text = f"{_NASTY}|\n"
    document.add_paragraph(_NASTY)
    return _saved(document)


def _pptx() -> bytes:
    presentation = pptx.Presentation()
    for _ in range(2):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = _NASTY
        slide.placeholders[1].text_frame.text = f"one\ntwo {_NASTY}"
    return _saved(presentation)


def _xlsx() -> bytes:
    workbook = openpyxl.Workbook()
    for row in (["name", "value"], [_NASTY, 1.5], [None, True]):
        workbook.active.append(row)
    return _saved(workbook)


def _pdf() -> bytes:
    document = fpdf.FPDF()
    for number in range(3):
        document.add_page()
        document.set_font("Helvetica", "B", 18)
        document.cell(0, 10, f"Part {number}", new_x="LMARGIN", new_y="NEXT")
        document.set_font("Helvetica", size=10)
        document.multi_cell(0, 5, "Some words of text. " * 20)
    return bytes(document.output())


def _epub() -> bytes:
    package = (
        "<package><metadata><title>B</title></metadata><manifest>"
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="b.opf"/></container>')
        archive.writestr("b.opf", package)
        archive.writestr("a.xhtml", _HTML)
    return file.getvalue()


_MARKDOWN = (
    f"---\ntitle: T\n---\n# {_NASTY}\n\n- a\n  - b\n\n  c\n1. x\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    "```py\nx\n```\n> q\n"
)
_HTML = f"<h1>{_NASTY}</h1><ol><li>a<pre>b</pre>c</ol><table><tr><th>a<th>b<tr><td>1<td>2</table><p>end"
_RST = f"T\n=\n\n{_NASTY}\n\n* a\n\n  * b\n\n  c\n\n==  ==\na   b\n==  ==\n1   2\n==  ==\n"
_TEXT = f"TITLE\n=====\n\n{_NASTY}\n\n - a\n   - b\n\nCAPITALS HERE\n\nend"
_JSON = f'{{"_id": "1", "title": "{_NASTY}", "text": "a\\ud800\\n\\n- b"}}\n{{"_id": "2", "text": "c"}}'
_NOTEBOOK = (
    '{"cells": [{"cell_type": "markdown", "source": "# A\\n\\n- b"},'
    ' {"cell_type": "code", "source": ["x"], "outputs": [{"text": ["y"]}]}], "metadata": {}}'
)


@cache
def _samples() -> dict[DocumentType, bytes]:
    """An ordinary file of every type."""
    return {
        "markdown": _MARKDOWN.encode(),
        "html": _HTML.encode(),
        "xml": f"<?xml version='1.0'?><rss><channel><item><title>{_NASTY}</title></item></channel></rss>".encode(),
        "rst": _RST.encode(),
        "text": _TEXT.encode(),
        "pdf": _pdf(),
        "docx": _docx(),
        "pptx": _pptx(),
        "xlsx": _xlsx(),
        "epub": _epub(),
        "ipynb": _NOTEBOOK.encode(),
        "csv": f"name,value\n{_NASTY},1\nb,2\n".encode(),
        "json": _JSON.encode(),
        "code": f"#!/bin/sh\n\necho '{_NASTY}'\n".encode(),
    }


def _load(type_: DocumentType, data: bytes, config: LoadersConfig | None = None) -> list[Parsed]:
    loader = build_loader(type_, config or LoadersConfig(), _LIMITS)
    return list(loader.load(RawFile("folder/file", data, type_)))


def _check(parsed: Parsed) -> None:
    """Blocks lie in order inside the text, and everything can be stored."""
    text = parsed.text
    text.encode()
    assert text.strip()
    assert "\r" not in text
    for block in parsed.blocks:
        assert 0 <= block.start < block.end <= len(text)
        assert block.header_end == 0 or block.start < block.header_end <= block.end
        assert block.level >= (1 if block.kind in {"heading", "list_item"} else 0)
        assert bool(block.title) == (block.kind == "heading")
        assert text[block.start : block.end].strip()
    assert all(before.end <= after.start for before, after in pairwise(parsed.blocks))
    assert list(parsed.pages) == sorted(parsed.pages)
    assert all(0 <= page <= len(text) for page in parsed.pages)
    json.dumps([parsed.title, parsed.record, parsed.name, parsed.language, dict(parsed.metadata)], allow_nan=False)
    f"{parsed.title}{parsed.record}{parsed.name}".encode()
    json.dumps(dict(parsed.metadata), ensure_ascii=False).encode()


def _read_or_refuse(type_: DocumentType, data: bytes) -> None:
    try:
        found = _load(type_, data)
    except DataError as error:
        assert error.message  # noqa: PT017 - nothing but this error may come, and often none does
        return
    for parsed in found:
        _check(parsed)
    records = [parsed.record for parsed in found]
    assert len(set(records)) == len(records)


_every_type = pytest.mark.parametrize("type_", _TYPES)


@_every_type
def test_an_ordinary_file(type_: DocumentType) -> None:
    found = _load(type_, _samples()[type_])
    assert found
    for parsed in found:
        _check(parsed)
        assert parsed.blocks


@_every_type
def test_the_blocks_hold_every_word(type_: DocumentType) -> None:
    for parsed in _load(type_, _samples()[type_]):
        rest = list(parsed.text)
        for block in parsed.blocks:
            rest[block.start : block.end] = " " * (block.end - block.start)
        assert not "".join(rest).strip()


@_every_type
def test_the_same_bytes_give_the_same_documents(type_: DocumentType) -> None:
    data = _samples()[type_]
    loader = build_loader(type_, LoadersConfig(), _LIMITS)
    first, second = (list(loader.load(RawFile("a", data, type_))) for _ in range(2))
    assert first == second == list(build_loader(type_, LoadersConfig(), _LIMITS).load(RawFile("a", data, type_)))


@_every_type
@pytest.mark.parametrize(
    "data", [b"", b"\n", b" \t\r\n", b"\0" * 100, b"\xff\xfe", b"\xef\xbb\xbf", b"PK\x05\x06" + b"\0" * 18]
)
def test_next_to_nothing(type_: DocumentType, data: bytes) -> None:
    try:
        assert _load(type_, data) == []
    except DataError as error:
        assert error.message  # noqa: PT017 - both outcomes are right


@_every_type
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_random_bytes(type_: DocumentType, data: bytes) -> None:
    _read_or_refuse(type_, data)


@_every_type
@settings(max_examples=40, deadline=None)
@given(
    where=st.floats(0, 1),
    length=st.integers(0, 40),
    instead=st.binary(max_size=40)
    | st.sampled_from([b"<", b">", b"{", b"[" * 50, b"\r", b"\x80", b"&#0;", b"--", b"|"]),
)
def test_a_file_with_a_hole(type_: DocumentType, where: float, length: int, instead: bytes) -> None:
    data = _samples()[type_]
    start = int(where * len(data))
    _read_or_refuse(type_, data[:start] + instead + data[start + length :])


@pytest.mark.parametrize("type_", ["docx", "pptx", "xlsx", "epub"])
@settings(max_examples=60, deadline=None)
@given(
    entry=st.floats(0, 0.999),
    where=st.floats(0, 1),
    length=st.integers(0, 60),
    instead=st.binary(max_size=20) | st.sampled_from([b"<", b"/>", b'"', b"-1", b"99999999999", b"x" * 50, b"&a;"]),
)
def test_an_archive_with_a_hole_in_a_part(
    type_: DocumentType, entry: float, where: float, length: int, instead: bytes
) -> None:
    """The archive is whole, so that the damage reaches the library behind it."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_samples()[type_])) as old, zipfile.ZipFile(file, "w") as new:
        names = old.namelist()
        for name in names:
            data = old.read(name)
            if name == names[int(entry * len(names))]:
                start = int(where * len(data))
                data = data[:start] + instead + data[start + length :]
            new.writestr(name, data)
    _read_or_refuse(type_, file.getvalue())


@_every_type
def test_every_limit_on_text_holds(type_: DocumentType) -> None:
    limits = LimitsConfig(max_text_chars=3)
    with pytest.raises(DataError, match="longer than 3 characters of text") as caught:
        list(build_loader(type_, LoadersConfig(), limits).load(RawFile("a", _samples()[type_], type_)))
    assert "max_text_chars" in caught.value.hint
