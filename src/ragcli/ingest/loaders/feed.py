"""RSS and Atom feeds, and any other XML as its text."""

from collections.abc import Iterator
from typing import Any

from ragcli.config.ingest import LimitsConfig
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.compose import Composer, Piece, one_line, stem_of
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.html import read_html
from ragcli.ingest.loaders.safe_xml import local_name, parse_xml
from ragcli.records import Metadata

_BODIES = ("encoded", "content", "description", "summary")
_DATES = ("pubDate", "published", "updated", "date")


class XmlLoader:
    """Reads XML that is no web page; entities are not expanded and nothing outside of the file is read."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document, or none when no element has text."""
        with refusing("XML"):
            if file.data.strip():
                yield from load_xml(file, self._limits.max_text_chars)


def load_xml(file: RawFile, max_chars: int) -> Iterator[Parsed]:
    """A feed with a heading per entry; of other XML a paragraph per element that has text."""
    root = parse_xml(file.data.lstrip(), "XML", forgiving=True)
    composer = Composer(max_chars)
    entries = [element for element in root.iter() if local_name(element) in {"item", "entry"}]
    is_feed = local_name(root) in {"rss", "feed", "RDF"}
    if is_feed:
        channel = next((element for element in root.iter() if local_name(element) == "channel"), root)
        title = _child_text(channel, ("title",))
        composer.heading(title, 1)
        composer.paragraph(_child_text(channel, ("description", "subtitle")))
        for entry in entries:
            _write_entry(entry, composer)
    else:
        title = ""
        _write_elements(root, composer)
    metadata: Metadata = {"entries": len(entries)} if is_feed else {"root": local_name(root)}
    parsed = composer.parsed(title or stem_of(file.path), metadata)
    if parsed.text:
        yield parsed


def _write_entry(entry: Any, composer: Composer) -> None:
    composer.heading(one_line(_child_text(entry, ("title",))), 2)
    composer.paragraph(_child_text(entry, _DATES))
    for piece in read_html(_child_text(entry, _BODIES), drop_boilerplate=False).pieces:
        level = min(6, piece.level + 2) if piece.kind == "heading" else piece.level
        composer.add(Piece(piece.kind, piece.text, level, piece.header_chars, piece.language))


def _write_elements(root: Any, composer: Composer) -> None:
    """Text of each element that has some of its own, with that of the elements in it."""
    done: Any = None
    for element in root.iter():
        if done is not None and _is_inside(element, done):
            continue
        own = one_line(element.text or "") if local_name(element) else ""
        if own or any((child.tail or "").strip() for child in element):
            composer.paragraph(" ".join("".join(element.itertext()).split()))
            done = element


def _is_inside(element: Any, ancestor: Any) -> bool:
    return any(parent is ancestor for parent in element.iterancestors())


def _child_text(element: Any, names: tuple[str, ...]) -> str:
    """Text of the first child with one of the names, in the order of the names."""
    for name in names:
        for child in element:
            if local_name(child) == name:
                text = "".join(child.itertext()).strip()
                if text:
                    return text
    return ""
