import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.errors import IndexCorruptError, IndexMissingError, IndexStateError
from ragcli.workspace import Workspace, generations


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


def publish(workspace: Workspace, content: str = "x") -> str:
    building = generations.new_directory(workspace)
    (building / "vectors").mkdir()
    (building / "vectors" / "data").write_text(content)
    return generations.publish(workspace, building)


def test_nothing_is_there_before_the_first_publication(workspace: Workspace) -> None:
    assert generations.current(workspace) is None
    assert generations.list_generations(workspace) == []
    assert generations.clean_leftovers(workspace) == []


def test_publishing_numbers_names_and_makes_live(workspace: Workspace) -> None:
    assert [publish(workspace, "a"), publish(workspace, "b")] == ["000001", "000002"]
    assert generations.current(workspace) == "000002"
    assert generations.list_generations(workspace) == ["000001", "000002"]
    assert (workspace.generations / "000001/vectors/data").read_text() == "a"
    assert stat.S_IMODE((workspace.generations / "000002").stat().st_mode) == 0o755


def test_what_is_being_built_is_not_listed(workspace: Workspace) -> None:
    publish(workspace)
    building = generations.new_directory(workspace)
    assert building.parent == workspace.generations
    assert str(os.getpid()) in building.name
    assert generations.list_generations(workspace) == ["000001"]


def test_rollback_and_publication_after_it(workspace: Workspace) -> None:
    for _ in range(3):
        publish(workspace)
    generations.set_current(workspace, "000001")
    assert generations.current(workspace) == "000001"
    assert publish(workspace) == "000004"


def test_a_removed_name_is_never_given_again(workspace: Workspace) -> None:
    publish(workspace)
    publish(workspace)
    generations.set_current(workspace, "000001")
    generations.remove(workspace, "000002")
    assert generations.list_generations(workspace) == ["000001"]
    assert publish(workspace) == "000003"


def test_removal_leaves_open_files_readable(workspace: Workspace) -> None:
    publish(workspace, "still here")
    publish(workspace)
    with (workspace.generations / "000001/vectors/data").open() as file:
        generations.remove(workspace, "000001")
        assert file.read() == "still here"


def test_the_live_generation_is_not_removed(workspace: Workspace) -> None:
    publish(workspace)
    with pytest.raises(IndexStateError, match="live"):
        generations.remove(workspace, "000001")
    assert generations.list_generations(workspace) == ["000001"]


@pytest.mark.parametrize("name", ["000009", "../etc", "", ".building-1", "1"])
def test_unknown_names_are_refused(workspace: Workspace, name: str) -> None:
    publish(workspace)
    (workspace.generations / ".building-1").mkdir()
    with pytest.raises(IndexMissingError):
        generations.set_current(workspace, name)
    with pytest.raises(IndexMissingError):
        generations.remove(workspace, name)
    assert generations.current(workspace) == "000001"


@pytest.mark.parametrize("content", [b"", b"../../etc", b"\xff\xfe", b"latest\n"])
def test_a_damaged_current_is_named_not_followed(workspace: Workspace, content: bytes) -> None:
    publish(workspace)
    workspace.current.write_bytes(content)
    with pytest.raises(IndexCorruptError, match="CURRENT"):
        generations.current(workspace)
    assert publish(workspace) == "000002"  # and the next publication repairs it
    assert generations.current(workspace) == "000002"


def test_leftovers_of_a_killed_writer_go_and_nothing_else(workspace: Workspace) -> None:
    publish(workspace)
    half_built = generations.new_directory(workspace)
    (half_built / "data").write_text("half")
    half_removed = workspace.generations / ".removing-000000"
    half_removed.mkdir()
    (workspace.root / ".tmp-CURRENT-77").write_text("0000")
    (workspace.root / "catalog.db").write_text("kept")
    assert generations.clean_leftovers(workspace) == sorted([half_built.name, ".removing-000000", ".tmp-CURRENT-77"])
    assert sorted(path.name for path in workspace.root.iterdir()) == ["CURRENT", "catalog.db", "generations"]
    assert [path.name for path in workspace.generations.iterdir()] == ["000001"]


def test_killed_between_rename_and_current_the_old_one_stays_live(workspace: Workspace) -> None:
    publish(workspace)
    generations.new_directory(workspace).rename(workspace.generations / "000002")
    assert generations.current(workspace) == "000001"
    assert publish(workspace) == "000003"


@settings(deadline=None, max_examples=20)  # every publication waits for the disk
@given(operations=st.lists(st.sampled_from(["publish", "rollback", "remove"]), max_size=8))
def test_names_only_ever_grow(tmp_path_factory: pytest.TempPathFactory, operations: list[str]) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("ws"))
    given_names: list[str] = []
    for operation in operations:
        names = generations.list_generations(workspace)
        live = generations.current(workspace)
        others = [name for name in names if name != live]
        if operation == "publish":
            given_names.append(publish(workspace))
            assert generations.current(workspace) == given_names[-1]
        elif operation == "rollback" and names:
            generations.set_current(workspace, names[0])
        elif operation == "remove" and others:
            generations.remove(workspace, others[-1])
            assert others[-1] not in generations.list_generations(workspace)
    assert given_names == sorted(set(given_names), key=int)
