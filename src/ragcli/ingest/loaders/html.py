"""Web pages: the content without the furniture, headings, lists, tables and code kept."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragcli.config.ingest import HtmlLoaderConfig, LimitsConfig
from ragcli.errors import DataError
from ragcli.ingest.detect import is_web_page
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.boilerplate import Boilerplate
from ragcli.ingest.loaders.compose import Composer, Piece, is_generic, one_line, stem_of
from ragcli.ingest.loaders.decode import decode
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.html_walk import HtmlWalker, Span
from ragcli.ingest.loaders.words import words
from ragcli.records import Metadata

_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([a-zA-Z0-9_:.-]{2,40})""", re.IGNORECASE)
_HEAD_BYTES = 4096
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_VOID = words("area base br col embed hr img input link meta param source track wbr")
_SELF_CLOSING = words("p li dt dd td th tr tbody thead tfoot option optgroup colgroup rb rt rp")
_TITLE_PARTS = re.compile(r"\s+(?:[|\u00b7\u2013\u2014\u00ab\u00bb-]|::)\s+")
_MAX_TREE_WORK = 20_000_000
_MAX_ROOTS = 100
_LONG_TAG_CHARS = 10_000
_LONG_TAG = re.compile(rf"<[a-zA-Z][^<>]{{{_LONG_TAG_CHARS - 2},}}")
_QUOTED = re.compile(r""" "[^"]*"|'[^']*' """.strip())
_MAX_ATTRIBUTES = 2000
_MAIN_SHARE, _ARTICLE_SHARE = 0.5, 0.8
_METADATA = {
    "description": "description",
    "og:description": "description",
    "author": "author",
    "article:author": "author",
    "keywords": "keywords",
    "article:published_time": "date",
    "date": "date",
    "og:site_name": "site",
}


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """What a page says and what it says about itself."""

    title: str
    pieces: Sequence[Piece]
    metadata: Metadata


class HtmlLoader:
    """Reads web pages, and feeds and other XML as well."""

    def __init__(self, config: HtmlLoaderConfig, limits: LimitsConfig) -> None:
        self._config = config
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document, or none when the page has no text."""
        with refusing("HTML"):
            if is_xml(file.data):
                from ragcli.ingest.loaders.feed import load_xml

                yield from load_xml(file, self._limits.max_text_chars)
                return
            page = read_html(decode_html(file.data), drop_boilerplate=self._config.drop_boilerplate)
            composer = Composer(self._limits.max_text_chars)
            for piece in page.pieces:
                composer.add(piece)
            parsed = composer.parsed(_title(page), page.metadata)
            if parsed.text:
                yield parsed if parsed.title else composer.parsed(stem_of(file.path), parsed.metadata)


def is_xml(data: bytes) -> bool:
    """Whether the bytes are XML that is not a web page."""
    head = data[:_HEAD_BYTES].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n").lower()
    return not is_web_page(head) and head.startswith((b"<?xml", b"<rss", b"<feed", b"<rdf:"))


def decode_html(data: bytes) -> str:
    """The text of a page in the encoding that it declares."""
    declared = _CHARSET.search(data[:_HEAD_BYTES])
    return decode(data, declared[1].decode("ascii") if declared else "")


def read_html(html: str, *, drop_boilerplate: bool) -> HtmlPage:
    """The blocks of a page.

    Raises:
        DataError: It is nested so deeply that building its tree would take minutes.
    """
    from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

    _refuse_costly(html)
    parser = LexborHTMLParser(html, options=LexborDocumentOptions.WO_EVENTS)  # events cost n^2 in a <select>
    body = parser.body if parser.body is not None else parser.root
    if body is None:
        return HtmlPage("", (), {})
    head_title = parser.css_first("head > title")
    title = one_line(head_title.text()) if head_title is not None else ""
    parser.strip_tags(["script", "style", "noscript", "template", "svg"])
    walker = HtmlWalker(Boilerplate(body, drop_furniture=drop_boilerplate))
    walker.walk(body)
    pieces = _content(walker.pieces, walker.spans) if drop_boilerplate else walker.pieces
    if not pieces and drop_boilerplate:
        walker = HtmlWalker(Boilerplate(body, drop_furniture=False))
        walker.walk(body)
        pieces = walker.pieces
    return HtmlPage(title, _with_main_heading(pieces, body), _metadata(parser))


def _content(pieces: Sequence[Piece], spans: Sequence[Span]) -> Sequence[Piece]:
    """The pieces of ``main`` or ``article`` when they are most of the text, with the page's heading before them."""
    sizes = [0]
    for piece in pieces:
        sizes.append(sizes[-1] + len(piece.text))
    kept = Span("body", 0, len(pieces))
    for tag, share in (("main", _MAIN_SHARE), ("article", _ARTICLE_SHARE)):
        inside = [span for span in spans if span.tag == tag and kept.start <= span.start <= span.end <= kept.end]
        best = max(inside, key=lambda span: sizes[span.end] - sizes[span.start], default=kept)
        if sizes[best.end] - sizes[best.start] >= share * (sizes[kept.end] - sizes[kept.start]):
            kept = best
    content = pieces[kept.start : kept.end]
    if any(_is_h1(piece) for piece in content):
        return content
    return [*[piece for piece in pieces[: kept.start] if _is_h1(piece)][-1:], *content]


def _with_main_heading(pieces: Sequence[Piece], body: object) -> Sequence[Piece]:
    """Puts back the only ``h1`` of a page that stood in a dropped page header."""
    if any(_is_h1(piece) for piece in pieces):
        return pieces
    headings = body.css("h1")  # type: ignore[attr-defined]  # selectolax is not followed by mypy
    text = one_line(headings[0].text()) if len(headings) == 1 else ""
    return [Piece("heading", text, level=1), *pieces] if text else pieces


def _is_h1(piece: Piece) -> bool:
    return piece.kind == "heading" and piece.level == 1


def _title(page: HtmlPage) -> str:
    """The page's title without the name of the site, which it shares with every other page there."""
    heading = next((piece.text for piece in page.pieces if _is_h1(piece)), "")
    parts, own = _TITLE_PARTS.split(page.title), _TITLE_PARTS.split(heading)
    is_part = any(parts[start : start + len(own)] == own for start in range(len(parts)))
    title = heading if (is_part or not page.title) and not is_generic(heading) else page.title
    return "" if is_generic(title) else title


def _metadata(parser: object) -> Metadata:
    found: dict[str, str] = {}
    for meta in parser.css("meta[content]"):  # type: ignore[attr-defined]  # selectolax is not followed by mypy
        attributes = meta.attributes
        name = (attributes.get("name") or attributes.get("property") or "").lower()
        value = one_line(attributes.get("content") or "")
        if name in _METADATA and value:
            found.setdefault(_METADATA[name], value[:1000])
    root = parser.css_first("html[lang]")  # type: ignore[attr-defined]  # selectolax is not followed by mypy
    if root is not None and root.attributes.get("lang"):
        found["lang"] = str(root.attributes["lang"])[:35]
    return found


def _refuse_costly(html: str) -> None:
    """A tree is built in time that grows with the square of open tags, and of attributes of one tag; bounds both."""
    if html.count("<") < 2000 and len(html) < _LONG_TAG_CHARS:
        return
    depth = work = roots = 0
    opened: Counter[str] = Counter()
    for found in _TAG.finditer(html):
        closing, name = found.groups()
        tag = name.lower()
        if tag in _VOID or tag in _SELF_CLOSING:
            continue
        roots += tag in {"html", "body"}  # later ones add their attributes to the first
        if not closing or opened[tag]:  # an end that fits nothing closes nothing
            step = -1 if closing else 1
            opened[tag] += step
            depth += step
        work += depth
    if work > _MAX_TREE_WORK or roots > _MAX_ROOTS:
        raise DataError("nested too deeply to be read as HTML")
    for tag in _LONG_TAG.finditer(html):
        if len(_QUOTED.sub("", tag[0]).split()) > _MAX_ATTRIBUTES:
            raise DataError(f"not HTML: a tag with more than {_MAX_ATTRIBUTES} attributes")
