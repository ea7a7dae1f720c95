"""XML from strangers: no entities, no network, bounded depth."""

from typing import Any

from ragcli.errors import DataError


def parse_xml(data: bytes, what: str, *, forgiving: bool = False) -> Any:
    """The root element (lxml). Entities stay unexpanded, nothing is fetched.

    Args:
        data: The document.
        what: The format as a person calls it.
        forgiving: Whether to read on after errors of form.

    Raises:
        DataError: It is not XML.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=forgiving,
        remove_pis=True,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DataError(f"damaged {what}: {error}") from error
    if root is None:
        raise DataError(f"damaged {what}: no XML element in it")
    return root


def local_name(element: Any) -> str:
    """An element's name without its namespace; empty for comments and entities."""
    tag = element.tag
    return str(tag).rsplit("}", 1)[-1] if isinstance(tag, str) else ""
