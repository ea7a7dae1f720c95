import time

import pytest

from ragcli.ingest.globs import GlobList


@pytest.mark.parametrize(
    ("globs", "path", "matches"),
    [
        (["*.md"], "a.md", True),
        (["*.md"], "deep/down/a.md", True),
        (["*.md"], "a.md.txt", False),
        (["/*.md"], "deep/a.md", False),
        (["docs/*.md"], "docs/a.md", True),
        (["docs/*.md"], "docs/deep/a.md", False),
        (["docs/**"], "docs/a/b.md", True),
        (["docs/**"], "docs/", False),
        (["docs/**"], "other/docs/b.md", False),
        (["docs/**/b.md"], "docs/b.md", True),
        (["docs/**/b.md"], "docs/x/y/b.md", True),
        (["**/docs/b.md"], "docs/b.md", True),
        (["**/x/**/y/**/z"], "x/a/y/y/b/z", True),
        (["**/x/**/y/**/z"], "y/x/a/z", False),
        (["drafts/"], "drafts/", True),
        (["drafts/"], "drafts", False),
        (["*.md", "!a.md"], "a.md", False),
        (["!a.md", "*.md"], "a.md", True),
        (["a?.md"], "ab.md", True),
        (["a?b"], "a/b", False),
        (["[ab].md"], "c.md", False),
        (["[!ab].md"], "c.md", True),
        (["[a-c]x[]]"], "bx]", True),
        (["[[:digit:]]*"], "4x", True),
        (["a[/]b"], "a/b", False),
        (["*a*b*c"], "xxaxxbxxc", True),
        (["*a*b*c"], "xxbxxaxxc", False),
        (["*ab*ab"], "abxab", True),
        (["*ab*ab"], "ab", False),
        (["\\#x"], "#x", True),
        (["\\!x"], "!x", True),
        (["\\*"], "anything", False),
        (["a\\ "], "a ", True),
        (["a  "], "a", True),
        (["a\nb"], "a\nb", True),
        ([".*"], "x", False),
        (["[ab"], "a", False),
        (["a\\"], "a", False),
        (["/"], "a", False),
        ([], "a.md", False),
        (["", "# nothing"], "a.md", False),
    ],
)
def test_matches(globs: list[str], path: str, matches: bool) -> None:
    assert GlobList(globs).matches(path) is matches


def test_silence_is_not_refusal() -> None:
    globs = GlobList(["*.md", "!keep.md"])
    assert [globs.says(path) for path in ("a.md", "keep.md", "a.txt")] == [True, False, None]


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("a*" * 40 + "b", "a" * 250),
        ("**/a/" * 20 + "b", "a/" * 100 + "c"),
        ("*a**/" * 15 + "b", "aaa/" * 60 + "c"),
    ],
)
def test_no_pattern_is_slow(glob: str, path: str) -> None:
    started = time.process_time()
    assert not GlobList([glob]).matches(path)
    assert time.process_time() - started < 0.5
