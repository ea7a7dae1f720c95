"""Settings of model files and their runtimes."""

from pathlib import Path

from pydantic import Field

from ragcli.config.base import Settings


class ModelsConfig(Settings):
    """Where models are looked for and how they run."""

    cache: Path | None = None
    """Folder for exported models; the user's cache folder unless set."""
    offline: bool = False
    """Never contact a hub, even for a model that is nowhere on this machine."""
    threads: int = Field(default=0, ge=0, le=1024)
    """Threads of the model runtime; 0 takes every core this process may use."""
    prices: Path | None = None
    """YAML file of prices that go before ragcli's own, in the layout of `ragcli/models/prices.yaml`."""
