"""Documents to ask about."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragcli.config.load import load_config
from ragcli.ingest.sync import sync
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

PAGES = {
    "backup.md": (
        "# Taking snapshots\n\nA snapshot is a read-only copy of all files of a host at one moment.\n\n"
        "## Retention of snapshots\n\nSnapshots are kept for thirty days and are then removed by the nightly janitor.\n"
    ),
    "keys.md": (
        "# Overview\n\nThe signing key is a secret that only the release server knows.\n\n"
        "## When do signing keys rotate?\n\nSigning keys rotate once a quarter, on the first Monday of it.\n"
    ),
    "errors.md": (
        "# Overview\n\nThis is a list of codes and what they mean to an operator.\n\n"
        "## 2. Codes of the agent\n\nThe code MRL-4008 tells that a quorum of witnesses was not reachable in time.\n"
        "See [the list of errors](errors-v3.md) for everything that is not told here at all.\n"
    ),
    "ports.md": "# Ports\n\nThe gateway XK-77 forwards every request to the nearest vault of the customer.\n",
    "twice.md": (
        "# Said twice\n\nThis sentence stands in the document two times, word for word.\n\n"
        "This sentence stands in the document two times, word for word.\n"
    ),
}

CONFIG = """\
ingest:
  sources:
    - path: docs
  chunker:
    structured: {size_tokens: 24, min_tokens: 0}
index:
  embedder:
    kind: hashing
"""


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with a configuration, its documents ingested."""
    root = tmp_path / "project"
    (root / "docs").mkdir(parents=True)
    for name, text in PAGES.items():
        (root / "docs" / name).write_text(text, encoding="utf-8")
    (root / "ragcli.yaml").write_text(CONFIG, encoding="utf-8")
    loaded = load_config(root / "ragcli.yaml")
    sync(loaded.config, loaded.base)
    return root


@pytest.fixture
def catalog(documents: Path) -> Iterator[Catalog]:
    """What was ingested."""
    with Catalog(Workspace(documents / ".ragcli").catalog, readonly=True) as catalog:
        yield catalog
