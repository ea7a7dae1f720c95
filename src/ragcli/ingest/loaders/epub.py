"""EPUB books: the chapters in reading order."""

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ragcli.config.ingest import HtmlLoaderConfig, LimitsConfig
from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.archive import open_archive
from ragcli.ingest.loaders.compose import Composer, one_line, stem_of
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.html import decode_html, read_html
from ragcli.ingest.loaders.safe_xml import local_name, parse_xml
from ragcli.records import JsonValue

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/html"})
_METADATA = {
    "creator": "author",
    "language": "lang",
    "publisher": "publisher",
    "date": "date",
    "description": "description",
}
_FONT_OBFUSCATION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


@dataclass(frozen=True, slots=True)
class _Package:
    """What the package document says: the book's metadata and the entries of its chapters."""

    title: str
    metadata: dict[str, JsonValue]
    chapters: list[str]


class EpubLoader:
    """Reads EPUB 2 and 3 without copy protection."""

    def __init__(self, config: HtmlLoaderConfig, limits: LimitsConfig) -> None:
        self._config = config
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document, or none when the book has no text."""
        with refusing("EPUB"):
            with open_archive(file.data, self._limits.max_unpacked_bytes, "EPUB", doctypes=True) as archive:
                _refuse_protected(archive)
                package = _read_package(archive)
                composer = Composer(self._limits.max_text_chars)
                for chapter in package.chapters:
                    page = read_html(_decode(archive.read(chapter)), drop_boilerplate=self._config.drop_boilerplate)
                    for piece in page.pieces:
                        composer.add(piece)
            parsed = composer.parsed(package.title, package.metadata)
            if parsed.text:
                yield parsed if parsed.title else composer.parsed(stem_of(file.path), parsed.metadata)


def _decode(data: bytes) -> str:
    """A chapter as HTML: an XML declaration is a comment there, self-closed elements are not empty."""
    return decode_html(data).replace("<title/>", "<title></title>").replace("<title />", "<title></title>")


def _refuse_protected(archive: zipfile.ZipFile) -> None:
    """Raises for books whose chapters are encrypted; obfuscated fonts are no obstacle."""
    if _ENCRYPTION not in archive.namelist():
        return
    root = parse_xml(archive.read(_ENCRYPTION), "EPUB")
    methods = [element.get("Algorithm") for element in root.iter() if local_name(element) == "EncryptionMethod"]
    if any(method not in _FONT_OBFUSCATION for method in methods):
        raise DataError("copy protected EPUB: its chapters are encrypted")


def _read_package(archive: zipfile.ZipFile) -> _Package:
    path = _package_path(archive)
    root = parse_xml(_read(archive, path), "EPUB", forgiving=True)
    folder = posixpath.dirname(path)
    items: dict[str, tuple[str, str]] = {}
    spine: list[str] = []
    title = ""
    metadata: dict[str, JsonValue] = {}
    for element in root.iter():
        name = local_name(element)
        if name == "item":
            items[element.get("id", "")] = _manifest_item(element, folder)
        elif name == "itemref":
            spine.append(element.get("idref", ""))
        elif name == "title" and not title:
            title = one_line(_text(element))
        elif name in _METADATA and _text(element):
            metadata.setdefault(_METADATA[name], one_line(_text(element))[:1000])
    entries = set(archive.namelist())
    listed = [items[reference] for reference in spine if reference in items]
    chapters = [path for path, kind in listed if kind in _PAGES and path in entries]
    if not chapters:
        raise DataError("damaged EPUB: its package lists no chapter that is in the archive")
    return _Package(title, metadata, list(dict.fromkeys(chapters)))


def _manifest_item(element: Any, folder: str) -> tuple[str, str]:
    """Entry name and media type; a table of contents counts as no page."""
    path = posixpath.normpath(posixpath.join(folder, unquote(element.get("href", "").split("#")[0])))
    kind = "" if "nav" in element.get("properties", "").split() else element.get("media-type", "")
    return path, kind


def _package_path(archive: zipfile.ZipFile) -> str:
    root = parse_xml(_read(archive, _CONTAINER), "EPUB")
    for element in root.iter():
        if local_name(element) == "rootfile" and element.get("full-path"):
            return str(element.get("full-path"))
    raise DataError("damaged EPUB: its container names no package")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except KeyError as error:
        raise DataError(f"damaged or not EPUB: no {name!r} in it") from error


def _text(element: Any) -> str:
    return "".join(element.itertext()).strip()
