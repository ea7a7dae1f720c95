"""A folder of documents with a configuration, questions and a grid."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

PAGES = {
    "apple.md": "# Apples\n\nApples are red fruit that grow on trees. They are picked in autumn by many hands.\n",
    "pear.md": "# Pears\n\nPears are green fruit. A pear tree needs a warm wall and much patience.\n",
    "car.md": "# Cars\n\nCars are red machines. A car needs fuel, and its engine burns fuel to move the car.\n",
    "zoo.md": "# The zoo\n\nThe zebra eats grass all day. The lion sleeps near the wall and eats no fruit.\n",
    "keys.md": "# Keys\n\nSigning keys rotate once a quarter. Lost keys are revoked at once by the owner.\n",
    "backup.md": "# Backups\n\nSnapshots are taken every night. They are kept for thirty days, then removed.\n",
}
QUESTIONS = [
    ("red fruit on trees", {"apple.md": 2, "pear.md": 1}),
    ("green fruit", {"pear.md": 1}),
    ("what does an engine burn", {"car.md": 1}),
    ("who eats grass", {"zoo.md": 1}),
    ("warm wall", {"pear.md": 1, "zoo.md": 1}),
    ("when do keys rotate", {"keys.md": 1}),
    ("lost keys", {"keys.md": 1}),
    ("how long are snapshots kept", {"backup.md": 1}),
    ("what is done at once in the night", {"backup.md": 2, "keys.md": 1}),
    ("picked in autumn", {"apple.md": 1}),
    ("a machine at the wall", {"car.md": 1}),
    ("what is removed after which time", {"backup.md": 1}),
]
CONFIG = """\
ingest:
  sources:
    - path: docs
  chunker:
    structured: {size_tokens: 12, min_tokens: 0}
index:
  embedder:
    kind: hashing
    dimension: 8
evaluate:
  dataset: queries.jsonl
  top_k: 3
"""


def write_documents(root: Path, pages: Mapping[str, str], questions: Iterable[tuple[str, dict[str, int]]]) -> None:
    """Documents by name, and questions with the grades of those that answer them, numbered from q0."""
    (root / "docs").mkdir(parents=True)
    for name, text in pages.items():
        (root / "docs" / name).write_text(text, encoding="utf-8")
    lines = (
        json.dumps({"id": f"q{number}", "question": text, "relevant": relevant}) + "\n"
        for number, (text, relevant) in enumerate(questions)
    )
    (root / "queries.jsonl").write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a user who has not run ragcli yet."""
    root = tmp_path / "project"
    write_documents(root, PAGES, QUESTIONS)
    (root / "base.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(root)
    return root
