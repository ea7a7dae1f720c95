import codecs
import io
import zipfile

import pytest

from ragcli.ingest.detect import SUPPORTED_SUFFIXES, detect_type, is_binary, language_of, refusal, suffix_of

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0"


def package(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "application/epub+zip" if name == "mimetype" else "x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("path", "head", "type_"),
    [
        ("a/README.md", b"# hi", "markdown"),
        ("A.MD", b"", "markdown"),
        ("v1.2.html", b"no tags", "html"),
        ("feed.xml", b"<?xml", "xml"),
        ("feed.atom", b"<feed>", "xml"),
        ("page.xml", b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0'><html>", "html"),
        ("page.xml", "\ufeff<?xml version='1.0'?><HTML xmlns='x'>".encode("utf-16-le"), "html"),
        ("page.xhtml", b"<?xml version='1.0'?>", "html"),
        ("a.rst", b"", "rst"),
        ("a.log", b"x", "text"),
        ("a.tsv", b"x", "csv"),
        ("a.ndjson", b"x", "json"),
        ("a.ipynb", b"x", "ipynb"),
        ("a.docm", b"anything", "docx"),
        ("a.py", b"x", "code"),
        ("Makefile", b"x", "code"),
        ("CMakeLists.txt", b"x", "code"),
        ("report.txt", b"%PDF-1.7\n\0", "pdf"),
        ("report", b"%PDF-1.7\n\0", "pdf"),
        ("wide.txt", codecs.BOM_UTF16_LE + "text".encode("utf-16-le"), "text"),
        ("wide.md", codecs.BOM_UTF32_BE + "text".encode("utf-32-be"), "markdown"),
        ("old.txt", "caf\u00e9".encode("latin-1"), "text"),
        ("mojibake.csv", "\u4f50\u85e4".encode("shift_jis"), "csv"),
    ],
)
def test_the_name_decides(path: str, head: bytes, type_: str) -> None:
    assert detect_type(path, head) == type_


@pytest.mark.parametrize(
    ("head", "type_"),
    [
        (b"Just words.", "text"),
        (b"", "text"),
        (b"\xef\xbb\xbf<!DOCTYPE html><p>", "html"),
        (b"<!-- a --> <html>", "html"),
        (b"<?xml version='1.0'?><rss>", "xml"),
        (b"<?xml version='1.0'?><html>", "html"),
        (b"<b>no page</b>", "text"),
        (b'{"cells": [{"cell_type": "code"}]}', "ipynb"),
        (b'{"a": 1}', "json"),
        (b'[{"a": 1}]', "json"),
        (b"[see below]", "text"),
        (b"#!/usr/bin/env python3\n", "code"),
        (b"#!/usr/bin/unknown\n", "text"),
        (package("mimetype"), "epub"),
        (package("[Content_Types].xml", "word/document.xml"), "docx"),
        (package("ppt/presentation.xml"), "pptx"),
        (package("xl/workbook.xml"), "xlsx"),
        (package("other.txt"), None),
        (PNG, None),
        (bytes(range(1, 30)) * 9, None),
    ],
)
def test_without_a_telling_name_the_bytes_decide(head: bytes, type_: str | None) -> None:
    assert detect_type("folder/NOTES", head) == type_
    assert detect_type("no suffix. Really", head) == type_


@pytest.mark.parametrize(
    ("path", "head", "reason"),
    [
        ("a.md", PNG, "binary content, not a document although it is named .md"),
        ("a.py", PNG, "binary content, not a document although it is named .py"),
        ("a.weird", PNG, "binary content, not a document"),
        ("a.weird", b"text", "not supported: no loader for .weird files"),
        ("a.xls", OLE, "not supported: the old Excel format; save it as .xlsx"),
        ("a.msg", OLE, "not supported: an Outlook message; save it as .html or .txt"),
        ("a", OLE, "not supported: an old binary Office file; save it in the current format"),
        ("a.PNG", PNG, "not supported: an image; text in it needs OCR"),
        ("a.mp3", b"ID3", "not supported: audio or video; it needs a transcript"),
        ("a.tar.gz", b"\x1f\x8b", "not supported: an archive; unpack it"),
        ("a.md", package("x"), "not supported: an archive; unpack it"),
        ("a", bytes(range(1, 30)) * 9, "not supported: no document that is known"),
    ],
)
def test_what_is_refused_and_why(path: str, head: bytes, reason: str) -> None:
    assert detect_type(path, head) is None
    assert refusal(path, head) == reason


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.MD", ".md"), ("a.tar.gz", ".gz"), (".bashrc", ""), ("a.", ""), ("v1.2", ""), ("a. b", ""), ("a.b-c", ".b-c")],
)
def test_suffixes(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix


def test_binary_is_a_zero_byte_without_a_mark() -> None:
    assert is_binary(b"a\0")
    assert not is_binary(codecs.BOM_UTF16_BE + b"\0a")
    assert not is_binary(b"\xff\xfe\xfd")


def test_languages() -> None:
    assert language_of("a/b.rs") == "rust"
    assert language_of("run", b"#!/bin/bash\n") == "shell"
    assert language_of("notes.md", b"#!/bin/bash\n") == ""
    assert language_of("a/CMakeLists.txt") == "cmake"


def test_every_supported_suffix_is_read() -> None:
    assert {suffix for suffix in SUPPORTED_SUFFIXES if detect_type(f"a{suffix}", b"text") is None} == set()
