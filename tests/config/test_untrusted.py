"""A configuration from a stranger: nothing in it runs code, takes the machine down or writes elsewhere."""

from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from ragcli.config.load import load_config
from ragcli.errors import ConfigError

Load = Any


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system ['touch pwned']",
        "!!python/name:os.system",
        "!!python/object/new:subprocess.Popen [['touch', 'pwned']]",
        "!!binary aGVsbG8=",
        "!custom x",
    ],
)
def test_tags_are_refused(load: Load, work: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"^ragcli\.yaml:2: the tag .*: only plain values are read$"):
        load(f"query:\n  where: {value}\n")
    assert not (work / "pwned").exists()


@pytest.mark.parametrize("override", ["query.where=!!python/name:os.system [a]", "query.top_k=!!int 5"])
def test_tags_are_refused_in_overrides_too(load: Load, override: str) -> None:
    with pytest.raises(ConfigError, match="only plain values are read"):
        load(None, override)


def test_anchors_and_aliases_are_refused(load: Load) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{after}: &{after} [{','.join([f'*{before}'] * 9)}]\n"
        for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(ConfigError, match=r"^ragcli\.yaml:1: an anchor \(&a\)"):
        load(bomb)
    with pytest.raises(ConfigError, match=r"^ragcli\.yaml:1: an alias \(\*a\)"):
        load("query: *a\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query: " + "[" * 100_000, "nested deeper than 32 levels"),
        ("query: " + "{a: " * 40, "nested deeper than 32 levels"),
        ("query: [" + "x," * 400_000 + "]", "more than 50000 values"),
        ("# " + "x" * (1 << 20), "larger than 1048576 bytes"),
    ],
)
def test_a_file_costs_little_whatever_is_in_it(load: Load, text: str, message: str) -> None:
    started = monotonic()
    with pytest.raises(ConfigError, match=message):
        load(text)
    assert monotonic() - started < 5


def test_a_huge_number_is_text(load: Load) -> None:
    with pytest.raises(ConfigError, match="is not a whole number"):
        load("query: {top_k: " + "9" * 5000 + "}\n")


@pytest.mark.parametrize("key", ["workspace: {path: %s}\n", "models: {cache: %s}\n"])
@pytest.mark.parametrize("path", ["../elsewhere", "/tmp/elsewhere", "~/elsewhere", "a/../../b", ".", "a/.."])
def test_a_file_cannot_place_what_is_written_outside_its_folder(load: Load, key: str, path: str) -> None:
    with pytest.raises(ConfigError, match=r"^ragcli\.yaml:1: \w+\.\w+: .* is not inside .*--set \w+\.\w+="):
        load(key % path)


@pytest.mark.parametrize("path", ["state", "a/b", "a/../b", "./x"])
def test_a_folder_inside_is_fine(load: Load, work: Path, path: str) -> None:
    assert load(f"workspace: {{path: {path}}}\n").config.workspace.path.is_relative_to(work)


def test_links_do_not_lead_out(load: Load, work: Path, tmp_path: Path) -> None:
    (work / "link").symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="is not inside"):
        load("workspace: {path: link/state}\n")


def test_a_link_in_place_of_the_default_workspace_does_not_lead_out_either(
    load: Load, work: Path, tmp_path: Path
) -> None:
    assert load("query: {}\n").config.workspace.path == work / ".ragcli"  # also remembered, and still checked below
    (tmp_path / "elsewhere").mkdir()
    (work / ".ragcli").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=r"^workspace\.path: .*elsewhere is not inside"):
        load()


def test_the_user_may_place_it_anywhere(load: Load, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    file = "workspace: {path: state}\n"
    assert load(file, f"workspace.path={outside}").config.workspace.path == outside
    assert load(file, flags={"workspace.path": outside}).config.workspace.path == outside
    environment = {"RAGCLI_WORKSPACE__PATH": "../outside", "RAGCLI_MODELS__CACHE": str(outside)}
    assert load(file, environment=environment).config.workspace.path == outside


def test_a_linked_folder_is_its_own_inside(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "ragcli.yaml").write_text("workspace: {path: state}\n")
    (tmp_path / "alias").symlink_to(work)
    monkeypatch.chdir(tmp_path)
    loaded = load_config(Path("alias/ragcli.yaml"), environment={})
    assert loaded.config.workspace.path == tmp_path / "alias" / "state"


REMOTE = "index: {embedder: {kind: openai, base_url: 'https://example.org/v1'}}\n"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ingest: {sources: [{path: docs}, {path: ~/.ssh}]}\n", r"ingest\.sources\[1\]\.path"),
        ("ingest: {sources: [{path: ../other}]}\n", r"ingest\.sources\[0\]\.path"),
        ("ingest: {sources: [{path: link}]}\n", r"ingest\.sources\[0\]\.path"),
        ("evaluate: {dataset: /etc/passwd}\n", r"evaluate\.dataset"),
    ],
)
def test_a_file_cannot_send_what_lies_outside_its_folder_to_its_own_service(
    load: Load, work: Path, tmp_path: Path, text: str, key: str
) -> None:
    (work / "link").symlink_to(tmp_path)
    with pytest.raises(ConfigError, match=rf"^ragcli\.yaml:1: {key}: .* would be sent to https://example\.org/v1; "):
        load(text + REMOTE)
    assert load(text).config.ingest  # reading alone is what the file is for
    assert load(text + REMOTE.replace("https://example.org", "http://localhost:11434")).config.ingest
    trusted = {"RAGCLI_INDEX__EMBEDDER__BASE_URL": "https://example.org/v1"}
    assert load(text + REMOTE, environment=trusted).config.ingest


def test_nor_to_the_service_that_answers(load: Load, work: Path) -> None:
    text = "ingest: {sources: [{path: ../other}]}\n"
    remote = "query: {answer: {kind: openai, base_url: 'https://example.org/v1'}}\n"
    with pytest.raises(ConfigError, match=r"sources\[0\]\.path: .*; name the service yourself, by RAGCLI_QUERY__"):
        load(text + remote)
    assert load(remote).config.query.answer.kind == "openai"
    trusted = {"RAGCLI_QUERY__ANSWER__BASE_URL": "https://example.org/v1"}
    assert load(text + remote, environment=trusted).config.query


@pytest.mark.parametrize(
    "url", ["http://localhost.example.org/v1", "http://127.0.0.1.example.org", "http://127.0.0.1@x/v1"]
)
def test_a_host_that_only_looks_local_is_remote(load: Load, url: str) -> None:
    with pytest.raises(ConfigError, match="would be sent to"):
        load("ingest: {sources: [{path: /etc}]}\n" + REMOTE.replace("https://example.org/v1", url))


def test_sources_inside_may_go_to_a_service(load: Load) -> None:
    assert load("ingest: {sources: [{path: docs}, {path: .}]}\n" + REMOTE).config.ingest.sources[1].name == "."
    assert load(REMOTE, "ingest.sources=[{path: /srv/docs}]").config.ingest.sources[0].name == "/srv/docs"


@pytest.mark.parametrize(
    "text",
    [
        "ingest: {workers: 1000000}\n",
        "models: {threads: 1000000000}\n",
        "query: {candidates: 1000000000}\n",
        "index: {vectors: {ef_search: 1000000000}}\n",
        "index: {embedder: {kind: hashing, dimension: 1000000000}}\n",
        "index: {embedder: {kind: openai, max_retries: 1000000000}}\n",
        "index: {context: {neighbours: [" + "0.1, " * 100 + "]}}\n",
        "ingest: {chunker: {kind: fixed, size_tokens: 1000000000}}\n",
    ],
)
def test_what_costs_memory_threads_or_time_has_a_bound(load: Load, text: str) -> None:
    with pytest.raises(ConfigError, match=r"not in range|at most"):
        load(text)


@pytest.mark.parametrize(
    "service",
    [
        "query: {rerank: {kind: endpoint, base_url: 'https://example.org/v1'}}\n",
        "query: {rerank: {kind: embedder, embedder: {kind: openai, base_url: 'https://example.org/v1'}}}\n",
    ],
)
def test_a_reranker_is_sent_no_more_than_an_embedder(load: Load, service: str) -> None:
    with pytest.raises(ConfigError, match=r"would be sent to https://example\.org/v1; .*RAGCLI_QUERY__RERANK__"):
        load("ingest: {sources: [{path: ../other}]}\n" + service)
    assert load(service).config.query.rerank.kind != "none"
