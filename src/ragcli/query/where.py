"""Metadata filters: ``type=markdown``, ``path~=docs/**``, ``page>=3``, ``modified<2024-06``, ``type in pdf,docx``.

A condition is a key, an operator and a value:

    =    the value is exactly this                 !=   it is not, or there is none
    ~=   it matches a glob                         in   it is one of several, separated by commas
    <  <=  >  >=   as numbers where both are numbers, as points in time for ``modified``, otherwise as text

Keys are ``type``, ``path``, ``name``, ``title``, ``source``, ``language``, ``modified``, the document's metadata, and
of the chunk ``page``, ``symbol``, ``heading`` and its metadata. Where a key has a list of values, one that fits is
enough. A value may stand in double quotes. Globs of ``path`` and ``name`` are those of .gitignore files: ``*`` stops at
a slash and ``**`` does not, and a glob without a slash is held against the last part too. ``modified`` is a date or
time in ISO 8601, in UTC unless it says otherwise; ``modified=2024-06`` means within that month.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ragcli.errors import UsageError
from ragcli.ingest.globs import GlobList
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.filter_sql import Choice, Scalar, chosen_rows, field_values, key_field, known_keys

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KEY = re.compile(r"\s*([^\s=!<>~\"\x00-\x1f]+)")
_OPERATOR = re.compile(r"\s*(!=|~=|<=|>=|=|<|>|in(?=\s|$))", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?)?)?(Z|[+-]\d{2}:?\d{2})?")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SHOWN_VALUES = 8


@dataclass(frozen=True, slots=True)
class Condition:
    """One parsed filter. ``values`` has one element, for ``in`` at least one."""

    text: str
    key: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filtered:
    """Chunk rows that pass, ascending, and what the user should know when there are none."""

    rows: "NDArray[np.int64]"
    warnings: tuple[str, ...]


def parse_condition(text: str) -> Condition:
    """Read one filter.

    Raises:
        UsageError: It is none; the message names the position, counted from 1.
    """
    key = _KEY.match(text)
    if key is None:
        raise _error(text, 0, "a key")
    sign = _OPERATOR.match(text, key.end())
    if sign is None:
        raise _error(text, key.end(), "one of = != ~= < <= > >= in")
    start = sign.end()
    if text[start : start + 1] in {"=", "~"}:
        raise _error(text, start, "a value; equality is a single =")
    name = sign[1].lower()
    values = _list(text, start) if name == "in" else (_value(text, start),)
    return Condition(text, key[1], name, values)


def filter_rows(catalog: Catalog, conditions: Sequence[str], rows: "NDArray[np.int64]") -> Filtered:
    """The chunk rows for which all conditions hold.

    Args:
        catalog: Where the values are.
        conditions: Filters as the user wrote them.
        rows: Chunk rows of the generation, ascending.

    Raises:
        UsageError: A condition cannot be read, or names a key that nothing in the corpus has.
    """
    import numpy as np

    parsed = [parse_condition(text) for text in conditions]
    choices = [_choice(catalog, condition) for condition in parsed]
    found = np.intersect1d(chosen_rows(catalog, choices), rows, assume_unique=True)
    warnings = () if len(found) else tuple(_explain(catalog, parsed, choices, rows))
    return Filtered(found, warnings)


def _choice(catalog: Catalog, condition: Condition) -> Choice:
    field = key_field(catalog, condition.key)
    if field is None:
        keys = known_keys(catalog)
        near = get_close_matches(condition.key, keys, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"known keys: {', '.join(keys)}"
        raise UsageError(f"--where {condition.text}: nothing in the index has a key {condition.key!r}", hint=hint)
    test = _test(condition)
    return Choice(field, [value for value in field_values(catalog, field) if test(value)], condition.operator == "!=")


def _explain(
    catalog: Catalog, conditions: Sequence[Condition], choices: Sequence[Choice], rows: "NDArray[np.int64]"
) -> list[str]:
    """Which filter leaves nothing, and what it could have asked for."""
    import numpy as np

    warnings = []
    for condition, choice in zip(conditions, choices, strict=True):
        if not np.isin(chosen_rows(catalog, [choice]), rows).any():
            known = sorted({_text(value) for value in field_values(catalog, choice.field)})
            more = ", ..." if len(known) > _SHOWN_VALUES else ""
            shown = f"; {condition.key} is one of {', '.join(known[:_SHOWN_VALUES])}{more}" if known else ""
            if condition.key == "modified":
                shown = ""
            warnings.append(f"no chunk passes the filter {condition.text!r}{shown}")
    return warnings or ["no chunk passes all filters together"]


def _test(condition: Condition) -> Callable[[Scalar], bool]:
    """The test a single value must pass; for ``!=`` the one it must not pass."""
    if condition.key == "modified":
        return _time_test(condition)
    literal = condition.values[0]
    if condition.operator == "~=":
        if condition.key in {"path", "name"}:
            paths = GlobList([literal])
            return lambda value: isinstance(value, str) and paths.matches(value)
        pattern = _glob(literal)
        return lambda value: value is not None and pattern.fullmatch(_text(value)) is not None
    if condition.operator in _ORDER:
        return _order_test(_ORDER[condition.operator], literal)
    return lambda value: any(_equal(value, wanted) for wanted in condition.values)


def _order_test(compare: Callable[[Any, Any], bool], literal: str) -> Callable[[Scalar], bool]:
    number = _number(literal)

    def test(value: Scalar) -> bool:
        if value is None or isinstance(value, bool):
            return False
        own = _number(value)
        if number is not None and own is not None:
            return compare(own, number)
        return isinstance(value, str) and compare(value, literal)

    return test


def _equal(value: Scalar, literal: str) -> bool:
    if _text(value) == literal:
        return True
    own, number = _number(value), _number(literal)
    return own is not None and not isinstance(value, str) and own == number


def _number(value: Scalar) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _text(value: Scalar) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _time_test(condition: Condition) -> Callable[[Scalar], bool]:
    """``modified`` holds nanoseconds; a date stands for all moments within it."""
    if condition.operator == "~=":
        raise UsageError(f"--where {condition.text}: modified is compared with = != < <= > >= or in", hint="")
    spans = [_span_ns(value, condition.text) for value in condition.values]
    start, end = spans[0]
    match condition.operator:
        case "<":
            return lambda value: isinstance(value, int) and value < start
        case "<=":
            return lambda value: isinstance(value, int) and value < end
        case ">":
            return lambda value: isinstance(value, int) and value >= end
        case ">=":
            return lambda value: isinstance(value, int) and value >= start
        case _:
            return lambda value: isinstance(value, int) and any(low <= value < high for low, high in spans)


def _span_ns(literal: str, text: str) -> tuple[int, int]:
    """First nanosecond of a date or time, and the one after its last."""
    found = _DATE.fullmatch(literal)
    if found is None:
        raise UsageError(
            f"--where {text}: {literal!r} is no date or time", hint="such as 2024-06-30 or 2024-06-30T12:00"
        )
    year, month, day, hour, minute, second, zone = found.groups()
    try:
        iso = f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}{zone or 'Z'}"
        start = datetime.fromisoformat(iso)
    except ValueError as error:
        raise UsageError(f"--where {text}: {literal!r} is no date or time: {error}") from error
    return _ns(start), _ns(_next(start, month, day, hour, second))


def _next(start: datetime, month: str | None, day: str | None, hour: str | None, second: str | None) -> datetime:
    if month is None:
        return start.replace(year=start.year + 1)
    if day is None:
        return (start + timedelta(days=32)).replace(day=1)
    if hour is None:
        return start + timedelta(days=1)
    return start + (timedelta(minutes=1) if second is None else timedelta(seconds=1))


def _ns(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def _glob(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression for the whole value.

    A star that another one follows takes as little as it can and never gives it back: that changes no result, because
    the later one takes what the earlier one left, and it keeps ``a*a*a*a*b`` linear.
    """
    pieces = [""]
    for part in re.findall(r"\*+|\?|\[!?[^\]/]+\]|.", glob, re.DOTALL):
        if part[0] == "*":
            pieces.append("")
        else:
            pieces[-1] += "." if part == "?" else _bracket(part) or re.escape(part)
    first, *rest = pieces
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}", re.DOTALL)


def _bracket(part: str) -> str:
    if len(part) < 3 or part[0] != "[":
        return ""
    inverted = "^" if part[1] == "!" else ""
    content = part[1 + len(inverted) : -1].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    return f"[{inverted}{content}]"


def _value(text: str, start: int) -> str:
    literal = text[start:].strip()
    if not literal:
        raise _error(text, len(text.rstrip()), "a value")
    quoted = _QUOTED.fullmatch(literal)
    return _unquoted(quoted) if quoted else literal


def _list(text: str, start: int) -> tuple[str, ...]:
    items = re.findall(r'\s*"(?:[^"\\]|\\.)*"\s*|[^,]+', text[start:])
    values = [_value(item, 0) for item in items if item.strip()]
    if not values:
        raise _error(text, len(text.rstrip()), "values separated by commas")
    return tuple(values)


def _unquoted(match: re.Match[str]) -> str:
    return re.sub(r"\\(.)", r"\1", match[1])


def _error(text: str, position: int, expected: str) -> UsageError:
    while position < len(text) and text[position].isspace():
        position += 1
    found = repr(text[position:][:20]) if position < len(text) else "the end"
    return UsageError(
        f"--where {text!r}: expected {expected} at position {position + 1}, found {found}",
        hint="such as --where type=markdown or --where 'path~=docs/**'",
    )
