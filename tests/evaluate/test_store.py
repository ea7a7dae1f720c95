"""Results kept in the workspace."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ragcli.errors import BackendError, DataError
from ragcli.evaluate import branches
from ragcli.evaluate import store as module
from ragcli.evaluate.result import EvalResult, StoredHit
from ragcli.evaluate.store import ResultStore, read_result


def result(value: float, dataset: str = "d") -> EvalResult:
    return EvalResult(dataset, ("a",), {"MRR": np.array([value])})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ResultStore:
    for name in branches._BRANCHES + branches._COMMITS:
        monkeypatch.delenv(name, raising=False)
    return ResultStore(tmp_path / "results", tmp_path)


def save(store: ResultStore, value: float, branch: str, monkeypatch: pytest.MonkeyPatch, dataset: str = "d") -> str:
    monkeypatch.setenv("BRANCH_NAME", branch)
    return store.save(result(value, dataset)).id


def test_what_is_saved_is_found_by_id_last_branch_and_path(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    first = save(store, 0.1, "main", monkeypatch)
    second = save(store, 0.2, "main", monkeypatch)
    third = save(store, 0.3, "topic/x", monkeypatch)
    assert [entry.id for entry in store.entries()] == [third, second, first]
    assert store.entries()[0].branch == "topic/x"
    assert store.load(first) == (first, result(0.1))
    assert store.load("@last") == (third, result(0.3))
    assert store.load("@branch:main") == (second, result(0.2))
    path = str(store.folder / f"{first}.json")
    assert store.load(path)[1] == result(0.1)


def test_texts_of_hits_are_not_stored(store: ResultStore) -> None:
    hit = StoredHit("a.md", 0.5, "c1", "a long text", 3, 14, 1, ((0, 1),))
    store.save(replace(result(0.1), hits={"a": (hit,)}))
    assert store.load("@last")[1].hits == {"a": (StoredHit("a.md", 0.5, "c1", "", 3, 14, 1),)}


def test_at_names_look_within_the_dataset(store: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    save(store, 0.1, "main", monkeypatch, "one")
    save(store, 0.2, "main", monkeypatch, "two")
    assert store.load("@last", dataset="one")[1] == result(0.1, "one")
    assert store.load("@branch:main", dataset="one")[1] == result(0.1, "one")
    with pytest.raises(DataError, match=r"no result of three is stored in .*; stored are: none"):
        store.load("@last", dataset="three")


def test_a_missing_branch_names_those_that_are_there(store: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    save(store, 0.1, "topic", monkeypatch)
    monkeypatch.delenv("BRANCH_NAME")
    store.save(result(0.2))
    with pytest.raises(DataError, match=r"no result on branch 'main' is stored in .*; stored are: no branch, topic"):
        store.load("@branch:main")


@pytest.mark.parametrize("reference", ["@", "@latest", "@branch", "@branch:", "@last:x"])
def test_other_at_names_are_refused(store: ResultStore, reference: str) -> None:
    with pytest.raises(DataError, match="names no stored result"):
        store.load(reference)


def test_an_empty_store(store: ResultStore) -> None:
    assert store.entries() == []
    with pytest.raises(DataError, match=r"no result is stored in .*; stored are: none"):
        store.load("@last")


def test_only_the_newest_are_kept_and_the_newest_of_each_branch(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    kept = save(store, 0.0, "main", monkeypatch)
    gone = [save(store, index, "topic", monkeypatch) for index in range(4)]
    monkeypatch.setenv("BRANCH_NAME", "other")
    last = [store.save(result(index), kept=3).id for index in range(3)]
    assert [entry.id for entry in store.entries()] == [*last[::-1], gone[-1], kept]
    assert store.save(result(9.0), kept=1).id == store.entries()[0].id
    assert len(store.entries()) == 2  # one kept, one spared


def test_a_list_reads_headers_only_and_passes_strangers_over(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    name = save(store, 0.1, "main", monkeypatch)
    path = store.folder / f"{name}.json"
    header = path.read_text().splitlines()[0]
    assert json.loads(path.read_text())["branch"] == "main"
    path.write_text(header + "\nnot json at all")
    (store.folder / "notes.json").write_text("{}")
    (store.folder / "20200101T000000.000000Z-000000.json").write_text("garbage")
    (store.folder / ".tmp-x").write_text("left by a crash")
    assert [entry.id for entry in store.entries()] == [name]
    with pytest.raises(DataError, match=re.escape(f"{path} is not JSON")):
        store.load(name)


def test_a_killed_writer_leaves_no_half_result(store: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(BackendError, match=r"cannot store the result in .*: No space left on device"):
        store.save(result(0.1))
    assert list(store.folder.iterdir()) == []


def test_files_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"cannot read the result .*none\.json: No such file"):
        read_result(tmp_path / "none.json")
    with pytest.raises(DataError, match="cannot read the result"):
        read_result(tmp_path)
    (tmp_path / "big.json").write_text("{}" * 50)
    monkeypatch.setattr(module, "MAX_BYTES", 99)
    with pytest.raises(DataError, match="larger than 99 bytes"):
        read_result(tmp_path / "big.json")
