"""The frame of a page, and what its parts are made of.

Everything that comes from documents or questions is escaped by whoever puts it there, and a content security policy
lets nothing run but the page's own script, by its hash.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path

_FOLDER = Path(__file__).parent


def page(title: str, sections: Iterable[str]) -> str:
    """The whole page: one file, without network, for light and dark."""
    style, script = ((_FOLDER / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"{''.join(sections)}</main>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def section(title: str, content: str) -> str:
    """A part of the page; the content is HTML already."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>\n"


def figure(title: str, content: str) -> str:
    """A chart with its title; the content is HTML already."""
    return f"<figure><figcaption>{escape(title)}</figcaption>{content}</figure>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """A table of cells that are HTML already; all but the first ``texts`` columns hold numbers."""
    kinds = ["" if index < texts else ' class="number"' for index in range(len(heads))]
    head = "".join(f'<th scope="col"{kind}>{name}</th>' for name, kind in zip(heads, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
