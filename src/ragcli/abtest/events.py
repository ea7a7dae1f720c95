"""Events as they arrive: from flags, or as JSON lines."""

import json
import math
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ragcli.abtest.store import Event
from ragcli.errors import DataError, UsageError

_KEYS = {"id", "user", "time", "variant", "metrics", "impression", "click"}
_EXAMPLE = '{"id": "e1", "user": "u7", "time": "2026-01-31T12:00:00Z", "metrics": {"clicked": 1}}'
_NAME = re.compile(r"[^\s:/=,\ud800-\udfff]{1,200}")  # surrogates are no UTF-8
_LATEST = 1e11  # seconds; in milliseconds it was 1973
MAX_LINE = 1_000_000


def new_id() -> str:
    """Of an event that comes without one."""
    return secrets.token_hex(12)


def parse_values(texts: Sequence[str]) -> dict[str, float]:
    """Read ``clicked=1``.

    Raises:
        UsageError: There is no ``=``, no name, or no finite number.
    """
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            found[name.strip()] = _amount(float(number)) if _NAME.fullmatch(name.strip()) else math.nan
        except ValueError:
            found[name.strip()] = math.nan
        if math.isnan(found[name.strip()]):
            raise UsageError(f"--metric {text!r} is no value", hint="NAME=NUMBER, such as clicked=1")
    return found


def parse_time(value: object) -> float:
    """Seconds since 1970 of a number or an ISO 8601 text; without an offset it is UTC.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is no ISO 8601 time, such as 2026-01-31T12:00:00Z") from error
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("neither a number of seconds nor an ISO 8601 text")
    if not 0 <= value < _LATEST:
        raise ValueError(f"{value} is no number of seconds since 1970; are these milliseconds?")
    return float(value)


def check_user(user: object) -> str:
    """A text that can be stored.

    Raises:
        ValueError: It is none, is empty, or holds what UTF-8 does not.
    """
    if not isinstance(user, str) or not user:
        raise ValueError("user is missing, or no text")
    try:
        user.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"user {user!r} is no UTF-8") from error
    return user


def parse_events(lines: Iterable[bytes], name: str, variants: Sequence[str]) -> Iterator[Event]:
    """Read JSON lines; empty ones are passed over. An event without an id is known by all that it says.

    Args:
        lines: Of the file.
        name: Of the file, for errors.
        variants: Names that an event may say.

    Raises:
        DataError: A line is no event; those before it have been yielded.
    """
    known = frozenset(variants)
    names: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            if len(line) > MAX_LINE:
                raise ValueError(f"longer than {MAX_LINE:,} bytes")
            yield _event(json.loads(line.decode()), known, names)
        except (ValueError, RecursionError) as error:
            rest = "; the lines before it are recorded" if number > 1 else ""
            raise DataError(f"{name}:{number}: {error}{rest}", hint=f"a line is such as {_EXAMPLE}") from error


def _event(record: Any, variants: frozenset[str], names: set[str]) -> Event:
    if not isinstance(record, dict):
        raise ValueError("not an object")
    if unknown := record.keys() - _KEYS:
        raise ValueError(f"unknown key {min(unknown)!r}")
    user, variant = check_user(record.get("user")), record.get("variant", "")
    if not isinstance(variant, str):
        raise ValueError("variant is no text")
    if variant and variant not in variants:
        raise ValueError(f"there is no variant {variant!r}, only {', '.join(sorted(variants))}")
    if "time" not in record:
        raise ValueError("time is missing: when did it happen?")
    try:
        time = parse_time(record["time"])
    except ValueError as error:
        raise ValueError(f"time: {error}") from error
    metrics = _metrics(record.get("metrics", {}), names)
    detail = _click(record)
    event = record.get("id")
    if event is not None and (not isinstance(event, str) or not event or not event.isprintable()):
        raise ValueError("id is no printable text")
    if not (metrics or variant or detail):
        raise ValueError("neither metrics nor a variant: what happened?")
    return Event(event or _identity(record), user, time, variant, metrics, detail)


def _metrics(found: object, names: set[str]) -> Mapping[str, float]:
    """The values of an event. Names that were seen before are not looked at again."""
    if not isinstance(found, dict):
        raise ValueError("metrics is no object")
    for name in found.keys() - names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a metric")
        names.add(name)
    try:
        if all(map(math.isfinite, found.values())):
            return found
    except (TypeError, OverflowError):
        pass
    wrong = next(name for name, value in found.items() if not _is_amount(value))
    raise ValueError(f"metric {wrong}: {found[wrong]!r} is no finite number")


def _is_amount(value: object) -> bool:
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False


def _click(record: Mapping[str, Any]) -> dict[str, Any]:
    if "impression" not in record and "click" not in record:
        return {}
    return click(record.get("impression"), record.get("click"))


def click(impression: object, rank: object) -> dict[str, Any]:
    """What a click on a mixed ranking is kept as.

    Raises:
        ValueError: It does not say which hit of which impression.
    """
    if (
        not isinstance(impression, str)
        or not impression.isprintable()
        or isinstance(rank, bool)
        or not isinstance(rank, int)
        or rank < 1
    ):
        raise ValueError("a click names its impression and a rank from 1")
    return {"impression": impression, "click": rank}


def _amount(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no finite number")
    return value


def _identity(record: Mapping[str, Any]) -> str:
    from hashlib import blake2b

    return blake2b(json.dumps(record, sort_keys=True).encode(), digest_size=12).hexdigest()
