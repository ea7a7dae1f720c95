"""Marlstone SDK for Python, for version 3 of the HTTP API."""

from marlstone.client import Client
from marlstone.errors import ApprovalRequiredError, MarlstoneError, RateLimitedError, VaultLockedError

__all__ = ["ApprovalRequiredError", "Client", "MarlstoneError", "RateLimitedError", "VaultLockedError"]
__version__ = "3.2.1"
