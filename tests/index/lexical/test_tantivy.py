"""What only tantivy has: identifiers, hard links, locks, segments."""

import os
from pathlib import Path

import numpy as np
import pytest

from ragcli.config.index import TantivyConfig
from ragcli.errors import BackendError
from ragcli.index.lexical.build import open_lexical, update_lexical
from ragcli.workspace.catalog import IndexText

CONFIG = TantivyConfig()


def texts(corpus: dict[int, str]) -> list[IndexText]:
    return [IndexText(row, 0, 0, len(text), "", text) for row, text in corpus.items()]


@pytest.mark.parametrize(
    ("question", "first"),
    [("ERR-1042", 2), ("what does err_1042 mean", 2), ("v2.3.1", 4), ("foo_bar", 6), ("CVE-2024-3094", 8)],
)
def test_a_whole_identifier_beats_its_scattered_parts(question: str, first: int, tmp_path: Path) -> None:
    corpus = {
        1: "err err err, see section 1042: 1042 errors",
        2: "The service answers with the code ERR-1042 when the quota of the account is used up for the day",
        3: "v2 v2 3 3 1 1 3.1",
        4: "Released with version v2.3.1 of the package, which all customers should install as soon as they can",
        5: "foo foo foo and then bar bar bar",
        6: "Use foo_bar where a value of the other kind is expected by the function that is called in the end",
        7: "cve cve 2024 2024 3094 3094",
        8: "The advisory CVE-2024-3094 tells which releases have the back door and how to find out about it",
    }
    update_lexical(tmp_path / "l", None, CONFIG, texts(corpus), [])
    _, rows = open_lexical(tmp_path / "l", CONFIG).search(question, 3)
    assert rows[0] == first


def test_an_increment_shares_data_files_and_never_locks_or_metadata(tmp_path: Path) -> None:
    parent, child = tmp_path / "1", tmp_path / "2"
    update_lexical(parent, None, CONFIG, texts({row: f"word{row} common" for row in range(100)}), [])
    open_lexical(parent, CONFIG)  # makes tantivy's lock file beside the data
    update_lexical(child, parent, CONFIG, texts({100: "new common"}), [7])
    inodes = {file.name: file.stat().st_ino for file in parent.iterdir()}
    shared = {file.name for file in child.iterdir() if inodes.get(file.name) == file.stat().st_ino}
    assert {name.rpartition(".")[2] for name in shared} == {"term", "idx", "pos", "store", "fast", "fieldnorm"}
    assert "meta.json" not in shared
    assert ".managed.json" not in shared
    assert not [file.name for file in child.iterdir() if file.name.endswith(".lock")]


def test_many_increments_stay_few_segments_and_the_first_stays_searchable(tmp_path: Path) -> None:
    """Tantivy merges and removes files in the newest directory only."""
    update_lexical(tmp_path / "0", None, CONFIG, texts({0: "common zero"}), [])
    first = open_lexical(tmp_path / "0", CONFIG)
    for step in range(1, 13):
        corpus = texts({step: f"common word{step}"})
        update_lexical(tmp_path / str(step), tmp_path / str(step - 1), CONFIG, corpus, [])
    last = open_lexical(tmp_path / "12", CONFIG)
    assert last.search("common", 100)[1].tolist() == list(range(13))
    segments = list((tmp_path / "12").glob("*.term"))
    assert len(segments) < 9
    assert first.search("common", 100)[1].tolist() == [0]
    assert open_lexical(tmp_path / "0", CONFIG).search("common", 100)[1].tolist() == [0]
    for step in range(12):
        assert len(open_lexical(tmp_path / str(step), CONFIG)) == step + 1


def test_a_reader_outlives_the_removal_of_its_directory(tmp_path: Path) -> None:
    update_lexical(tmp_path / "1", None, CONFIG, texts({1: "alpha", 2: "beta alpha"}), [])
    reader = open_lexical(tmp_path / "1", CONFIG)
    for file in (tmp_path / "1").iterdir():
        file.unlink()
    assert reader.search("alpha", 5, np.array([2], dtype=np.int64))[1].tolist() == [2]


def test_a_bulk_build_is_one_segment_in_order_of_rows(tmp_path: Path) -> None:
    update_lexical(tmp_path / "1", None, CONFIG, texts({row: f"word{row % 50} common" for row in range(5000)}), [])
    assert len(list((tmp_path / "1").glob("*.term"))) == 1
    assert open_lexical(tmp_path / "1", CONFIG).search("word7", 3)[1].tolist() == [7, 57, 107]


def test_a_directory_that_cannot_be_written_is_a_backend_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(BackendError):
        update_lexical(tmp_path / "file" / "lexical", None, CONFIG, [], [])


def test_a_directory_that_cannot_be_written_is_searched_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_lexical(tmp_path / "lexical", None, CONFIG, texts({1: "signing keys"}), [])
    before = sorted((tmp_path / "lexical").iterdir())
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    _, rows = open_lexical(tmp_path / "lexical", CONFIG).search("keys", 5)
    assert rows.tolist() == [1]
    assert sorted((tmp_path / "lexical").iterdir()) == before
