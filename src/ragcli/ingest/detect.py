"""What a file is, from its name and its first bytes."""

import re

from ragcli.ingest.loaders.languages import LANGUAGE_OF_SUFFIX, language_of_name, language_of_shebang
from ragcli.records import DocumentType

HEAD_BYTES = 8192
"""How many bytes of a file ``detect_type`` wants to see."""

_BINARY: dict[str, DocumentType] = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".ppsx": "pptx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".epub": "epub",
}
_TEXTUAL: dict[str, DocumentType] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdown": "markdown",
    ".mkd": "markdown",
    ".mdx": "markdown",
    ".qmd": "markdown",
    ".rmd": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".xml": "xml",
    ".rss": "xml",
    ".atom": "xml",
    ".rst": "rst",
    ".rest": "rst",
    ".txt": "text",
    ".text": "text",
    ".log": "text",
    ".adoc": "text",
    ".asciidoc": "text",
    ".org": "text",
    ".textile": "text",
    ".srt": "text",
    ".vtt": "text",
    ".ipynb": "ipynb",
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".jsonlines": "json",
}
SUPPORTED_SUFFIXES: frozenset[str] = frozenset({*_BINARY, *_TEXTUAL, *LANGUAGE_OF_SUFFIX})
"""Suffixes, in lower case with their dot, that are read."""

_TEXT_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x00\x00\xfe\xff")
_SUFFIX = re.compile(r"\.[a-z][a-z0-9+_-]{0,11}$")
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PACKAGES: tuple[tuple[bytes, DocumentType], ...] = (
    (b"application/epub+zip", "epub"),
    (b"word/", "docx"),
    (b"ppt/", "pptx"),
    (b"xl/", "xlsx"),
)
_HTML_START = re.compile(
    rb"\s*(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE | re.DOTALL
)
_XML_START = re.compile(rb"\s*<(?:\?xml\s|rss[\s>]|feed[\s>])", re.IGNORECASE)
_WEB_PAGE = re.compile(rb"<html[\s>]|<!doctype\s+html", re.IGNORECASE)
_NOTEBOOK = re.compile(rb'\s*\{[^"]*"(?:cells|nbformat|metadata)"')
_JSON_START = re.compile(rb'\s*(?:\{\s*["}]|\[\s*[\[{"\]\d-])')
_MEDIA = {
    "an image; text in it needs OCR": ".png .jpg .jpeg .gif .bmp .tif .tiff .webp .heic .ico .svg .psd",
    "audio or video; it needs a transcript": ".mp3 .wav .flac .ogg .m4a .mp4 .mkv .avi .mov .webm",
    "an archive; unpack it": ".zip .tar .gz .tgz .bz2 .xz .zst .7z .rar .jar .whl",
}
_ADVICE = {
    ".doc": "the old Word format; save it as .docx",
    ".xls": "the old Excel format; save it as .xlsx",
    ".ppt": "the old PowerPoint format; save it as .pptx",
    ".msg": "an Outlook message; save it as .html or .txt",
    ".eml": "a mail message; save it as .html or .txt",
    ".odt": "an OpenDocument text; save it as .docx",
    ".ods": "an OpenDocument spreadsheet; save it as .xlsx",
    ".odp": "an OpenDocument presentation; save it as .pptx",
    ".rtf": "rich text; save it as .docx",
    ".mobi": "a Kindle book; convert it to .epub",
    ".parquet": "a column store; export it as .csv or .jsonl",
    ".sqlite": "a database; export it as .csv or .jsonl",
} | {suffix: advice for advice, suffixes in _MEDIA.items() for suffix in suffixes.split()}


def detect_type(path: str, head: bytes) -> DocumentType | None:
    """The type of a document, or ``None`` when it is none that can be read (``refusal`` says why).

    The name decides where it says anything, the bytes where it does not. Bytes that cannot be text are never a
    text format, whatever the name.

    Args:
        path: Path or name of the file; only its last part counts.
        head: The first ``HEAD_BYTES`` bytes, or all of a shorter file.
    """
    name = path.rsplit("/", 1)[-1]
    suffix = suffix_of(name)
    if suffix in _BINARY:
        return _BINARY[suffix]
    if head.startswith(b"%PDF-"):
        return "pdf"
    if is_binary(head):
        return _package(head) if not suffix else None
    if language_of(name):
        return "code"
    if suffix in _TEXTUAL:
        return "html" if _TEXTUAL[suffix] == "xml" and is_web_page(head) else _TEXTUAL[suffix]
    return None if suffix else _sniff(head)


def language_of(path: str, head: bytes = b"") -> str:
    """The programming language of a file by its name, then by its ``#!`` line; empty when it is no source code."""
    name = path.rsplit("/", 1)[-1]
    if suffix_of(name) in _TEXTUAL and name.lower() != "cmakelists.txt":
        return ""
    line = head[:200].split(b"\n", 1)[0].decode("ascii", "replace")
    return language_of_name(name) or language_of_shebang(line)


def refusal(path: str, head: bytes) -> str:
    """Why ``detect_type`` says ``None``, for a person."""
    suffix = suffix_of(path.rsplit("/", 1)[-1])
    if suffix in _ADVICE:
        return f"not supported: {_ADVICE[suffix]}"
    if head.startswith(_OLE):
        return "not supported: an old binary Office file; save it in the current format"
    if head.startswith(_ZIP):
        return "not supported: an archive; unpack it"
    if is_binary(head):
        named = f" although it is named {suffix}" if suffix in SUPPORTED_SUFFIXES else ""
        return f"binary content, not a document{named}"
    return f"not supported: no loader for {suffix} files" if suffix else "not supported: no document that is known"


def suffix_of(name: str) -> str:
    """The suffix in lower case with its dot; empty when what follows the last dot is no suffix."""
    found = _SUFFIX.search(name.lower(), 1)
    return found[0] if found else ""


def is_web_page(head: bytes) -> bool:
    """Whether XML is a web page, from its start."""
    return _WEB_PAGE.search(head.replace(b"\0", b"")) is not None


def is_binary(head: bytes) -> bool:
    """Whether the bytes cannot be text: a zero byte without a UTF-16 or UTF-32 mark."""
    return b"\0" in head and not head.startswith(_TEXT_BOMS)


def _package(head: bytes) -> DocumentType | None:
    """The type of a nameless zip archive, from the entry names at its start."""
    if not head.startswith(_ZIP):
        return None
    return next((type_ for mark, type_ in _PACKAGES if mark in head), None)


def _sniff(head: bytes) -> DocumentType | None:
    """The type of text without a telling name."""
    text = head.lstrip(b"\xef\xbb\xbf")
    if _package(head):
        return _package(head)
    if head.startswith(_ZIP) or _is_noise(head):
        return None
    if text.startswith(b"#!"):
        return "code" if language_of("", text) else "text"
    if _HTML_START.match(text) or _XML_START.match(text):
        return "xml" if _XML_START.match(text) and not is_web_page(text) else "html"
    if _NOTEBOOK.match(text) and b'"cell_type"' in head:
        return "ipynb"
    return "json" if _JSON_START.match(text) else "text"


def _is_noise(head: bytes) -> bool:
    """Whether too many bytes are control characters, which random data has and text has not."""
    if head.startswith(_TEXT_BOMS):
        return False
    controls = sum(head.count(byte) for byte in (*range(1, 8), 11, *range(14, 27), *range(28, 32), 127))
    return controls > 0.01 * len(head)
