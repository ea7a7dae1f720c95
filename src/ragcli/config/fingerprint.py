"""Short identities of settings, so that what they shaped can be recognised or refused later."""

import hashlib
import json
from collections.abc import Mapping

from ragcli.config.base import Settings


def fingerprint(*values: object) -> str:
    """16 hexadecimal digits of settings and plain values, the same on every machine and in every process.

    Settings count with their class and every field, defaults included: a default that changes between versions changes
    the fingerprint. Mappings count without their order, sequences with it.

    Raises:
        TypeError: For a value that is neither settings nor plain JSON data.
    """
    text = json.dumps([_canonical(value) for value in values], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _canonical(value: object) -> object:
    if isinstance(value, Settings):
        return {
            "": type(value).__name__,
            **{name: _canonical(getattr(value, name)) for name in type(value).model_fields},
        }
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"no fingerprint of {type(value).__name__}")
