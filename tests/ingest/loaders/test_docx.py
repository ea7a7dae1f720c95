import io
import zipfile
from collections.abc import Callable
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from tests.ingest.loaders.conftest import headers, load, load_all, outline

from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed

_MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def saved(document: Any) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def written(write: Callable[[Any], object]) -> bytes:
    document = docx.Document()
    write(document)
    return saved(document)


def paragraph(inner: str) -> Any:
    return parse_xml(f"<w:p {nsdecls('w')} {_MATH}>{inner}</w:p>")


def replaced(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with one of its entries changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            content = old.read(entry)
            new.writestr(entry, change(content) if entry == name else content)
    return file.getvalue()


def handbook(document: Any) -> None:
    document.core_properties.author = "Ada"
    document.core_properties.keywords = "backup"
    document.add_paragraph("The handbook", style="Title")
    document.add_heading("Storage\u00a0plan", 1)
    text = document.add_paragraph("Keep ")
    text.add_run("three").bold = True
    text.add_run(" copies.")
    text.add_run().add_break()
    text.add_run("Always.")
    document.add_heading("Steps", 2)
    for words in ("Stop", "Copy"):
        document.add_paragraph(words, style="List Number")
    document.add_paragraph("detail", style="List Bullet 2")
    table = document.add_table(3, 3)
    cells = [["Host", "Disk", ""], ["a|b", "2 TB", "x"], ["c", "4 TB", "y"]]
    for row, values in zip(table.rows, cells, strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(1, 0).merge(table.cell(2, 0))
    document.add_table(1, 1).cell(0, 0).text = "A box around text"


@pytest.fixture(scope="module")
def page() -> Parsed:
    return load("docx", written(handbook), "handbook.docx")


def test_blocks(page: Parsed) -> None:
    assert outline(page) == [
        ("heading1", "The handbook"),
        ("heading1", "Storage plan"),
        ("paragraph", "Keep three copies.\nAlways."),
        ("heading2", "Steps"),
        ("list_item1", "1. Stop"),
        ("list_item1", "2. Copy"),
        ("list_item1", "- detail"),
        ("table", "| Host | Disk |  |\n| --- | --- | --- |\n| a\\|b c | 2 TB | x |\n| a\\|b c | 4 TB | y |"),
        ("paragraph", "A box around text"),
    ]
    assert headers(page) == ["| Host | Disk |  |\n| --- | --- | --- |"]


def test_title_and_metadata(page: Parsed) -> None:
    assert page.title == "The handbook"
    assert page.metadata == {"author": "Ada", "keywords": "backup", "modified": "2013-12-23T23:15:00+00:00"}

    def write(document: Any) -> None:
        document.core_properties.title = "Set"
        document.add_paragraph("The handbook", style="Title")

    assert load("docx", written(write)).title == "Set"
    assert load("docx", written(lambda document: document.add_paragraph("x")), "a/plan.v2.docx").title == "plan.v2"


def test_changes_keep_what_is_in_force() -> None:
    inner = (
        '<w:del w:id="1" w:author="a"><w:r><w:delText>old</w:delText></w:r></w:del>'
        '<w:ins w:id="2" w:author="a"><w:r><w:t>new</w:t></w:r></w:ins>'
        '<w:r><w:t xml:space="preserve"> text</w:t><w:tab/><w:noBreakHyphen/><w:softHyphen/><w:t>x</w:t></w:r>'
        "<w:r><w:instrText>PAGE</w:instrText></w:r><w:hyperlink><w:r><w:t>link</w:t></w:r></w:hyperlink>"
    )
    data = written(lambda document: document.element.body.insert(0, paragraph(inner)))
    assert load("docx", data).text == "new text -xlink"


def test_formulas() -> None:
    def run(text: str) -> str:
        return f"<m:r><m:t>{text}</m:t></m:r>"

    fraction = f"<m:f><m:num>{run('a+b')}</m:num><m:den>{run('c')}</m:den></m:f>"
    power = f"<m:sSup><m:e>{run('x')}</m:e><m:sup>{run('10')}</m:sup></m:sSup>"
    index = f"<m:sSubSup><m:e>{run('x')}</m:e><m:sub>{run('i')}</m:sub><m:sup>{run('2')}</m:sup></m:sSubSup>"
    root = f"<m:rad><m:deg/><m:e>{run('y')}</m:e></m:rad>"
    cube = f"<m:rad><m:deg>{run('3')}</m:deg><m:e>{run('y')}</m:e></m:rad>"
    total = (
        f'<m:nary><m:naryPr><m:chr m:val="\u2211"/></m:naryPr><m:sub>{run("i=0")}</m:sub><m:sup>{run("n")}</m:sup>'
        f"<m:e>{run('i')}</m:e></m:nary>"
    )
    brackets = (
        '<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr>'
        f"<m:e>{run('a')}</m:e><m:e>{run('b')}</m:e></m:d>"
    )
    sine = f"<m:func><m:fName>{run('sin' + chr(0x2061))}</m:fName><m:e>{run(chr(0x3B8))}</m:e></m:func>"
    matrix = f"<m:m><m:mr><m:e>{run('1')}</m:e><m:e>{run('2')}</m:e></m:mr><m:mr><m:e>{run('3')}</m:e></m:mr></m:m>"
    for source, text in [
        (fraction, "(a+b)/c"),
        (power, "x^(10)"),
        (index, "x_i^2"),
        (root, "sqrt(y)"),
        (cube, "root(3, y)"),
        (total, "\u2211_(i=0)^(n) i"),
        (brackets, "[a|b]"),
        (sine, "sin \u03b8"),
        (matrix, "1, 2; 3"),
    ]:
        inner = f"<w:r><w:t>f: </w:t></w:r><m:oMath>{source}</m:oMath>"
        document = docx.Document()
        document.element.body.insert(0, paragraph(inner))
        assert load("docx", saved(document)).text == f"f: {text}"


def test_comments_and_footnotes_come_last() -> None:
    def write(document: Any) -> None:
        run = document.add_paragraph().add_run("Checked")
        document.add_comment(run, text="Really?", author="Bo", initials="B")

    assert outline(load("docx", written(write))) == [
        ("paragraph", "Checked"),
        ("heading2", "Comments"),
        ("list_item1", "- Bo: Really?"),
    ]


def test_numbers_of_lists_go_on_and_restart_below() -> None:
    def write(document: Any) -> None:
        for depth in (0, 0, 1, 1, 0, 1):
            item = document.add_paragraph(f"d{depth}", style="List Number")
            properties = item._p.get_or_add_pPr().get_or_add_numPr()
            properties.get_or_add_numId().val = 7
            properties.get_or_add_ilvl().val = depth

    numbering = (
        b'<w:abstractNum w:abstractNumId="90">'
        b'<w:lvl w:ilvl="0"><w:start w:val="4"/><w:numFmt w:val="decimal"/></w:lvl>'
        b'<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/></w:lvl></w:abstractNum>'
        b'<w:num w:numId="7"><w:abstractNumId w:val="90"/></w:num>'
    )
    data = replaced(
        written(write),
        "word/numbering.xml",
        lambda xml: xml.split(b"<w:abstractNum ", 1)[0] + numbering + b"</w:numbering>",
    )
    assert [text for _, text in outline(load("docx", data))] == ["4. d0", "5. d0", "1. d1", "2. d1", "6. d0", "1. d1"]


def test_text_boxes_are_read_once() -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent>"
    inner = (
        '<w:r xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:AlternateContent>'
        f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r>"
        "<w:r><w:t>Around it</w:t></w:r>"
    )
    data = written(lambda document: document.element.body.insert(0, paragraph(inner)))
    assert outline(load("docx", data)) == [("paragraph", "Around it"), ("paragraph", "In a box")]


def test_tables_of_contents_are_left_out() -> None:
    def write(document: Any) -> None:
        style = document.styles.add_style("toc 1", 1)
        document.add_paragraph("Steps ........ 3", style=style)
        document.add_paragraph("Body")

    assert load("docx", written(write)).text == "Body"


def test_documents_without_text_give_nothing() -> None:
    assert load_all("docx", written(lambda document: None)) == []


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        (
            '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;">]>',
            "refused: 'word/document.xml' declares XML entities",
        ),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd">', "refused: 'word/document.xml' declares XML entities"),
    ],
)
def test_entities_are_refused(entity: str, reason: str) -> None:
    data = replaced(
        written(lambda document: document.add_paragraph("x")),
        "word/document.xml",
        lambda xml: xml.replace(b"?>", b"?>" + entity.encode(), 1),
    )
    with pytest.raises(DataError) as caught:
        load_all("docx", data)
    assert caught.value.message == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[: len(data) // 2], "truncated or damaged DOCX"),
        (lambda data: b"", "empty file, not DOCX"),
        (lambda data: b"no zip", "not DOCX: it is no zip archive"),
        (lambda data: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old binary Office format, not DOCX"),
        (
            lambda data: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "password protected DOCX",
        ),
        (lambda data: replaced(data, "word/document.xml", lambda xml: xml[:-20]), "damaged or not DOCX"),
        (lambda data: replaced(data, "[Content_Types].xml", lambda xml: b"<a/>"), "damaged or not DOCX"),
        (
            lambda data: replaced(
                data,
                "word/document.xml",
                lambda xml: xml.replace(b"<w:body>", b"<w:body>" + b"<w:sdt>" * 5000 + b"</w:sdt>" * 5000),
            ),
            "damaged or not DOCX",
        ),
    ],
)
def test_damaged_files_say_why(change: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        load_all("docx", change(written(lambda document: document.add_paragraph("x"))))
