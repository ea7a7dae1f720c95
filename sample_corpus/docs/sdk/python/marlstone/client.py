"""Client for version 3 of the Marlstone API, without dependencies.

Example::

    client = Client("backup.example.net", token_file="~/.config/marl/token")
    for snapshot in client.iter_snapshots(host="db01.example.net"):
        print(snapshot["id"])
"""

from __future__ import annotations

import json
import random
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marlstone.errors import MarlstoneError, RateLimitedError, error_from_answer

DEFAULT_PORT = 7443
MAX_ATTEMPTS = 6
MAX_PAUSE_SECONDS = 60.0
PAGE_SIZE = 500
_REPEATABLE = {502, 503, 504}


class Client:
    """Connection to one appliance.

    Objects of this class may be shared between threads: they hold no state apart
    from the token and the TLS context. There is no connection pool, so every
    request opens a new connection.
    """

    def __init__(
        self,
        appliance: str,
        token: str | None = None,
        token_file: str | None = None,
        ca_file: str | None = None,
        timeout: float = 70.0,
    ) -> None:
        """Create a client; exactly one of ``token`` and ``token_file`` must be given.

        The timeout is longer than the 60 seconds after which the appliance turns a
        slow request into a job, so that the client always sees the answer.
        """
        if (token is None) == (token_file is None):
            raise ValueError("give either token or token_file")
        if token_file is not None:
            token = Path(token_file).expanduser().read_text(encoding="utf-8").strip()
        host = appliance if ":" in appliance else f"{appliance}:{DEFAULT_PORT}"
        self._base = f"https://{host}/api/v3"
        self._token = token
        self._timeout = timeout
        self._tls = ssl.create_default_context(cafile=ca_file)

    # -- snapshots ---------------------------------------------------------

    def iter_snapshots(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield all snapshots that match, newest first.

        Pages are fetched when they are needed. If a consumer pauses for more than
        15 minutes between two pages, the cursor expires and MRL-4006 is raised;
        collect the items in a list first if the work on each of them is slow.
        """
        cursor: str | None = None
        while True:
            page = self._request("GET", "/snapshots", {**filters, "limit": PAGE_SIZE, "cursor": cursor})
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def delete_snapshot(self, snapshot: str) -> dict[str, Any]:
        """Move a snapshot into quarantine; repeating the call does no harm."""
        return self._request("DELETE", f"/snapshots/{snapshot}", repeatable=True)

    def seal_snapshot(self, snapshot: str, days: int, mode: str = "governed") -> dict[str, Any]:
        """Set or extend a seal.

        Shortening raises ApprovalRequiredError for a governed seal and SealedError for a
        strict one. The check that days lies between 1 and 3650 is left to the
        appliance, because the limit can be configured there.
        """
        body = {"days": days, "mode": mode}
        return self._request("PUT", f"/snapshots/{snapshot}/seal", body=body, repeatable=True)

    # -- restores ----------------------------------------------------------

    def start_restore(
        self, snapshot: str, paths: list[str], host: str, path: str, conflict: str = "skip"
    ) -> dict[str, Any]:
        """Start a restore and return its object.

        A random idempotency key is added, so that a repeated request does not start
        a second restore.
        """
        body = {
            "snapshot": snapshot,
            "paths": paths,
            "destination": {"host": host, "path": path},
            "conflict": conflict,
        }
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._request("POST", "/restores", body=body, headers=headers, repeatable=True)

    def wait_restore(self, restore: str, timeout: float, poll: float = 5.0) -> dict[str, Any]:
        """Wait until a restore has ended; raise TimeoutError if it takes too long."""
        end = time.monotonic() + timeout
        while True:
            state = self._request("GET", f"/restores/{restore}")
            if state["state"] in {"done", "failed", "cancelled"}:
                return state
            if time.monotonic() > end:
                raise TimeoutError(f"restore {restore} is still {state['state']}")
            time.sleep(max(poll, 5.0))

    def wait_approval(self, approval: str, timeout: float = 12 * 3600) -> bool:
        """Wait for a second administrator; return False if the approval has lapsed."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            state = self._request("GET", f"/approvals/{approval}")["state"]
            if state in {"confirmed", "lapsed"}:
                return bool(state == "confirmed")
            time.sleep(30.0)
        return False

    # -- transport ---------------------------------------------------------

    def _request(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        repeatable: bool = False,
    ) -> dict[str, Any]:
        """Send one request, repeating it when that is safe."""
        clean = {key: value for key, value in (query or {}).items() if value is not None}
        url = self._base + path + ("?" + urllib.parse.urlencode(clean, doseq=True) if clean else "")
        data = None if body is None else json.dumps(body).encode("utf-8")
        all_headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        repeatable = repeatable or method == "GET"
        for attempt in range(1, MAX_ATTEMPTS + 1):
            request = urllib.request.Request(url, data=data, headers=all_headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=self._timeout, context=self._tls) as answer:
                    content: dict[str, Any] = json.loads(answer.read() or b"{}")
                    if answer.status == 202 and "approval" in content:
                        raise error_from_answer(202, content)
                    return content
            except urllib.error.HTTPError as error:
                problem = _problem(error)
                if attempt == MAX_ATTEMPTS:
                    raise problem from error
                if isinstance(problem, RateLimitedError):
                    time.sleep(problem.retry_after)
                elif error.code in _REPEATABLE and repeatable:
                    time.sleep(_pause(attempt))
                else:
                    raise problem from error
            except urllib.error.URLError as error:
                if isinstance(error.reason, ssl.SSLCertVerificationError) or attempt == MAX_ATTEMPTS:
                    raise MarlstoneError(f"cannot reach the appliance: {error.reason}") from error
                time.sleep(_pause(attempt))
        raise AssertionError("unreachable")


def _pause(attempt: int) -> float:
    """Return one second, doubled with each attempt, plus up to 20 percent at random."""
    pause = min(2.0 ** (attempt - 1), MAX_PAUSE_SECONDS)
    return pause * (1.0 + random.random() * 0.2)


def _problem(error: urllib.error.HTTPError) -> MarlstoneError:
    """Turn an HTTP error into an exception of this package."""
    try:
        body = json.loads(error.read())
    except ValueError:
        body = None
    return error_from_answer(error.code, body, error.headers.get("Retry-After"))
