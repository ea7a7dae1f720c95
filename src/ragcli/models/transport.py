"""The vendor's client, held to what ragcli means to send and is ready to read."""

from collections.abc import Iterator

import httpx2
import openai

from ragcli.config.endpoint import EndpointSettings
from ragcli.errors import BackendError
from ragcli.models.pace import Pace


class _Client(openai.OpenAI):
    """Without what its environment variables would add: an organisation, a project, any header."""

    @property
    def default_headers(self) -> dict[str, str | openai.Omit]:
        return {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # what was compressed has no bound
            "Content-Type": "application/json",
            "User-Agent": f"OpenAI/Python {openai.__version__}",
        }


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


def build_client(settings: EndpointSettings, where: str, key: str, limit: int, pace: Pace) -> openai.OpenAI:
    """The client of one service; it follows no redirect, which could carry the key to another host.

    Args:
        settings: Where it is, and how patiently it is asked.
        where: The service, as errors call it.
        key: Sent as a bearer token; empty for none.
        limit: Bytes of an answer; more are not read.
        pace: When a request may go out.

    Raises:
        OSError, ValueError, ImportError: The environment's proxy or certificates cannot be used.
    """

    def send(request: httpx2.Request) -> None:
        if not key:
            del request.headers["Authorization"]
        pace.wait()

    def receive(response: httpx2.Response) -> None:
        packed = response.headers.pop("Content-Encoding", "identity")
        if response.is_success and packed.lower() != "identity":
            said = f"{where} compressed its answer ({packed}), which was not asked for"
            raise BackendError(said, hint="turn compression off there")
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Bounded(response.stream, limit, where)

    return _Client(
        api_key=key or "none",
        base_url=settings.base_url,
        timeout=settings.timeout_s,
        max_retries=settings.max_retries,
        http_client=httpx2.Client(follow_redirects=False, event_hooks={"request": [send], "response": [receive]}),
    )
