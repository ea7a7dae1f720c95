"""Which value wins, where it came from, and what relative paths are relative to."""

from pathlib import Path
from typing import Any

import pytest

from ragcli.config.index import (
    DEFAULT_MODEL,
    HashingEmbedderConfig,
    OpenAIEmbedderConfig,
    RankBm25Config,
    SentenceTransformersConfig,
)
from ragcli.config.ingest import CodeChunkerConfig, FixedChunkerConfig, ProseChunkerConfig
from ragcli.config.load import load_config
from ragcli.config.query import RrfConfig
from ragcli.config.settings import Config
from ragcli.errors import ConfigError

Load = Any
Layers = tuple[list[str], dict[str, object]]


def test_without_anything_the_defaults_hold(load: Load, work: Path) -> None:
    loaded = load()
    expected = Config().model_copy(
        update={"workspace": Config().workspace.model_copy(update={"path": work / ".ragcli"})}
    )
    assert loaded.config == expected
    assert set(loaded.origins.values()) == {"default"}
    assert (loaded.file, loaded.base) == (None, work)


@pytest.mark.parametrize(
    ("file", "environment", "layers", "value", "origin"),
    [
        (None, {}, ([], {}), 10, "default"),
        ("query:\n  top_k: 2\n", {}, ([], {}), 2, "file ragcli.yaml:2"),
        ("query:\n  top_k: 2\n", {"RAGCLI_QUERY__TOP_K": "3"}, ([], {}), 3, "environment RAGCLI_QUERY__TOP_K"),
        ("query:\n  top_k: 2\n", {"RAGCLI_QUERY__TOP_K": "3"}, (["query.top_k=4"], {}), 4, "set"),
        ("query:\n  top_k: 2\n", {"RAGCLI_QUERY__TOP_K": "3"}, (["query.top_k=4"], {"query.top_k": 5}), 5, "flag"),
        ("query:\n  top_k: 2\n", {}, ([], {"query.top_k": None}), 2, "file ragcli.yaml:2"),
        (None, {}, (["query.top_k=4", "query.top_k=6"], {}), 6, "set"),
    ],
)
def test_the_higher_layer_wins(
    load: Load, file: str | None, environment: dict[str, str], layers: Layers, value: int, origin: str
) -> None:
    overrides, flags = layers
    loaded = load(file, *overrides, flags=flags, environment=environment)
    assert loaded.config.query.top_k == value
    assert loaded.origins["query.top_k"] == origin


def test_every_value_has_an_origin(load: Load) -> None:
    loaded = load(
        "ingest:\n  sources:\n    - path: docs\n      metadata: {team: a}\nindex:\n  lexical: {language: de}\n"
    )
    origins = loaded.origins
    assert origins["ingest.sources[0].path"] == "file ragcli.yaml:3"
    assert origins["ingest.sources[0].name"] == "default"
    assert origins["ingest.sources[0].metadata.team"] == "file ragcli.yaml:4"
    assert origins["index.lexical.language"] == "file ragcli.yaml:6"
    assert origins["index.lexical.kind"] == "default"
    assert origins["workspace.path"] == "default"
    assert "ingest.loaders.json.text" in origins


def test_sections_that_hold_only_comments_are_no_error(load: Load) -> None:
    assert load("query:\n  # top_k: 3\nindex:\n  embedder:\n").config.query == Config().query


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "\ufeffquery: {top_k: 10}\n"])
def test_an_empty_file_is_the_defaults(load: Load, text: str) -> None:
    assert load(text).config.query == Config().query


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("index.embedder.revision=1234", "1234"),
        ("index.embedder.revision=null", "null"),
        ("index.embedder.revision='12 34'", "12 34"),
        ("index.embedder.query_prefix=query: ", "query: "),
        ("index.embedder.query_prefix=null", None),
        ("query.where=type=markdown", ("type=markdown",)),
        ("query.where=[type=markdown, 'path~=docs/**']", ("type=markdown", "path~=docs/**")),
        ("query.where=[]", ()),
        ("index.vectors.nlist=64", 64),
        ("index.vectors.nlist=null", None),
        ("models.offline=true", True),
        ("workspace.lock_timeout_s=3", 3.0),
        ("index.compact_fraction=5e-1", 0.5),
        ("ingest.loaders.json.text=[a, b.c]", ("a", "b.c")),
        ("index.context.neighbours=[]", ()),
    ],
)
def test_override_values_are_yaml_of_the_wanted_type(load: Load, override: str, value: object) -> None:
    found: Any = load(None, override).config
    for name in override.partition("=")[0].split("."):
        found = getattr(found, "json_" if name == "json" else name)
    assert found == value


def test_a_mapping_can_be_set_at_once(load: Load) -> None:
    loaded = load("query:\n  top_k: 3\n", "query={candidates: 7, fusion: {kind: rrf, k: 9}}")
    assert (loaded.config.query.top_k, loaded.config.query.candidates) == (3, 7)
    assert loaded.config.query.fusion == RrfConfig(k=9)


def test_sources_can_be_set_at_once(load: Load, work: Path) -> None:
    loaded = load("ingest:\n  sources:\n    - path: docs\n", "ingest.sources=[{path: a}, {path: b, hidden: true}]")
    assert [source.path for source in loaded.config.ingest.sources] == [work / "a", work / "b"]
    assert loaded.origins["ingest.sources[1].hidden"] == "set"


# -- unions ---------------------------------------------------------------------------------------------------------

_MINILM = "index:\n  embedder:\n    kind: sentence-transformers\n    model: m\n    max_tokens: 99\n"


def test_another_kind_drops_what_only_the_old_one_has(load: Load) -> None:
    assert load(_MINILM, "index.embedder.kind=hashing").config.index.embedder == HashingEmbedderConfig()
    loaded = load(_MINILM, environment={"RAGCLI_INDEX__EMBEDDER__KIND": "openai"})
    assert loaded.config.index.embedder == OpenAIEmbedderConfig()  # `model` means another thing there
    assert loaded.origins["index.embedder.model"] == "default"


def test_another_kind_keeps_what_both_declare_alike(load: Load) -> None:
    german = "index:\n  lexical:\n    language: de\n"
    assert load(german, "index.lexical.kind=rank_bm25").config.index.lexical == RankBm25Config(language="de")
    small = "ingest:\n  chunker: {kind: structured, size_tokens: 90, breadcrumb: false}\n"
    prose = ProseChunkerConfig(size_tokens=90, breadcrumb=False)
    assert load(small, "ingest.chunker.kind=prose").config.ingest.chunker == prose
    assert load(small, "ingest.chunker.kind=fixed").config.ingest.chunker == FixedChunkerConfig()


def test_the_same_kind_drops_nothing(load: Load) -> None:
    embedder = load(_MINILM, "index.embedder.kind=sentence-transformers").config.index.embedder
    assert embedder == SentenceTransformersConfig(model="m", max_tokens=99)


@pytest.mark.parametrize("swap", [False, True])
def test_the_order_of_a_kind_and_its_fields_does_not_matter(load: Load, swap: bool) -> None:
    overrides = ["index.embedder.kind=hashing", "index.embedder.dimension=64"]
    loaded = load(_MINILM, *(reversed(overrides) if swap else overrides))
    assert loaded.config.index.embedder == HashingEmbedderConfig(dimension=64)


def test_a_kind_from_below_can_be_refined_from_above(load: Load) -> None:
    loaded = load("index:\n  embedder: {kind: hashing}\n", environment={"RAGCLI_INDEX__EMBEDDER__DIMENSION": "32"})
    assert loaded.config.index.embedder == HashingEmbedderConfig(dimension=32)


def test_a_union_without_a_kind_has_the_default_kind(load: Load) -> None:
    assert load("index:\n  embedder:\n    max_tokens: 99\n").config.index.embedder == SentenceTransformersConfig(
        model=DEFAULT_MODEL, max_tokens=99
    )


def test_a_source_may_bring_its_own_chunker(load: Load) -> None:
    loaded = load("ingest:\n  sources:\n    - {path: src, chunker: {kind: code, size_tokens: 90}}\n")
    assert loaded.config.ingest.sources[0].chunker == CodeChunkerConfig(size_tokens=90)


# -- files and paths ------------------------------------------------------------------------------------------------


def test_the_nearest_file_upwards_is_found(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "ragcli.yaml").write_text("query: {top_k: 3}\n")
    (work / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(work / "a" / "b")
    loaded = load_config(environment={})
    assert (loaded.file, loaded.base, loaded.config.query.top_k) == (work / "ragcli.yaml", work, 3)
    assert loaded.config.workspace.path == work / ".ragcli"


def test_a_file_in_a_parent_that_everyone_may_write_to_is_not_taken(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "ragcli.yaml").write_text("query: {top_k: 3}\n")
    (work / "mine").mkdir()
    work.chmod(0o777)
    monkeypatch.chdir(work / "mine")
    assert load_config(environment={}).file is None
    monkeypatch.chdir(work)
    assert load_config(environment={}).file == work / "ragcli.yaml"


def test_the_file_can_be_named_by_argument_or_variable(work: Path) -> None:
    for name, top_k in (("one.yaml", 1), ("two.yaml", 2)):
        (work / name).write_text(f"query: {{top_k: {top_k}}}\n")
    assert load_config(environment={"RAGCLI_CONFIG": "one.yaml"}).config.query.top_k == 1
    assert load_config(Path("two.yaml"), environment={"RAGCLI_CONFIG": "one.yaml"}).config.query.top_k == 2


def test_a_named_file_must_exist() -> None:
    with pytest.raises(ConfigError, match=r"^missing\.yaml: no such configuration file$"):
        load_config(Path("missing.yaml"), environment={})
    with pytest.raises(ConfigError, match=r"no such configuration file \(named by RAGCLI_CONFIG\)"):
        load_config(environment={"RAGCLI_CONFIG": "missing.yaml"})


def test_relative_paths_of_a_file_start_at_its_folder_and_others_at_the_working_directory(work: Path) -> None:
    (work / "project").mkdir()
    file = work / "project" / "ragcli.yaml"
    file.write_text(
        "workspace: {path: state}\nmodels: {cache: models}\nevaluate: {dataset: ../judged}\n"
        "ingest: {sources: [{path: docs}, {path: /abs/olute}]}\nindex: {embedder: {model: ./minilm}}\n"
    )
    config = load_config(file, environment={}).config
    assert config.workspace.path == work / "project" / "state"
    assert config.models.cache == work / "project" / "models"
    assert config.evaluate.dataset == work / "judged"
    assert [str(source.path) for source in config.ingest.sources] == [str(work / "project" / "docs"), "/abs/olute"]
    assert isinstance(config.index.embedder, SentenceTransformersConfig)
    assert config.index.embedder.model == str(work / "project" / "minilm")

    overridden = load_config(
        file,
        overrides=["evaluate.dataset=mine", "ingest.sources=[{path: here}]"],
        flags={"workspace.path": Path("w")},
        environment={"RAGCLI_MODELS__CACHE": "../cache"},
    ).config
    assert overridden.workspace.path == work / "w"
    assert overridden.models.cache == work.parent / "cache"
    assert overridden.evaluate.dataset == work / "mine"
    assert overridden.ingest.sources[0].path == work / "here"


def test_a_source_is_named_by_its_path_as_written(load: Load) -> None:
    loaded = load("ingest:\n  sources:\n    - path: ./docs/\n    - {path: ../x, name: other}\n    - path: .\n")
    assert [source.name for source in loaded.config.ingest.sources] == ["docs", "other", "."]


def test_two_sources_of_one_name_are_an_error(load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load("ingest:\n  sources:\n    - path: docs\n    - path: ./docs\n      hidden: true\n")
    assert caught.value.message == (
        "ragcli.yaml:4: ingest.sources[1].path: another source is named 'docs', give this one a name"
    )


def test_hub_names_are_no_paths(load: Load) -> None:
    embedder = load("index: {embedder: {model: BAAI/bge-small-en-v1.5}}\n").config.index.embedder
    assert embedder == SentenceTransformersConfig(model="BAAI/bge-small-en-v1.5")


def test_a_kind_that_a_flag_names_is_the_one_whose_settings_are_set() -> None:
    given = ["query.expand.base_url=http://localhost:1/v1", "query.rerank.embedder.dimension=16"]
    flags = {"query.expand.kind": "hyde", "query.rerank.kind": "embedder", "query.rerank.embedder.kind": "hashing"}
    query = load_config(environment={}, overrides=given, flags=flags).config.query
    assert (query.expand.kind, getattr(query.expand, "base_url", "")) == ("hyde", "http://localhost:1/v1")
    assert getattr(getattr(query.rerank, "embedder", None), "dimension", 0) == 16
    off = load_config(environment={}, overrides=["query.rerank.kind=mmr", "query.rerank.candidates=5"], flags={
        "query.rerank.kind": "none"
    }).config.query.rerank  # fmt: skip
    assert off.kind == "none"
