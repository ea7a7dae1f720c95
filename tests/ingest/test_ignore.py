import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.config.ingest import SourceConfig
from ragcli.ingest.scan import scan
from ragcli.ingest.sources import Source

GIT = shutil.which("git")


def taken(root: Path) -> set[str]:
    source = Source("docs", root, "path", SourceConfig(path=root))
    return set(scan(source).files)


def not_ignored_by_git(root: Path) -> set[str]:
    command = ["git", "-C", str(root), "ls-files", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")
    return {path for path in found if path and not any(part.startswith(".") for part in path.split("/"))}


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")


def init(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q", str(root)], check=True)


def test_nested_files_and_negations(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    write(root, "a.md", "a.log", "keep.log", "build/x.md", "sub/b.log", "sub/deep/c.log", "sub/tmp/d.md", "tmp/e.md")
    (root / ".gitignore").write_text("# comment\n\n*.log\n!keep.log\n/tmp\nbuild/\n")
    (root / "sub/.gitignore").write_text("!b.log\n/tmp/\n")
    assert taken(root) == {"a.md", "keep.log", "sub/b.log"}


def test_a_folder_that_is_ignored_cannot_be_reopened_from_inside(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    write(root, "out/a.md", "b.md")
    (root / ".gitignore").write_text("out/\n!out/a.md\n")
    (root / "out/.gitignore").write_text("!a.md\n")
    assert taken(root) == {"b.md"}


def test_files_above_count_up_to_the_top_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.md\n")  # above the repository: not in force
    repository = tmp_path / "repository"
    write(repository, "docs/a.md", "docs/draft.txt", "docs/out/b.md")
    (repository / ".git").mkdir()
    (repository / ".gitignore").write_text("draft.*\n/docs/out\n")
    assert taken(repository / "docs") == {"a.md"}


def test_an_ignored_folder_that_is_named_is_taken(tmp_path: Path) -> None:
    write(tmp_path, "build/a.md")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("build/\n")
    assert taken(tmp_path / "build") == {"a.md"}
    assert taken(tmp_path) == set()


def test_a_gitignore_that_is_no_file_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "docs", "a.md")
    (tmp_path / "docs/.gitignore").mkdir()
    assert taken(tmp_path / "docs") == {"a.md"}


NAMES = st.sampled_from(["a", "b", "ab", "a.md", "b.md", "a b"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
PARTS = st.sampled_from(
    [
        "a",
        "b",
        "*",
        "**",
        "a*",
        "?",
        "*.md",
        "[ab]",
        "a.md",
        "ab",
        "[!a]",
        "[a-b]b",
        "*b*",
        "\\a",
        "[[:alpha:]]",
        "a b",
    ]
)
PATTERNS = st.builds(
    lambda start, parts, end: start + "/".join(parts) + end,
    st.sampled_from(["", "", "/", "!", "!/", "\\"]),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", " ", "/**"]),
)


@pytest.mark.skipif(GIT is None, reason="compares with git itself")
@settings(deadline=None, max_examples=40)
@given(
    paths=st.lists(PATHS, min_size=1, max_size=12, unique=True),
    top=st.lists(PATTERNS, max_size=4),
    nested=st.lists(PATTERNS, max_size=3),
)
def test_agrees_with_git(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str], top: list[str], nested: list[str]
) -> None:
    root = tmp_path_factory.mktemp("repository")
    init(root)
    for path in paths:
        parents = [root / part for part in Path(path).parents]
        if not any(parent.is_file() for parent in parents) and not (root / path).is_dir():
            write(root, path)
    (root / ".gitignore").write_text("\n".join(top))
    if (root / "a").is_dir():
        (root / "a/.gitignore").write_text("\n".join(nested))
    assert taken(root) == not_ignored_by_git(root)
