"""Word's formulas (Office MathML) as text on one line."""

from collections.abc import Callable
from typing import Any

from ragcli.ingest.loaders.safe_xml import local_name

_VALUE = "{http://schemas.openxmlformats.org/officeDocument/2006/math}val"


def formula_text(node: Any) -> str:
    """A formula in the linear notation people type: ``a^2``, ``(x+1)/(y)``, ``sqrt(x)``."""
    name = local_name(node)
    if name == "t":
        return node.text or ""
    write = _WRITERS.get(name)
    return write(node) if write else "".join(formula_text(child) for child in node)


def _fraction(node: Any) -> str:
    return f"{_grouped(node, 'num')}/{_grouped(node, 'den')}"


def _superscript(node: Any) -> str:
    return f"{_part(node, 'e')}^{_grouped(node, 'sup')}"


def _subscript(node: Any) -> str:
    return f"{_part(node, 'e')}_{_grouped(node, 'sub')}"


def _both_scripts(node: Any) -> str:
    return f"{_subscript(node)}^{_grouped(node, 'sup')}"


def _root(node: Any) -> str:
    degree = _part(node, "deg").strip()
    return f"root({degree}, {_part(node, 'e')})" if degree else f"sqrt({_part(node, 'e')})"


def _sum(node: Any) -> str:
    low, high = _part(node, "sub"), _part(node, "sup")
    bounds = (f"_({low})" if low else "") + (f"^({high})" if high else "")
    return f"{_property(node, 'chr', '∫')}{bounds} {_part(node, 'e')}"


def _function(node: Any) -> str:
    """A named function; Word puts an invisible sign between name and argument, which would make one word of them."""
    name = _part(node, "fName").replace("\u2061", "").strip()
    argument = _part(node, "e").replace("\u2061", "").strip()
    return name + argument if argument.startswith("(") else f"{name} {argument}"


def _matrix(node: Any) -> str:
    """Cells parted by commas, rows by semicolons."""
    rows = [child for child in node if local_name(child) == "mr"]
    return "; ".join(", ".join(formula_text(cell) for cell in row if local_name(cell) == "e") for row in rows)


def _lines(node: Any) -> str:
    return "; ".join(formula_text(child) for child in node if local_name(child) == "e")


def _delimited(node: Any) -> str:
    inside = _property(node, "sepChr", "|").join(formula_text(child) for child in node if local_name(child) == "e")
    return f"{_property(node, 'begChr', '(')}{inside}{_property(node, 'endChr', ')')}"


_WRITERS: dict[str, Callable[[Any], str]] = {
    "f": _fraction,
    "sSup": _superscript,
    "sSub": _subscript,
    "sSubSup": _both_scripts,
    "rad": _root,
    "nary": _sum,
    "d": _delimited,
    "func": _function,
    "m": _matrix,
    "eqArr": _lines,
}


def _property(node: Any, name: str, default: str) -> str:
    for group in node:
        if local_name(group).endswith("Pr"):
            for child in group:
                if local_name(child) == name:
                    return str(child.get(_VALUE, default))
    return default


def _part(node: Any, name: str) -> str:
    return "".join(formula_text(child) for child in node if local_name(child) == name)


def _grouped(node: Any, name: str) -> str:
    text = _part(node, name)
    return text if len(text) <= 1 else f"({text})"
