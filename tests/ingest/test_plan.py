from pathlib import Path

import pytest

from ragcli.config.ingest import SourceConfig
from ragcli.ingest.parse import content_digest
from ragcli.ingest.plan import Renamed, SourcePlan, find_renamed, plan_source
from ragcli.ingest.scan import FoundFile, Problem, Scan
from ragcli.ingest.sources import Source
from ragcli.workspace.ledger import FileRow, FileState

SETTINGS, SECOND = "fingerprint", 1_000_000_000
LONG_AFTER = 100 * SECOND
SOURCE = Source("docs", Path("/docs"), "path", SourceConfig(path=Path("/docs")))


def row(path: str, content: str = "text", state: FileState = "read", **more: object) -> FileRow:
    plan = SourcePlan(SOURCE, SETTINGS)
    digest = content_digest(content.encode())
    made = FileRow(path, len(content), SECOND, LONG_AFTER, digest, plan.settings_for(state), state, "")
    return made._replace(**more)  # type: ignore[arg-type]  # the test names the fields


def found(path: str, content: str = "text", mtime_ns: int = SECOND, location: str = "/nowhere") -> FoundFile:
    return FoundFile(path, location, len(content), mtime_ns)


def plan(files: list[FoundFile], rows: list[FileRow], source: Source = SOURCE, **scan: object) -> SourcePlan:
    walked = Scan({file.path: file for file in files}, **scan)  # type: ignore[arg-type]  # the test names the fields
    return plan_source(source, SETTINGS, walked, {one.path: one for one in rows})


def test_what_is_new_and_what_is_as_it_was() -> None:
    made = plan([found("b"), found("a"), found("c")], [row("a"), row("c")])
    assert ([file.path for file in made.to_read], made.unchanged, made.touched) == (["b"], 2, [])


@pytest.mark.parametrize(
    "known",
    [
        row("a", size=5),
        row("a", settings="other"),
        row("a", digest=""),
        row("a", state="failed", settings=SETTINGS),  # a failure is tried again by every version of ragcli
    ],
)
def test_what_is_read_again_without_a_look(known: FileRow) -> None:
    assert [file.path for file in plan([found("a")], [known]).changed] == ["a"]


def test_a_doubt_is_settled_by_the_content(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("text")
    for mtime_ns, known in [(2 * SECOND, row("a")), (SECOND, row("a", read_ns=SECOND + 1))]:
        same = plan([found("a", mtime_ns=mtime_ns, location=str(file))], [known])
        assert (same.unchanged, same.changed) == (1, [])
        (touched,) = same.touched
        assert (touched.mtime_ns, touched.digest) == (mtime_ns, known.digest)
        assert touched.read_ns > known.read_ns
    other = plan([found("a", mtime_ns=2 * SECOND, location=str(file))], [row("a", "TEXT")])
    assert [one.path for one in other.changed] == ["a"]
    gone = plan([found("a", mtime_ns=2 * SECOND)], [row("a")])
    assert [one.path for one in gone.changed] == ["a"]  # reading it will tell why


def test_what_could_not_be_used_is_told_again() -> None:
    made = plan([found("a"), found("b")], [row("a", state="failed"), row("b", state="skipped")])
    assert ([one.path for one in made.standing], made.unchanged, made.to_read) == (["a", "b"], 0, [])


def test_what_the_walk_could_not_take_is_remembered_and_then_known() -> None:
    trouble = [Problem("loop", "leads back"), Problem("out", "leads out", "skipped"), Problem("a", "same name")]
    made = plan([found("a")], [row("a")], problems=trouble)
    assert ([*made.problems], made.unchanged, made.removed) == (trouble, 1, [])
    assert [(one.path, one.state, one.reason) for one in made.noted] == [
        ("loop", "failed", "leads back"), ("out", "skipped", "leads out")
    ]  # fmt: skip
    again = plan([found("a")], [row("a"), *made.noted], problems=trouble)
    assert (again.noted, again.removed, [one.path for one in again.problems]) == ([], [], ["a"])
    assert [one.path for one in again.standing] == ["loop", "out"]
    gone = plan([found("a")], [row("a"), *made.noted])
    assert [one.path for one in gone.removed] == ["loop", "out"]


def test_a_document_that_became_a_link_out_is_removed() -> None:
    made = plan([], [row("out")], problems=[Problem("out", "leads out", "skipped")])
    assert ([one.path for one in made.removed], [one.path for one in made.noted]) == (["out"], ["out"])


def test_only_what_is_surely_gone_is_removed() -> None:
    rows = [row("gone"), row("trouble"), row("locked/x"), row("b"), row("a")]
    made = plan([], rows, problems=[Problem("trouble", "a named pipe, not a file")], unknown=["locked/"])
    assert [one.path for one in made.removed] == ["a", "b", "gone"]
    part = Source("docs", Path("/docs"), "path", SourceConfig(path=Path("/docs")), selected=("b",))
    assert [one.path for one in plan([], rows, part).removed] == ["b"]
    root = plan([], rows, unknown=[""])
    assert root.removed == []


def test_renames_are_found_by_content_across_sources(tmp_path: Path) -> None:
    for name, text in (("x", "same"), ("y", "same"), ("z", "none"), ("zz", "same")):
        (tmp_path / name).write_text(text)
    files = [found(name, "same", location=str(tmp_path / name)) for name in ("x", "y", "z", "zz")]
    new = plan(files, [row("a", "same")])
    ended = {"old": [row("b", "same"), row("c", "same", state="failed")]}
    assert find_renamed([new], ended) == [
        Renamed("docs", "a", "docs", "x"),
        Renamed("old", "b", "docs", "y"),
    ]


def test_empty_files_are_never_renamed(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    new = plan([found("x", "", location=str(tmp_path / "x"))], [row("a", "")])
    assert find_renamed([new], {}) == []
