"""Exceptions of the SDK and their relation to the codes of the appliance."""

from __future__ import annotations

from typing import Any


class MarlstoneError(Exception):
    """An error that the appliance has reported.

    The attribute ``code`` is the code of the error reference, for example ``MRL-3006``.
    It is ``None`` when the answer did not come from an appliance but, for example,
    from a proxy.
    """

    def __init__(self, message: str, code: str | None = None, status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class NotAuthenticatedError(MarlstoneError):
    """The token is missing (MRL-4001) or has expired (MRL-4002)."""


class ScopeMissingError(MarlstoneError):
    """The token lacks a scope (MRL-4003)."""


class RateLimitedError(MarlstoneError):
    """Too many requests (MRL-4010), after all attempts have been used up."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, code="MRL-4010", status=429)
        self.retry_after = retry_after


class ApprovalRequiredError(MarlstoneError):
    """A second administrator has to confirm (MRL-4011).

    The operation has not been carried out. Pass ``approval`` to
    ``Client.wait_approval``, or show it to the user.
    """

    def __init__(self, message: str, approval: str) -> None:
        super().__init__(message, code="MRL-4011", status=202)
        self.approval = approval


class VaultLockedError(MarlstoneError):
    """The vault is locked (MRL-2001, MRL-2012 or MRL-2013)."""


class SealedError(MarlstoneError):
    """A seal or a legal hold prevents the operation (MRL-6001, MRL-6003, MRL-6004)."""


_BY_CODE = {
    "MRL-2001": VaultLockedError,
    "MRL-2012": VaultLockedError,
    "MRL-2013": VaultLockedError,
    "MRL-4001": NotAuthenticatedError,
    "MRL-4002": NotAuthenticatedError,
    "MRL-4003": ScopeMissingError,
    "MRL-6001": SealedError,
    "MRL-6003": SealedError,
    "MRL-6004": SealedError,
}


def error_from_answer(status: int, body: Any, retry_after: str | None = None) -> MarlstoneError:
    """Build the exception that fits an answer of the appliance."""
    if not isinstance(body, dict):
        return MarlstoneError(f"unexpected answer with status {status}", status=status)
    code = body.get("code")
    message = str(body.get("detail") or body.get("name") or f"status {status}")
    if code == "MRL-4010":
        return RateLimitedError(message, retry_after=float(retry_after or 1.0))
    if code == "MRL-4011":
        return ApprovalRequiredError(message, approval=str(body.get("approval", "")))
    return _BY_CODE.get(str(code), MarlstoneError)(message, code, status)
