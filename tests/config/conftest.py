"""A working directory of its own, and loading as a command does it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ragcli.config.load import LoadedConfig, load_config

Load = Callable[..., LoadedConfig]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the test."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("RAGCLI_MODELS__CACHE", raising=False)
    return folder


@pytest.fixture
def load(work: Path) -> Load:
    """Write ``ragcli.yaml`` and load it with overrides, flags and variables."""

    def load(
        text: str | bytes | None = None,
        *overrides: str,
        flags: dict[str, object] | None = None,
        environment: dict[str, str] | None = None,
    ) -> LoadedConfig:
        if text is not None:
            (work / "ragcli.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
        return load_config(overrides=overrides, flags=flags, environment=environment or {})

    return load
