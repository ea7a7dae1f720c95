"""Verification of signed webhooks (API version 3)."""

from __future__ import annotations

import hashlib
import hmac
import time

TOLERANCE_SECONDS = 300


class BadSignatureError(ValueError):
    """The request was not sent by the appliance, or it is too old."""


def verify(header: str, body: bytes, secret: str, now: float | None = None) -> int:
    """Check the header ``Marl-Signature`` and return the time of the event.

    Pass the body exactly as it was received. A framework that parses JSON and
    writes it again changes spaces, and the signature does not fit any more.
    """
    parts = dict(item.split("=", 1) for item in header.split(",") if "=" in item)
    try:
        moment = int(parts["t"])
        given = parts["v1"]
    except (KeyError, ValueError):
        raise BadSignatureError("the header is incomplete") from None
    expected = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, given):
        raise BadSignatureError("the signature does not fit")
    if abs((time.time() if now is None else now) - moment) > TOLERANCE_SECONDS:
        raise BadSignatureError("the request is too old")
    return moment
