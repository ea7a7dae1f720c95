"""Which parts of a web page are furniture rather than content."""

import re
from typing import Any

from ragcli.ingest.loaders.words import words

SKIPPED = words(
    """script style noscript template svg canvas iframe object embed applet audio video map button select option
    input textarea datalist dialog progress meter head link meta base title menu frameset"""
)
_FURNITURE = frozenset({"nav", "footer", "aside", "header", "form"})
_ROLES = words(
    """navigation banner contentinfo complementary search dialog alertdialog menu menubar toolbar tablist
    tooltip"""
)
_WORD = r"(?:^|[\s_-])(?:%s)(?:$|[\s_-])"
# Words that mean furniture wherever they stand in a class or id.
_NOISE_WORD = re.compile(
    _WORD % "cookies?|consent|gdpr|breadcrumbs?|navbar|navbox|navigation|sidebar|sidenav|newsletter|subscribe|"
    "advert|advertisement|adsense|popup|paywall|disqus|masthead|catlinks|printfooter|noprint|jump-link|skip-link|"
    "skiplink|skip-to-content|skip-nav|editsection|cite-backlink|headerlink|anchor-link|hash-link|linenos|lineno|"
    "sphinxsidebar|social-share|share-buttons|sharedaddy|addtoany|sr-only|visually-hidden|screen-reader-text|"
    "related-posts|related-articles|recommended|site-header|site-footer|page-footer|global-header|global-footer|"
    "pagination|pagination-nav|theme-doc-toc-mobile|table-of-contents|on-this-page|back-to-top|toolbar",
    re.IGNORECASE,
)
# Names that mean furniture only as a whole class or id.
_NOISE_NAMES = words(
    """nav menu main-nav main-menu site-nav top-nav topnav top-bar topbar footer header toc toc-list tocwrapper
    share sharing social related promo ads ad ad-container banner modal pager tags-list mw-indicators vector-toc
    mw-portlet siteNotice sitenotice sistersitebox vector-header vector-header-container vector-column-start
    vector-column-end vector-page-toolbar vector-sitenotice-container vector-dropdown reference"""
)
_HIDDEN_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_NOTE = re.compile(_WORD % "note|notecard|tip|hint|info|warning|caution|danger|important|admonition|callout|pullquote")
_MAX_SHARE_CHECKS = 300


class Boilerplate:
    """Decides per element; never against one that holds most of the page's text.

    Args:
        body: The element that holds the page (selectolax).
        drop_furniture: Whether navigation and the like go; what no reader sees goes in any case.
    """

    def __init__(self, body: Any, *, drop_furniture: bool) -> None:
        self._total = len(body.text())
        self._drop_furniture = drop_furniture
        self._checks = 0

    def drops(self, node: Any, tag: str, *, in_content: bool) -> bool:
        """Whether an element with all that is in it is left out.

        Args:
            node: The element.
            tag: Its name.
            in_content: Whether it lies in ``main`` or ``article``, whose headers and notes belong to the text.
        """
        if tag in SKIPPED:
            return True
        attributes = node.attributes
        if not attributes:
            suspected = tag in _FURNITURE and self._is_furniture(tag, "", "", in_content=in_content)
        else:
            suspected = self._is_suspected(tag, attributes, in_content=in_content)
        return suspected and not self._holds_most(node)

    def _is_suspected(self, tag: str, attributes: dict[str, str | None], *, in_content: bool) -> bool:
        if tag in {"body", "html", "main", "article"}:
            return False
        if _is_hidden(attributes):
            return True
        role = (attributes.get("role") or "").lower()
        names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"[:500]
        return self._is_furniture(tag, role, names, in_content=in_content)

    def _is_furniture(self, tag: str, role: str, names: str, *, in_content: bool) -> bool:
        if not self._drop_furniture:
            return False
        if tag in {"aside", "header"} or role in {"complementary", "note"}:
            return not in_content or bool(tag == "aside" and role != "note" and not _NOTE.search(names))
        if tag in _FURNITURE or role in _ROLES:
            return True
        return names != " " and (
            _NOISE_WORD.search(names) is not None or not _NOISE_NAMES.isdisjoint(names.replace("_", "-").split())
        )

    def _holds_most(self, node: Any) -> bool:
        self._checks += 1
        if self._checks > _MAX_SHARE_CHECKS and self._checks % 16:
            return False
        return len(node.text()) * 2 > self._total


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style")
    return style is not None and _HIDDEN_STYLE.search(style[:300]) is not None
