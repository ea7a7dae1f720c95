"""Files that mean harm, or are broken: the rest is read, each is told with its reason, what was there before stays."""

import io
import json
import os
import resource
import zipfile
from pathlib import Path
from typing import Any

import docx
import fpdf
import openpyxl
import pytest
from tests.ingest.conftest import Site, paths, reasons

from ragcli.cli import main
from ragcli.ingest.result import Progress
from ragcli.ingest.sources import Selection
from ragcli.ingest.sync import SyncOptions, sync

MIB = 2**20


def saved(document: Any) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def with_entry(data: bytes, name: str, content: bytes) -> bytes:
    """The archive with an entry added or replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            if entry != name:
                new.writestr(entry, old.read(entry))
        new.writestr(name, content)
    return file.getvalue()


def word(text: str) -> bytes:
    document = docx.Document()
    document.add_paragraph(text)
    return saved(document)


def portable(text: str, password: str = "") -> bytes:
    document = fpdf.FPDF()
    document.add_page()
    document.set_font("Helvetica", size=12)
    document.multi_cell(0, 6, text)
    if password:
        document.set_encryption("owner", user_password=password)
    return bytes(document.output())


def epub(chapter: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="b.opf"/></container>')
        archive.writestr(
            "b.opf",
            '<package><manifest><item id="a" href="a.xhtml" media-type="text/html"/></manifest>'
            '<spine><itemref idref="a"/></spine></package>',
        )
        archive.writestr("a.xhtml", chapter)
    return file.getvalue()


def hostile() -> dict[str, tuple[bytes, str]]:
    """Content and the beginning of the reason of files that cannot be read."""
    sheet = saved(openpyxl.Workbook())
    laughs = b'<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><w:document/>'
    return {
        "binary.md": (b"\x7fELF\0\1\2", "binary content, not a document although it is named .md"),
        "bomb.docx": (
            with_entry(word("x"), "word/media/a.bin", b"\0" * 40 * MIB),
            "zip bomb: unpacks to",
        ),
        "bomb.epub": (epub(b" " * 9 * MIB), "zip bomb: unpacks to"),
        "bomb.xlsx": (with_entry(sheet, "xl/worksheets/sheet1.xml", b" " * 9 * MIB), "zip bomb: unpacks to"),
        "deep.docx": (
            with_entry(word("x"), "word/document.xml", b"<a>" * 100_000),
            "damaged or not DOCX",
        ),
        "deep.html": (b"<div>" * 50_000 + b"x", "nested too deeply to be read as HTML"),
        "deep.json": (b'{"a":' * 200_000, "JSON nested too deeply"),
        "encrypted.pdf": (portable("secret", "password"), "password protected PDF; save it without a password"),
        "half.json": (b'{"text": "a"', "line 1: not JSON"),
        "laughs.docx": (with_entry(word("x"), "word/document.xml", laughs), "refused: 'word/document.xml' declares"),
        "long.txt": (b"x" * (3 * MIB), "longer than 2097152 characters of text"),
        "noise.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 40 + b"\n%%EOF\n", "truncated or damaged PDF"),
        "old.docx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old binary Office format, not DOCX"),
        "slow.rst": (b"|a\n" * 60_000, "reading it took longer than ingest.limits.max_parse_s allows"),
        "truncated.pdf": (portable("words " * 500)[:-400], "truncated PDF: its end is missing"),
    }


def before_it(name: str) -> bytes:
    """A harmless file to stand where a hostile one will be."""
    text = f"What {name} said before."
    match Path(name).suffix:
        case ".pdf":
            return portable(text)
        case ".docx":
            return word(text)
        case ".json":
            return json.dumps({"text": text}).encode()
        case _:
            return text.encode()


LIMITS = {"max_unpacked_bytes": 8 * MIB, "max_text_chars": 2 * MIB, "max_parse_s": 2}


def test_one_hostile_file_never_stops_the_rest(site: Site) -> None:
    site.ingest = {"limits": LIMITS, "workers": 2}
    expected = hostile()
    for name in expected:
        site.write(name, before_it(name))
    site.write("good.docx", word("A good document."))
    site.write("good.md", "A good page.")
    first = site.run()
    assert sorted(reasons(first.failed)) == ["bomb.epub", "bomb.xlsx"]  # at first no book and no workbook
    before = site.texts()

    for name, (content, _) in expected.items():
        site.write(name, content)
    os.mkfifo(site.docs / "pipe.md")
    (site.docs / "loop").symlink_to("loop")
    site.write("good.md", "A better page.")
    result = site.run()
    told = reasons(result.failed)
    assert reasons(result.skipped) == {"pipe.md": "a named pipe, not a file"}
    assert told.pop("loop") == "a symbolic link that leads back to itself"
    assert sorted(told) == sorted(expected)
    for name, (_, reason) in expected.items():
        assert told[name].startswith(reason), (name, told[name])
    assert (paths(result.changed), result.removed) == (["good.md"], ())
    assert site.texts() == {**before, "good.md": "A better page."}


def status(arguments: list[str]) -> object:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code


def test_strict_ends_with_status_4(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write("a.md", "words")
    site.write("b.md", b"\0")
    monkeypatch.chdir(site.base)
    command = ["ingest", "docs", "-w", "ws", "--set", "index.embedder.kind=hashing"]
    assert status(command) == 0
    assert "failed: b.md: binary content" in capsys.readouterr().err
    assert status([*command, "--strict"]) == 4
    assert "1 file could not be read" in capsys.readouterr().err
    assert site.texts() == {"a.md": "words"}


def test_a_file_that_vanishes_while_others_are_read(site: Site) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        site.write(name, f"{name} before")
    site.run()
    for name in ("a.txt", "b.txt", "c.txt"):
        site.write(name, f"{name} after, longer")

    def remove(progress: Progress) -> None:
        if progress.files == 1:
            (site.docs / "b.txt").unlink()

    result = sync(site.config(), site.base, SyncOptions(Selection((str(site.docs),))), remove)
    assert reasons(result.failed) == {"b.txt": "no such file or directory"}
    expected = {"a.txt": "a.txt after, longer", "b.txt": "b.txt before", "c.txt": "c.txt after, longer"}
    assert site.texts() == expected
    assert paths(site.run().removed) == ["b.txt"]


def test_a_run_that_is_interrupted_keeps_what_it_had_and_goes_on(site: Site) -> None:
    for number in range(200):
        site.write(f"{number:03}.txt", f"document {number}")

    def interrupt(progress: Progress) -> None:
        if progress.files == 150:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(site.config(), site.base, SyncOptions(Selection((str(site.docs),))), interrupt)
    stored = len(site.texts())
    assert 64 <= stored < 150  # whole batches
    result = site.run()
    assert (site.read, result.unchanged, result.documents) == (200 - stored, stored, 200)


def test_a_file_that_may_not_be_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    file = site.write("a.md", "before")
    site.write("b.md", "b")
    site.run()
    site.write("a.md", "after, longer")
    opened = os.open

    def refuse(path: Any, *more: Any, **others: Any) -> int:
        if path == str(file):
            raise PermissionError(13, "Permission denied", path)  # as the system does for anyone but root
        return opened(path, *more, **others)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        result = site.run()
    assert (reasons(result.failed), result.unchanged) == ({"a.md": "permission denied"}, 1)
    assert site.texts() == {"a.md": "before", "b.md": "b"}
    assert paths(site.run().changed) == ["a.md"]  # nothing but the permission had changed


def test_a_folder_that_may_not_be_listed_is_not_empty(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write("locked/deep/a.md", "a")
    site.write("b.md", "b")
    site.run()
    scanned = os.scandir

    def refuse(path: Any) -> Any:
        if str(path) == str(site.docs / "locked"):
            raise PermissionError(13, "Permission denied", path)
        return scanned(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        result = site.run()
    assert reasons(result.failed) == {"locked/": "the folder cannot be listed: permission denied"}
    assert (result.removed, sorted(site.texts())) == ((), ["b.md", "locked/deep/a.md"])
    assert site.run().unchanged == 2


def test_memory_stays_bounded(site: Site) -> None:
    outputs = [{"output_type": "stream", "text": "y" * 20_000_000}]
    notebook = {"cells": [{"cell_type": "code", "source": "run()", "outputs": outputs}], "metadata": {}}
    site.write("huge.ipynb", json.dumps(notebook))
    site.write("wide.csv", ",".join(["1"] * 300_000) + "\n")
    site.write("line.txt", "word " * 1_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = site.run(workers=2)
    assert result.failed == ()
    assert sorted(paths(result.added)) == ["huge.ipynb", "line.txt", "wide.csv"]
    assert len(site.texts()["huge.ipynb"]) < 2000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB, in the process that writes
