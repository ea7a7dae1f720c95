"""The HTTP below a service's client: only what ragcli means to send goes out, only so much comes in."""

from collections.abc import Iterator

import httpx2

from ragcli.errors import BackendError
from ragcli.models.pace import Pace

# The vendor's client would add what its environment variables say: an organisation, a project, any header.
_SENT = frozenset(
    ["host", "connection", "accept", "content-type", "content-length", "user-agent", "x-stainless-retry-count"]
)


class _Bounded(httpx2.SyncByteStream):
    """The body of an answer, up to a limit."""

    def __init__(self, body: httpx2.SyncByteStream, limit: int, where: str) -> None:
        self._body = body
        self._limit = limit
        self._where = where

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        for block in self._body:
            read += len(block)
            if read > self._limit:
                raise BackendError(f"{self._where} answered with more than {self._limit:,} bytes")
            yield block

    def close(self) -> None:
        self._body.close()


def guarded_client(where: str, key: str, limit: int, pace: Pace) -> httpx2.Client:
    """An HTTP client for one service; it follows no redirect, which could carry the key to another host.

    Args:
        where: The service, as errors call it.
        key: Sent as a bearer token; empty for none.
        limit: Bytes of an answer; more are not read.
        pace: When a request may go out.

    Raises:
        OSError, ValueError, ImportError: The environment's proxy or certificates cannot be used.
    """

    def send(request: httpx2.Request) -> None:
        for name in set(request.headers) - _SENT:
            del request.headers[name]
        request.headers["Accept-Encoding"] = "identity"  # what is unpacked has no bound
        if key:
            request.headers["Authorization"] = f"Bearer {key}"
        pace.wait()

    def receive(response: httpx2.Response) -> None:
        packed = response.headers.pop("Content-Encoding", "identity")
        if response.is_success and packed.lower() != "identity":
            said = f"{where} packed its answer ({packed}), which was not asked for"
            raise BackendError(said, hint="turn compression off there")
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Bounded(response.stream, limit, where)

    return httpx2.Client(follow_redirects=False, event_hooks={"request": [send], "response": [receive]})
