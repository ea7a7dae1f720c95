"""An analysis for other tools, for pull requests and as a page."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragcli.abtest.analysis import Analysis
    from ragcli.abtest.preference import Preference

SUFFIXES = (".html", ".md", ".json")


def document(found: "Analysis | Preference") -> dict[str, Any]:
    """As JSON knows it."""
    from ragcli.abtest.analysis import Analysis
    from ragcli.abtest.reports import json

    return json.analysis(found) if isinstance(found, Analysis) else json.preference(found)


def render(suffix: str, found: "Analysis | Preference") -> str:
    """The text of a report for people, ``.html`` or ``.md``."""
    if suffix == ".html":
        from ragcli.abtest.reports import html

        return html.write(found)
    from ragcli.abtest.reports import markdown

    return markdown.write(found)
