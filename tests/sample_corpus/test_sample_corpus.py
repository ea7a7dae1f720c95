"""The sample corpus is complete, its judgements are valid and its documents agree with each other."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import docx
import pypdfium2
import pytest
from docutils.core import publish_doctree
from markdown_it import MarkdownIt

CORPUS = Path(__file__).resolve().parents[2] / "sample_corpus"
DOCS = CORPUS / "docs"
BINARIES = {".pdf", ".docx"}
HTML_BOILERPLATE = {"script", "style", "nav", "header", "footer", "aside", "head"}
CONFIG_SECTIONS = (
    "control|api|ingest|vault|retention|restore|replication|agent|notify|audit|telemetry|licence"
    "|network|store|keep|jobs|agents|http|hooks|repl"
)
CONFIG_LOOKALIKES = {"agent.log", "restore.completed"}
COMMAND_GROUPS = (
    "agent|job|snapshot|restore|policy|vault|repl|cert|token|config|licence|disk|upgrade|support|audit|migrate"
)


def pdf_text(path: Path) -> str:
    """Return the text of all pages of a PDF."""
    document = pypdfium2.PdfDocument(path)
    try:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()
    return "\n".join(pages).replace("\r\n", "\n")


def docx_text(path: Path) -> str:
    """Return the paragraphs and the cells of a DOCX."""
    document = docx.Document(str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([paragraph.text for paragraph in document.paragraphs] + cells)


def document_paths() -> list[Path]:
    """Return all files that a user ingests."""
    return sorted(path for path in DOCS.rglob("*") if path.is_file())


@cache
def texts() -> dict[str, str]:
    """Return the text of every document by name; records of JSONL files count as documents."""
    found: dict[str, str] = {}
    for path in document_paths():
        name = path.relative_to(DOCS).as_posix()
        if path.suffix == ".pdf":
            found[name] = pdf_text(path)
        elif path.suffix == ".docx":
            found[name] = docx_text(path)
        elif path.suffix == ".jsonl":
            for record in jsonl(path):
                found[record["id"]] = f"{record['title']}\n{record['text']}"
        else:
            found[name] = path.read_text(encoding="utf-8")
    return found


def jsonl(path: Path) -> list[dict[str, Any]]:
    """Read a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@cache
def questions() -> list[dict[str, Any]]:
    """Return the questions with their judgements."""
    return jsonl(CORPUS / "queries.jsonl")


def mentions(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the document and the matched text of every occurrence of a pattern."""
    for name, text in texts().items():
        for match in re.finditer(pattern, text):
            yield name, match.group()


def table_column(name: str, pattern: str) -> list[str]:
    """Return what a pattern finds at the beginning of the rows of the tables of a Markdown page."""
    return re.findall(rf"^\| `?({pattern})`? \|", texts()[name], flags=re.MULTILINE)


# ------------------------------------------------------------------ documents


def test_there_are_at_least_forty_documents_of_every_required_format() -> None:
    """The corpus has the size and the formats that the README promises."""
    formats = Counter(path.suffix for path in document_paths())
    assert sum(formats.values()) >= 40
    assert {".md", ".html", ".txt", ".rst", ".csv", ".jsonl", ".py", ".rs", ".pdf", ".docx"} <= set(formats)
    assert formats[".pdf"] == formats[".docx"] == 1


@pytest.mark.parametrize("name", sorted(texts()))
def test_document_is_real_text_without_dashes_or_machine_paths(name: str) -> None:
    """Every document has text, uses no dash of the typographic kind and names no place of a workplace."""
    text = texts()[name]
    assert len(text.split()) >= 30
    assert not re.search("[\u2012-\u2015]", text)
    assert not re.search(r"(?<![\w/.])/(?:work|root|home|Users)/", text)


def test_record_identifiers_are_unique_and_fields_complete() -> None:
    """Each record of the JSONL file has the four fields and an identifier of its own."""
    records = jsonl(DOCS / "data" / "support-tickets.jsonl")
    assert len({record["id"] for record in records}) == len(records) >= 15
    assert all(set(record) == {"id", "title", "text", "metadata"} for record in records)


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.csv")), ids=lambda path: path.name)
def test_csv_rows_have_as_many_cells_as_the_header(path: Path) -> None:
    """A CSV file is rectangular and has at least thirty rows."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert len(rows) > 30
    assert {len(row) for row in rows} == {len(rows[0])}


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.rst")), ids=lambda path: path.name)
def test_restructured_text_parses_without_complaint(path: Path) -> None:
    """Docutils reads each page without a single message."""
    settings = {"report_level": 1, "halt_level": 1}
    tree = publish_doctree(path.read_text(encoding="utf-8"), settings_overrides=settings)
    assert tree.astext()


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.py")), ids=lambda path: path.name)
def test_python_sources_compile(path: Path) -> None:
    """The Python SDK is valid Python."""
    compile(path.read_text(encoding="utf-8"), str(path), "exec")


def test_binaries_are_what_the_script_makes(tmp_path: Path) -> None:
    """Running the script again gives the same bytes, and in any case the same text."""
    script = CORPUS / "make_binaries.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, capture_output=True)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert made == [path.relative_to(DOCS) for path in document_paths() if path.suffix in BINARIES]
    for name in made:
        read = pdf_text if name.suffix == ".pdf" else docx_text
        assert read(tmp_path / name) == read(DOCS / name)


def test_datasheet_has_several_pages() -> None:
    """The PDF is long enough to test pages."""
    document = pypdfium2.PdfDocument(DOCS / "product" / "datasheet.pdf")
    try:
        assert len(document) >= 3
    finally:
        document.close()


# ------------------------------------------------------------------ questions


def test_question_identifiers_are_unique_and_there_are_enough() -> None:
    """No identifier and no wording occurs twice, and every reference answer has content."""
    assert len(questions()) >= 75
    assert len({question["id"] for question in questions()}) == len(questions())
    assert len({question["question"] for question in questions()}) == len(questions())
    assert all(question["answer"].strip() for question in questions())


@pytest.mark.parametrize(
    ("tag", "least"),
    [
        ("paraphrase", 20),
        ("identifier", 12),
        ("near-duplicate", 10),
        ("two-documents", 10),
        ("no-answer", 8),
        ("table", 5),
        ("code", 5),
        ("pdf", 3),
        ("docx", 3),
        ("csv", 3),
        ("jsonl", 3),
    ],
)
def test_kinds_of_questions(tag: str, least: int) -> None:
    """Each kind of difficulty occurs often enough."""
    assert sum(tag in question["tags"] for question in questions()) >= least


def test_a_few_questions_must_pass() -> None:
    """Golden questions exist, and each of them can be answered."""
    golden = [question for question in questions() if question["must_pass"]]
    assert 5 <= len(golden) <= 10
    assert all(2 in question["relevant"].values() for question in golden)


@pytest.mark.parametrize("question", questions(), ids=lambda question: str(question["id"]))
def test_judgements_of_question(question: dict[str, Any]) -> None:
    """Judged documents exist, and every quote occurs exactly once in a judged document."""
    assert set(question) == {"id", "question", "relevant", "spans", "answer", "must_pass", "tags"}
    relevant = question["relevant"]
    assert set(relevant) <= set(texts())
    assert set(relevant.values()) <= {1, 2}
    assert (not relevant) == (not question["spans"]) == ("no-answer" in question["tags"])
    assert not relevant or 2 in relevant.values()
    if "two-documents" in question["tags"]:
        assert list(relevant.values()).count(2) >= 2
    for span in question["spans"]:
        assert span["document"] in relevant
        assert 20 <= len(span["quote"]) <= 300
        assert "\n" not in span["quote"]
        assert texts()[span["document"]].count(span["quote"]) == 1


class TextOfHtml(HTMLParser):
    """Collects the text outside of boilerplate."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enter an element."""
        self.depth += tag in HTML_BOILERPLATE

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        self.depth -= tag in HTML_BOILERPLATE

    def handle_data(self, data: str) -> None:
        """Keep text."""
        if not self.depth:
            self.parts.append(data)


def rendered(name: str, text: str) -> str:
    """Return the text of a marked-up document without its markup."""
    if name.endswith(".html"):
        parser = TextOfHtml()
        parser.feed(text)
        return "".join(parser.parts)
    if name.endswith(".rst"):
        return str(publish_doctree(text, settings_overrides={"report_level": 5}).astext())
    if name.endswith(".md"):
        parser_md = MarkdownIt("commonmark").enable("table")
        tokens = [child for token in parser_md.parse(text) for child in (token.children or [token])]
        return "\n".join(token.content for token in tokens)
    return text


def test_quotes_survive_the_removal_of_markup() -> None:
    """A quote contains no markup, so that it is found in what a loader extracts."""
    for question in questions():
        for span in question["spans"]:
            name = span["document"]
            assert span["quote"] in rendered(name, texts()[name]), (question["id"], span)


# ------------------------------------------------------------------ consistency


def test_every_error_code_is_in_the_reference() -> None:
    """The error code reference is complete and lists no code twice."""
    known = table_column("reference/error-codes.md", r"MRL-\d{4}")
    assert len(known) == len(set(known)) >= 40
    assert {code for _, code in mentions(r"MRL-\d{4}")} == set(known)


def test_http_status_next_to_an_error_code_agrees_with_the_reference() -> None:
    """Where a page states a status and a code together, the reference states the same status."""
    row = re.compile(r"^\| (MRL-\d{4}) \| \w+ \| (\d{3}|-) \|", flags=re.MULTILINE)
    status = dict(row.findall(texts()["reference/error-codes.md"]))
    pairs = [
        (name, *match.groups())
        for name, text in texts().items()
        for match in re.finditer(r"\b(\d{3}) and (MRL-\d{4})", text)
    ]
    assert len(pairs) >= 10
    assert [pair for pair in pairs if status[pair[2]] != pair[1]] == []


def test_every_configuration_key_is_in_a_reference() -> None:
    """Each key of either generation that a page mentions has a row in its reference."""
    new = table_column("reference/configuration.md", r"[a-z]+\.[a-z_]+")
    old = table_column("reference/configuration-v2.md", r"[a-z0-9]+\.[a-z_]+")
    assert len(new) == len(set(new)) >= 40
    assert len(old) == len(set(old)) >= 20
    pattern = rf"(?<![\w./-])(?:{CONFIG_SECTIONS})\.[a-z_]+\b(?!\()"
    unknown = {(name, key) for name, key in mentions(pattern) if key not in {*new, *old} | CONFIG_LOOKALIKES}
    assert unknown == set()


def test_every_command_is_in_the_command_line_reference() -> None:
    """Each command of the tool that a page shows has a heading in the reference."""
    known = set(re.findall(r"^### (marl [a-z]+ [a-z-]+)$", texts()["reference/cli.md"], flags=re.MULTILINE))
    used = set(mentions(rf"(?<![\w-])marl (?:{COMMAND_GROUPS}) [a-z][a-z-]+"))
    assert {pair for pair in used if pair[1] not in known} == set()


def test_every_metric_is_in_the_table_of_series() -> None:
    """Each series that a page mentions is in the table of the page about monitoring."""
    known = set(table_column("handbook/monitoring.md", "marl_[a-z_]+"))
    assert {series for _, series in mentions(r"\bmarl_[a-z]+_[a-z_]+\b")} <= known


def test_references_to_tickets_incidents_articles_and_releases_resolve() -> None:
    """Numbers of tickets, incidents, articles and releases exist where they are defined."""
    names = set(texts())
    assert {ticket for _, ticket in mentions(r"TCK-\d+")} <= names
    incidents = {Path(name).stem.upper() for name in names if name.startswith("incidents/")}
    assert {number for _, number in mentions(r"INC-\d{4}-\d{3}")} == incidents
    with (DOCS / "data" / "price-list.csv").open(encoding="utf-8", newline="") as stream:
        articles = {row["sku"] for row in csv.DictReader(stream)}
    assert {article for _, article in mentions(r"\bMS-[A-Z0-9]+(?:-[A-Z0-9]+)+")} - articles == {"MS-DS-32"}
    releases = set(re.findall(r"^(\d\.\d\.\d) ", texts()["releases/changelog.txt"], flags=re.MULTILINE))
    assert {number for _, number in mentions(r"(?<![\d.])[23]\.\d\.\d(?![\d.])")} <= releases


def test_ports_are_listed_on_the_page_about_networking() -> None:
    """Each TCP port that a page asks for is in a table of the page about networking."""
    known = set(table_column("handbook/networking.md", r"\d+"))
    assert {match.split()[1] for _, match in mentions(r"\bTCP \d+")} <= known


def test_relative_links_resolve() -> None:
    """Links between Markdown pages lead to files."""
    for name, text in texts().items():
        for target in re.findall(r"\]\(([^)#:]+)\)", text) if name.endswith(".md") else []:
            assert (DOCS / name).parent.joinpath(target).resolve().is_file(), (name, target)


def test_datasheet_and_overview_agree_on_the_models() -> None:
    """Height, capacity, hosts and rate of a model are the same in both documents."""
    sheet = texts()["product/datasheet.pdf"]
    overview = texts()["handbook/overview.md"]
    pattern = r"^\| (M\d00) \| (\dU) \| (\S+ TB) \| (\S+ TB) \| up to (\S+) \| (\S+) TB"
    rows = re.findall(pattern, overview, flags=re.MULTILINE)
    models = [row[0] for row in rows]
    assert models == ["M200", "M400", "M800"]
    for label, column in (("Height", 1), ("Raw capacity", 2), ("Usable capacity", 3), ("Protected hosts", 4)):
        assert f"{label} " + " ".join(row[column] for row in rows) in sheet
    assert "known chunks " + " ".join(f"{row[5]} TB/h" for row in rows) in sheet
