import os
import socket
from pathlib import Path

import pytest

from ragcli.config.ingest import SourceConfig
from ragcli.ingest.globs import GlobList
from ragcli.ingest.scan import Scan, scan
from ragcli.ingest.sources import Narrowing, Source


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    for path in ("a.md", "sub/b.md", "sub/deep/c.txt", ".hidden/d.md", ".e.md", ".git/config"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return root


def walk(root: Path, *selected: str, barred: tuple[str, ...] = (), **settings: object) -> Scan:
    config = SourceConfig.model_validate({"path": root, **settings})
    return scan(Source("docs", root, "path", config, selected, barred=frozenset(barred)))


def reasons(found: Scan) -> dict[str, str]:
    return {problem.path: problem.reason for problem in found.problems}


def test_files_come_with_size_and_time(root: Path) -> None:
    os.utime(root / "a.md", ns=(1, 1_700_000_000_123_456_789))
    found = walk(root)
    assert sorted(found.files) == ["a.md", "sub/b.md", "sub/deep/c.txt"]
    assert found.files["a.md"] == ("a.md", str(root / "a.md"), 4, 1_700_000_000_123_456_789)
    assert (found.problems, found.unknown) == ([], [])


def test_hidden_files_on_demand_but_never_git(root: Path) -> None:
    assert sorted(walk(root, hidden=True).files) == [".e.md", ".hidden/d.md", "a.md", "sub/b.md", "sub/deep/c.txt"]


def test_globs_take_and_leave_out(root: Path) -> None:
    assert sorted(walk(root, include=["*.md"]).files) == ["a.md", "sub/b.md"]
    assert sorted(walk(root, exclude=["sub/deep/"]).files) == ["a.md", "sub/b.md"]
    assert sorted(walk(root, include=["sub/**"], exclude=["*.txt"]).files) == ["sub/b.md"]


def test_narrowing_comes_on_top_of_the_sources_own_globs(root: Path) -> None:
    narrowing = Narrowing(GlobList(["sub/**"]), GlobList([]))
    settings = SourceConfig(path=root, include=("*.md",))
    found = scan(Source("docs", root, "config", settings, narrowing=narrowing))
    assert sorted(found.files) == ["sub/b.md"]


def test_a_part_of_a_source_keeps_its_paths_and_rules(root: Path) -> None:
    (root / ".gitignore").write_text("deep/\n")
    assert sorted(walk(root, "sub").files) == ["sub/b.md"]
    assert sorted(walk(root, "sub", gitignore=False).files) == ["sub/b.md", "sub/deep/c.txt"]
    assert sorted(walk(root, "sub/b.md", include=["*.txt"]).files) == ["sub/b.md"]


def test_other_sources_and_the_workspace_are_not_its_own(root: Path) -> None:
    assert sorted(walk(root, barred=("sub/deep", "a.md")).files) == ["sub/b.md"]


def test_links_are_never_followed_out_or_round(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    (tmp_path / "docs-evil").mkdir()
    (tmp_path / "docs-evil/x.md").write_text("a name that starts like the source's")
    (root / "out.md").symlink_to(tmp_path / "secret.md")
    (root / "sibling.md").symlink_to(tmp_path / "docs-evil/x.md")
    (root / "sub/up").symlink_to("..")
    (root / "loop1").symlink_to("loop2")
    (root / "loop2").symlink_to("loop1")
    (root / "gone.md").symlink_to("nothing")
    (root / "folder").symlink_to("sub/deep")
    found = walk(root)
    assert sorted(found.files) == ["a.md", "sub/b.md", "sub/deep/c.txt"]
    assert reasons(found) == {
        "out.md": "a symbolic link that leads out of the source",
        "sibling.md": "a symbolic link that leads out of the source",
        "sub/up": "a symbolic link that leads back to a folder above it",
        "loop1": "a symbolic link that leads back to itself",
        "loop2": "a symbolic link that leads back to itself",
        "gone.md": "a symbolic link that leads nowhere",
    }
    assert {problem.path for problem in found.problems if problem.state == "skipped"} == {"out.md", "sibling.md"}


def test_links_inside_are_taken_once(root: Path) -> None:
    (root / "again.md").symlink_to("a.md")  # a.md is there already
    (root / "shown.md").symlink_to(".hidden/d.md")  # what it points to is not
    found = walk(root)
    assert sorted(found.files) == ["a.md", "shown.md", "sub/b.md", "sub/deep/c.txt"]
    assert found.files["shown.md"].location == str(root / ".hidden/d.md")


def test_a_source_may_itself_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    (root / "inner.md").symlink_to("a.md")
    found = walk(tmp_path / "link")
    assert sorted(found.files) == ["a.md", "sub/b.md", "sub/deep/c.txt"]
    assert found.problems == []


def test_pipes_sockets_and_devices_are_listed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "pipe.md")
    monkeypatch.chdir(root)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.md")
        found = walk(root)
    assert reasons(found) == {"pipe.md": "a named pipe, not a file", "socket.md": "a socket, not a file"}


def test_a_pipe_among_files_is_skipped_but_one_asked_for_fails(root: Path) -> None:
    os.mkfifo(root / "pipe.md")
    assert [problem.state for problem in walk(root).problems] == ["skipped"]
    assert [problem.state for problem in walk(root, "pipe.md").problems] == ["failed"]


def test_names_that_are_no_text(root: Path) -> None:
    name = b"caf\xe9\n.md"
    (root / os.fsdecode(name)).write_bytes(b"x")
    found = walk(root)
    entry = found.files["caf\\xe9\n.md"]
    assert os.fsencode(entry.location).endswith(name)
    (root / "caf\\xe9\n.md").write_text("the same name once written as text")
    found = walk(root)
    assert reasons(found) == {"caf\\xe9\n.md": "its name is the same as another's once it is written as text"}


def test_a_folder_that_cannot_be_listed_is_unknown_not_empty(root: Path) -> None:
    deep = root
    names = ["d" * 250] * 17  # beyond what one path may hold
    descriptor = os.open(deep, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=descriptor)
        inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    found = walk(root)
    assert sorted(found.files) == ["a.md", "sub/b.md", "sub/deep/c.txt"]
    (problem,) = found.problems
    assert problem.reason == "the folder cannot be listed: file name too long"
    assert found.unknown == [f"{problem.path}"]


def test_a_configuration_is_no_document(root: Path) -> None:
    (root / "ragcli.yaml").write_text("query: {top_k: 3}\n")
    assert sorted(walk(root).files) == ["a.md", "sub/b.md", "sub/deep/c.txt"]
