"""A folder of documents, questions about them, and configurations that answer them well, badly and alike."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.evaluate.sweep.conftest import write_documents

from ragcli.config.load import load_config
from ragcli.config.settings import Config
from ragcli.evaluate.datasets import load_dataset
from ragcli.evaluate.judgements import Dataset
from ragcli.index.build import build_index
from ragcli.ingest.sync import sync
from ragcli.workspace import Workspace

ANIMALS = (
    *("ant", "bear", "camel", "deer", "eagle", "fox", "goat", "hare", "ibis", "jackal"),
    *("koala", "lion", "mole", "newt", "otter", "panda", "quail", "raven", "seal", "tiger"),
)
PAGES = {f"{name}.md": f"# The {name}\n\nHere lives the {name}, and nobody else.\n" for name in ANIMALS}
QUESTIONS = [(f"where lives the {name}", {f"{name}.md": 1}) for name in ANIMALS]
CONFIG = """\
ingest:
  sources: [{path: docs}]
index:
  embedder: {kind: hashing, dimension: 8}
evaluate:
  dataset: queries.jsonl
  metrics: [nDCG@3]
  top_k: 5
query:
"""
GOOD, BAD = "  strategy: lexical\n", "  strategy: dense\n"

Load = Callable[..., tuple[Path, Config]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Indexed; ``good.yaml`` finds every animal, ``bad.yaml``, by eight numbers a text, few of them."""
    root = tmp_path / "project"
    write_documents(root, PAGES, QUESTIONS)
    for name, query in (("good", GOOD), ("same", GOOD), ("bad", BAD)):
        (root / f"{name}.yaml").write_text(CONFIG + query, encoding="utf-8")
    monkeypatch.chdir(root)
    config = load_config(root / "good.yaml").config
    sync(config, root)
    build_index(config, Workspace(config.workspace.path))
    return root


@pytest.fixture
def configured(project: Path) -> Load:
    """A configuration of the project by name, with settings overridden."""

    def load(name: str, *overrides: str) -> tuple[Path, Config]:
        return Path(f"{name}.yaml"), load_config(project / f"{name}.yaml", overrides=overrides).config

    return load


@pytest.fixture
def dataset(project: Path) -> Dataset:
    return load_dataset(project / "queries.jsonl")


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which every look takes a millisecond, so that a search takes as long as it has stages."""
    looks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: next(looks) / 1000)
