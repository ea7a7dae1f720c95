from pathlib import Path

import pytest

from ragcli.config.ingest import IngestConfig, SourceConfig
from ragcli.errors import ConfigError, DataError, UsageError
from ragcli.ingest.scan import scan
from ragcli.ingest.sources import Resolved, Selection, resolve
from ragcli.workspace.ledger import SourceRow


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in ("docs/a.md", "docs/api/b.md", "notes/c.md", "top.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(
    base: Path, *paths: str, config: IngestConfig | None = None, known: tuple[SourceRow, ...] = (), **more: object
) -> Resolved:
    selection = Selection(paths, **more)  # type: ignore[arg-type]  # the test names the fields
    return resolve(config or IngestConfig(), base, selection, {row.name: row for row in known}, base / ".ragcli")


def shape(resolved: Resolved) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(source.name, source.root.name, source.selected) for source in resolved.sources]


def configured(base: Path, *paths: str, **settings: object) -> IngestConfig:
    sources = [SourceConfig.model_validate({"path": base / path, "name": path, **settings}) for path in paths]
    return IngestConfig(sources=tuple(sources))


def test_a_folder_is_named_as_it_lies_below_the_base(base: Path) -> None:
    for typed in ("docs", "./docs/", "notes/../docs", str(base / "docs")):
        assert shape(run(base, typed)) == [("docs", "docs", ())]
    assert shape(run(base, ".")) == [(".", base.name, ())]


def test_a_folder_elsewhere_is_named_by_its_whole_path(base: Path) -> None:
    (source,) = resolve(IngestConfig(), base / "docs", Selection(("notes",)), {}, base / "ws").sources
    assert source.name == str(base / "notes")


def test_single_files_belong_to_their_folder(base: Path) -> None:
    assert shape(run(base, "docs/a.md", "docs/api/b.md", "top.md")) == [
        (".", base.name, ("top.md",)),
        ("docs", "docs", ("a.md",)),
        ("docs/api", "api", ("b.md",)),
    ]


def test_a_path_inside_another_path_of_the_run_is_its_part(base: Path) -> None:
    assert shape(run(base, "docs/api/b.md", "docs/api", "docs")) == [("docs", "docs", ())]


def test_a_path_inside_a_configured_source_uses_its_settings(base: Path) -> None:
    config = configured(base, "docs", metadata={"team": "x"})
    (source,) = run(base, "docs/api", config=config).sources
    assert (source.name, source.selected, source.settings.metadata) == ("docs", ("api",), {"team": "x"})
    assert source.covers("api/b.md")
    assert not source.covers("a.md")
    assert not source.covers("api2/b.md")


def test_the_innermost_configured_source_owns_a_path(base: Path) -> None:
    config = configured(base, "docs", "docs/api")
    assert shape(run(base, "docs/api/b.md", config=config)) == [("docs/api", "api", ("b.md",))]
    outer, inner = run(base, config=config).sources
    assert (outer.barred, inner.barred) == (frozenset({"api"}), frozenset())


def test_a_folder_is_read_with_the_configured_sources_in_it(base: Path) -> None:
    config = configured(base, "docs", "docs/api", metadata={"team": "x"})
    everything = run(base, ".", config=config)
    assert shape(everything) == [(".", base.name, ()), ("docs", "docs", ()), ("docs/api", "api", ())]
    assert [source.settings.metadata for source in everything.sources] == [{}, {"team": "x"}, {"team": "x"}]
    assert everything.sources[0].barred == frozenset({".ragcli", "docs", "docs/api"})
    assert shape(run(base, "docs", config=config)) == [("docs", "docs", ()), ("docs/api", "api", ())]
    assert shape(run(base, "docs/a.md", ".", config=config)) == shape(everything)
    assert shape(run(base, "notes", config=config)) == [("notes", "notes", ())]
    single = configured(base, "top.md")
    assert shape(run(base, ".", config=single)) == [(".", base.name, ()), ("top.md", base.name, ("top.md",))]


def test_the_configuration_in_use_is_no_document(base: Path) -> None:
    (base / "other.yaml").touch()
    for file in (Path("other.yaml"), base / "other.yaml"):
        (source,) = resolve(IngestConfig(), base, Selection((".",)), {}, base / ".ragcli", file).sources
        assert sorted(scan(source).files) == ["docs/a.md", "docs/api/b.md", "notes/c.md", "top.md"]
    (source,) = resolve(IngestConfig(), base, Selection((".",)), {}, base / ".ragcli").sources
    assert "other.yaml" in scan(source).files


def test_a_configured_file_is_a_source_of_its_own(base: Path) -> None:
    config = configured(base, "docs", "docs/a.md")
    folder, file = run(base, config=config).sources
    assert (folder.barred, file.selected, file.whole) == (frozenset({"a.md"}), ("a.md",), False)
    assert shape(run(base, "docs/a.md", config=config)) == [("docs/a.md", "docs", ("a.md",))]


def test_the_workspace_is_never_read(base: Path) -> None:
    (base / ".ragcli").mkdir()
    (source,) = run(base, ".").sources
    assert source.barred == {".ragcli"}


def test_a_path_inside_a_folder_ingested_before_belongs_to_it(base: Path) -> None:
    before = SourceRow("docs", str(base / "docs"), "path", True)
    assert shape(run(base, "docs/api", known=(before,))) == [("docs", "docs", ("api",))]
    only_files = before._replace(whole=False)
    assert shape(run(base, "docs/api", known=(only_files,))) == [("docs/api", "api", ())]


def test_a_larger_folder_absorbs_smaller_ones(base: Path) -> None:
    known = (
        SourceRow("docs/api", str(base / "docs/api"), "path", True),
        SourceRow("docs", str(base / "docs"), "path", False),
        SourceRow("notes", str(base / "notes"), "path", True),
        SourceRow("stdin", "/", "stdin", False),
    )
    assert run(base, "docs", known=known).ended == ("docs/api",)
    assert run(base, ".", known=known).ended == ("docs", "docs/api", "notes")
    assert run(base, "docs/a.md", known=known).ended == ()


def test_sources_that_left_the_configuration_end_with_a_full_run_only(base: Path) -> None:
    config = configured(base, "docs")
    known = (SourceRow("old", str(base / "notes"), "config", True), SourceRow("notes", "/elsewhere", "path", True))
    assert run(base, config=config, known=known).ended == ("old",)
    assert run(base, "docs", config=config, known=known).ended == ()


def test_globs_define_a_source_given_by_path_and_narrow_any_other(base: Path) -> None:
    (adhoc,) = run(base, "docs", include=("*.md",)).sources
    assert (adhoc.settings.include, adhoc.narrowing) == (("*.md",), None)
    (source,) = run(base, config=configured(base, "docs"), include=("a.*",), exclude=("*.txt",)).sources
    assert source.settings.include == ()
    assert source.covers("a.md")
    assert not source.covers("b.md")
    assert not source.covers("a.txt")


def test_names_types_and_gitignore_are_passed_on(base: Path) -> None:
    (named,) = run(base, "docs", name="handbook", gitignore=False).sources
    assert (named.name, named.settings.gitignore) == ("handbook", False)
    (typed,) = run(base, "docs/a.md", type="text").sources
    assert typed.type == "text"
    (folder,) = run(base, "docs", type="text").sources
    assert folder.type is None


def test_order_of_configured_sources(base: Path) -> None:
    config = configured(base, "notes", "docs")
    assert run(base, config=config).order == {"notes": 0, "docs": 1}


def test_errors(base: Path) -> None:
    with pytest.raises(UsageError, match="nothing to ingest"):
        run(base)
    with pytest.raises(DataError, match="missing does not exist"):
        run(base, "missing")
    with pytest.raises(ConfigError, match="two sources are named 'docs'"):
        run(base, config=configured(base, "docs", "docs"))
    config = configured(base, "docs", "vanished")
    with pytest.raises(DataError, match="vanished is gone; nothing was removed") as caught:
        run(base, config=config)
    assert "--forget vanished" in caught.value.hint
