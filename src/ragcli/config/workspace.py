"""Settings of the workspace: where the index lives and how it is shared."""

from pathlib import Path

from pydantic import Field

from ragcli.config.base import Settings


class WorkspaceConfig(Settings):
    """The directory on disk that holds catalog, generations and lock."""

    path: Path = Path(".ragcli")
    """Folder of the workspace; relative to the configuration file, or to the working directory without one."""
    keep_generations: int = Field(default=3, ge=1, le=1000)
    """How many published generations to keep for rollback; older ones are removed after an index run."""
    lock_timeout_s: float = Field(default=0.0, ge=0)
    """How long a writer waits for another one before it gives up with status 8."""
