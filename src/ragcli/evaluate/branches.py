"""Which branch and commit is this? From the variables of CI systems, else from git's files; git itself is not run."""

import os
from collections.abc import Mapping
from pathlib import Path

_BRANCHES = (
    "GITHUB_HEAD_REF",  # the pull request's own branch, where GITHUB_REF_NAME is 12/merge
    "GITHUB_REF_NAME",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "CI_COMMIT_BRANCH",
    "CI_COMMIT_REF_NAME",
    "BITBUCKET_BRANCH",
    "BUILD_SOURCEBRANCH",
    "CIRCLE_BRANCH",
    "BUILDKITE_BRANCH",
    "DRONE_BRANCH",
    "BRANCH_NAME",
    "GIT_BRANCH",
)
_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "BITBUCKET_COMMIT", "BUILD_SOURCEVERSION", "CIRCLE_SHA1", "GIT_COMMIT")
_TAGS = (("GITHUB_REF_TYPE", "tag"), ("CI_COMMIT_TAG", None))


def branch(folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Name of the branch; empty on a tag, a detached HEAD, or outside a repository."""
    found = os.environ if environment is None else environment
    if any(found.get(name) if value is None else found.get(name) == value for name, value in _TAGS):
        return ""
    for name in _BRANCHES:
        if found.get(name, "").strip():
            return found[name].strip().removeprefix("refs/heads/").removeprefix("origin/")
    return _head(folder)[0]


def commit(folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Hash of the commit; empty when it is not known."""
    found = os.environ if environment is None else environment
    named = next((found[name].strip() for name in _COMMITS if found.get(name, "").strip()), "")
    return named or _head(folder)[1]


def _head(folder: Path) -> tuple[str, str]:
    """Branch and commit of the checkout that holds a folder."""
    for parent in (folder.resolve(), *folder.resolve().parents):
        if (git := _git_folder(parent / ".git")) is None:
            continue
        head = _read(git / "HEAD")
        if not head.startswith("ref: "):
            return "", head
        reference = head.removeprefix("ref: ").strip()
        shared = (git / _read(git / "commondir")) if (git / "commondir").is_file() else git
        found = _read(git / reference) or _read(shared / reference) or _packed(shared / "packed-refs", reference)
        return reference.removeprefix("refs/heads/"), found
    return "", ""


def _packed(path: Path, reference: str) -> str:
    """Commit of a reference that ``git pack-refs`` moved into the one file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            return next((line.split()[0] for line in lines if line.rstrip("\n").endswith(f" {reference}")), "")
    except OSError:
        return ""


def _git_folder(path: Path) -> Path | None:
    """The repository behind ``.git``, which is a file in a worktree."""
    if path.is_dir():
        return path
    text = _read(path) if path.is_file() else ""
    return path.parent / text.removeprefix("gitdir:").strip() if text.startswith("gitdir:") else None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()[:1000]
    except (OSError, UnicodeDecodeError):
        return ""
