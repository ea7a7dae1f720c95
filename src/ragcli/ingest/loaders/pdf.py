"""PDF through PDFium: text by page, with headings and paragraphs guessed from type and spacing."""

from collections.abc import Iterator
from typing import Any

from ragcli.config.ingest import LimitsConfig
from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.compose import Composer, one_line, stem_of
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.pdf_layout import PdfLayout
from ragcli.ingest.loaders.pdf_lines import Line, read_lines
from ragcli.ingest.loaders.words import words
from ragcli.records import JsonValue

_TAIL_BYTES = 16 * 1024
_NOTHING = words("anonymous unspecified untitled title document unknown none")  # written for want of anything
_METADATA = {"Author": "author", "Subject": "subject", "Keywords": "keywords"}
_PDFIUM_PASSWORD_ERROR = "Incorrect password"  # noqa: S105 - PDFium's message


class PdfLoader:
    """Reads PDF files that have a text layer."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document with the offset of each page."""
        with refusing("PDF"):
            _refuse_truncated(file.data)
            document = _open(file.data)
            try:
                pages = [_read_page(document, number) for number in range(len(document))]
                properties = document.get_metadata_dict(skip_empty=True)
            finally:
                document.close()
            empty = [number for number, lines in enumerate(pages, 1) if not lines]
            if len(empty) == len(pages):
                raise DataError(
                    f"no text layer: {len(pages)} {_pages(len(pages))} of images", hint="run OCR on it first"
                )
            layout = PdfLayout(pages)
            composer = Composer(self._limits.max_text_chars)
            layout.write(composer)
            yield composer.parsed(_title(properties, layout, file.path), _metadata(properties, len(pages), empty))


def _refuse_truncated(data: bytes) -> None:
    """A PDF ends with ``%%EOF``; PDFium would silently repair one that lost its end, and lose pages."""
    start = data.find(b"%PDF-", 0, 1024)
    if start < 0:
        raise DataError("not PDF: it does not begin as one")
    tail = data[-_TAIL_BYTES:].rstrip(b"\0\r\n\t ")
    if b"%%EOF" not in tail and b"startxref" not in tail:
        raise DataError(f"truncated PDF: its end is missing ({len(data)} bytes are there)")


def _open(data: bytes) -> Any:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        pages = len(document)
    except pypdfium2.PdfiumError as error:
        if _PDFIUM_PASSWORD_ERROR in str(error):
            raise DataError("password protected PDF", hint="save it without a password") from error
        raise DataError(f"truncated or damaged PDF: {error}") from error
    if not pages:
        document.close()
        raise DataError("damaged PDF: it has no pages")
    return document


def _read_page(document: Any, number: int) -> list[Line]:
    import pypdfium2

    try:
        page = document[number]
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError as error:
        raise DataError(f"damaged PDF: page {number + 1} cannot be read") from error
    try:
        return list(read_lines(text_page))
    finally:
        text_page.close()
        page.close()


def _title(properties: dict[str, str], layout: PdfLayout, path: str) -> str:
    title = one_line(properties.get("Title", ""))
    lowered = title.lower()
    is_file_name = lowered.endswith((".doc", ".docx", ".pdf", ".tex", ".dvi", ".indd", ".qxd", ".ppt", ".pptx"))
    if title and not is_file_name and lowered.strip("()") not in _NOTHING:
        return title.removeprefix("Microsoft Word - ")
    return layout.largest_on_first_page() or stem_of(path)


def _metadata(properties: dict[str, str], pages: int, empty: list[int]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {"pages": pages}
    for name, key in _METADATA.items():
        value = one_line(properties.get(name, ""))
        if value and value.lower().strip("()") not in _NOTHING:
            found[key] = value[:1000]
    if empty:
        found["pages_without_text"] = [*empty]
    return found


def _pages(count: int) -> str:
    return "page" if count == 1 else "pages"
