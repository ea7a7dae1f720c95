"""The branch, from CI variables and from git's own files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ragcli.evaluate.branches import branch, commit


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch", "GITHUB_HEAD_REF": ""}, "main"),
        ({"GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "topic/x"}, "topic/x"),
        ({"GITHUB_REF_NAME": "v1.0", "GITHUB_REF_TYPE": "tag"}, ""),
        ({"CI_COMMIT_REF_NAME": "main"}, "main"),
        ({"CI_COMMIT_REF_NAME": "v1.0", "CI_COMMIT_TAG": "v1.0"}, ""),
        ({"BUILD_SOURCEBRANCH": "refs/heads/topic/x"}, "topic/x"),
        ({"GIT_BRANCH": "origin/main"}, "main"),
        ({}, ""),
    ],
)
def test_ci_systems(tmp_path: Path, environment: dict[str, str], expected: str) -> None:
    assert branch(tmp_path, environment) == expected


def test_commit_of_ci_systems(tmp_path: Path) -> None:
    assert commit(tmp_path, {"GITHUB_SHA": "abc"}) == "abc"
    assert commit(tmp_path, {}) == ""


def test_git_files_agree_with_git(tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def git(*words: str, folder: Path = tmp_path / "repo") -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    repo = tmp_path / "repo"
    repo.mkdir()
    git("init", "--initial-branch", "topic/x")
    assert (branch(repo, {}), commit(repo, {})) == ("topic/x", "")
    git("commit", "--allow-empty", "--message", "one")
    head = git("rev-parse", "HEAD")
    git("pack-refs", "--all")
    assert not (repo / ".git" / "refs" / "heads" / "topic" / "x").exists()
    (repo / "deep" / "er").mkdir(parents=True)
    assert (branch(repo / "deep" / "er", {}), commit(repo / "deep" / "er", {})) == ("topic/x", head)
    git("worktree", "add", "-b", "side", "../side")
    assert (branch(tmp_path / "side", {}), commit(tmp_path / "side", {})) == ("side", head)
    git("checkout", "--detach")
    assert (branch(repo, {}), commit(repo, {})) == ("", head)
