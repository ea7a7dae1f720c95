"""Keep a service's limits per minute."""

import time
from threading import Lock

_MINUTE_S = 60.0


class Pace:
    """Spaces requests evenly; several threads may share it.

    Args:
        requests_per_minute: None for no limit.
        tokens_per_minute: None for no limit. Tokens are known only after a request, so it is the next that waits.
    """

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: int | None) -> None:
        self._request_s = _MINUTE_S / requests_per_minute if requests_per_minute else 0.0
        self._tokens_per_minute = tokens_per_minute
        self._next_request = self._next_token = 0.0
        self._lock = Lock()

    def wait(self) -> None:
        """Wait for a place in the line."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next_request, self._next_token)
            self._next_request = start + self._request_s
        time.sleep(start - now)

    def spend(self, tokens: int) -> None:
        """Note what a request took; whatever that was, after a minute it no longer counts."""
        limit = self._tokens_per_minute
        if limit is not None:
            with self._lock:
                start = max(time.monotonic(), self._next_token)
                self._next_token = start + _MINUTE_S * min(max(tokens, 0), limit) / limit
