"""Build the PDF and the DOCX of the sample corpus from the texts in sources/.

Usage: python sample_corpus/make_binaries.py [OUTPUT_FOLDER]

Without an argument the files are written to sample_corpus/docs. The same sources give the same
bytes: creation dates are fixed, and the parts of the DOCX archive are written again in sorted order.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import docx
from docx.document import Document
from fpdf import FPDF
from fpdf.enums import XPos, YPos

HERE = Path(__file__).resolve().parent
PDF_DATE = datetime(2025, 6, 24, 12, 0, tzinfo=UTC)
DOCX_DATE = datetime(2025, 4, 15, 12, 0, tzinfo=UTC)
PDF_NAME = "product/datasheet.pdf"
DOCX_NAME = "handbook/data-protection-policy.docx"

Kind = Literal["heading", "paragraph", "bullet", "table"]


@dataclass
class Block:
    """A piece of a source text."""

    kind: Kind
    text: str = ""
    level: int = 0
    rows: list[list[str]] = field(default_factory=list)


def read_blocks(source: Path) -> Iterator[Block]:
    """Parse the small markup of the sources: headings, bullets, tables and one-line paragraphs."""
    rows: list[list[str]] = []
    for line in [*source.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
            continue
        if rows:
            yield Block("table", rows=rows)
            rows = []
        if line.startswith("#"):
            marks, _, text = line.partition(" ")
            yield Block("heading", text, level=len(marks))
        elif line.startswith("- "):
            yield Block("bullet", line[2:])
        elif line:
            yield Block("paragraph", line.replace("*", ""))


class Datasheet(FPDF):  # type: ignore[misc]  # mypy does not follow fpdf
    """A4 page with a running title and page numbers."""

    def header(self) -> None:
        """Write the running title."""
        self.set_font("Helvetica", size=8)
        self.cell(0, 6, "Marlstone M-series datasheet, MS-DS-32", align="R")
        self.ln(10)

    def footer(self) -> None:
        """Write the page number."""
        self.set_y(-15)
        self.set_font("Helvetica", size=8)
        self.cell(0, 6, f"Page {self.page_no()}", align="C")


def build_pdf(source: Path) -> bytes:
    """Lay out the datasheet."""
    pdf = Datasheet(format="A4")
    pdf.set_creation_date(PDF_DATE)
    pdf.set_title("Marlstone M-series datasheet")
    pdf.set_author("Marlstone documentation")
    pdf.set_lang("en-GB")
    pdf.set_auto_page_break(auto=True, margin=20)
    pdf.add_page()
    for block in read_blocks(source):
        if block.kind == "heading":
            if pdf.will_page_break(40):
                pdf.add_page()
            pdf.ln(3)
            pdf.start_section(block.text, level=block.level - 1)
            pdf.set_font("Helvetica", style="B", size={1: 18, 2: 13, 3: 11}[block.level])
            pdf.multi_cell(0, 7, block.text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            pdf.ln(1)
        elif block.kind == "table":
            _pdf_table(pdf, block.rows)
        else:
            pdf.set_font("Helvetica", size=10)
            text = f"- {block.text}" if block.kind == "bullet" else block.text
            pdf.multi_cell(0, 5, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            pdf.ln(1)
    return bytes(pdf.output())


def _pdf_table(pdf: FPDF, rows: list[list[str]]) -> None:
    pdf.set_font("Helvetica", size=9)
    widths = (3, *[2] * (len(rows[0]) - 1))
    with pdf.table(col_widths=widths, line_height=5, text_align="LEFT") as table:
        for row in rows:
            cells = table.row()
            for cell in row:
                cells.cell(cell)
    pdf.ln(2)


def build_docx(source: Path) -> bytes:
    """Write the policy with built-in styles."""
    document: Document = docx.Document()
    for block in read_blocks(source):
        if block.kind == "heading":
            document.add_heading(block.text, level=block.level - 1)
        elif block.kind == "table":
            table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
            for row in block.rows:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        elif block.kind == "bullet":
            document.add_paragraph(block.text, style="List Bullet")
        else:
            document.add_paragraph(block.text)
    properties = document.core_properties
    properties.title = "Data protection policy"
    properties.author = properties.last_modified_by = "Marlstone documentation"
    properties.comments = ""
    properties.created = properties.modified = DOCX_DATE
    properties.revision = 4
    buffer = io.BytesIO()
    document.save(buffer)
    return _repack(buffer)


def _repack(archive: io.BytesIO) -> bytes:
    """Write the parts of a ZIP archive again, sorted and with a fixed time."""
    result = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        first = "[Content_Types].xml"
        for name in sorted(old.namelist(), key=lambda part: (part != first, part)):
            info = zipfile.ZipInfo(name, date_time=DOCX_DATE.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return result.getvalue()


def main(target: Path) -> None:
    """Write both files below the target folder."""
    for name, content in (
        (PDF_NAME, build_pdf(HERE / "sources" / "datasheet.md")),
        (DOCX_NAME, build_docx(HERE / "sources" / "data-protection-policy.md")),
    ):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(f"{path}: {len(content)} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "docs")
