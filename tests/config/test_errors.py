"""Every mistake is told with its file, line and key, and the nearest valid name."""

from typing import Any

import pytest

from ragcli.config.load import load_config
from ragcli.config.settings import Config
from ragcli.errors import ConfigError

Load = Any


def _message(load: Load, text: str | None, *overrides: str, **more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text, *overrides, **more)
    assert caught.value.exit_status == 3
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query:\n  topk: 5\n", "ragcli.yaml:2: query.topk: unknown key, did you mean 'top_k'?"),
        ("qurey:\n  top_k: 5\n", "ragcli.yaml:1: qurey: unknown key, did you mean 'query'?"),
        ("top_k: 5\n", "ragcli.yaml:1: top_k: unknown key, did you mean 'query.top_k'?"),
        ("query:\n  TopK: 5\n", "ragcli.yaml:2: query.TopK: unknown key, did you mean 'top_k'?"),
        (
            "workspace:\n  zzz: 5\n",
            "ragcli.yaml:2: workspace.zzz: unknown key, valid keys are path, keep_generations, lock_timeout_s",
        ),
        ("query:\n\n  top_k: 0\n", "ragcli.yaml:3: query.top_k: 0 is not in range: must be >= 1"),
        ("query: {top_k: 10001}\n", "ragcli.yaml:1: query.top_k: 10001 is not in range: must be <= 10000"),
        (
            "index:\n  compact_fraction: 0\n",
            "ragcli.yaml:2: index.compact_fraction: 0 is not in range: must be > 0",
        ),
        ("query:\n  top_k: many\n", "ragcli.yaml:2: query.top_k: 'many' is not a whole number"),
        ("query:\n  top_k: '5'\n", "ragcli.yaml:2: query.top_k: '5' is not a whole number"),
        ("query:\n  top_k: true\n", "ragcli.yaml:2: query.top_k: true is not a whole number"),
        ("query:\n  top_k: 2.5\n", "ragcli.yaml:2: query.top_k: 2.5 is not a whole number"),
        ("query:\n  top_k:\n", "ragcli.yaml:2: query.top_k: nothing is not a whole number"),
        ("models:\n  offline: yes\n", "ragcli.yaml:2: models.offline: 'yes' is not true or false"),
        ("evaluate:\n  split: 5\n", "ragcli.yaml:2: evaluate.split: 5 is not text (quote it to make it text)"),
        ("query:\n  where: type=x\n", "ragcli.yaml:2: query.where: 'type=x' is not a list, such as [a, b]"),
        ("query: 5\n", "ragcli.yaml:1: query: 5 is not a section of keys"),
        ("query:\n- top_k: 5\n", "ragcli.yaml:1: query: [{'top_k': 5}] is not a section of keys"),
        (
            "query:\n  strategy: hybird\n",
            "ragcli.yaml:2: query.strategy: "
            "'hybird' is not one of dense, lexical, hybrid, auto; did you mean 'hybrid'?",
        ),
        (
            "index:\n  lexical:\n    kind: tantivi\n",
            "ragcli.yaml:3: index.lexical.kind: 'tantivi' is not one of tantivy, rank_bm25, none; "
            "did you mean 'tantivy'?",
        ),
        (
            "index:\n  embedder:\n    kind: hashing\n    model: x\n",
            "ragcli.yaml:4: index.embedder.model: kind 'hashing' has no such key, "
            "kind 'sentence-transformers' and 'openai' has",
        ),
        (
            "index:\n  embedder:\n    kind: hashing\n    dimensions: 64\n",
            "ragcli.yaml:4: index.embedder.dimensions: kind 'hashing' has no such key, did you mean 'dimension'?",
        ),
        (
            "index:\n  embedder:\n    kind: hashing\n    dimension: 4\n",
            "ragcli.yaml:4: index.embedder.dimension: 4 is not in range: must be >= 8",
        ),
        (
            "ingest:\n  sources:\n    - path: a\n    - paths: b\n      path: c\n",
            "ragcli.yaml:4: ingest.sources[1].paths: unknown key, did you mean 'path'?",
        ),
        ("ingest:\n  sources:\n    - name: a\n", "ragcli.yaml:3: ingest.sources[0].path: is missing"),
        (
            "ingest:\n  sources:\n    - path: a\n      chunker: {size_tokens: 100}\n",
            "ragcli.yaml:4: ingest.sources[0].chunker: "
            "needs a kind: one of auto, structured, prose, code, fixed, whole",
        ),
        (
            "ingest:\n  sources:\n    - path: a\n      metadata:\n        tags: [x]\n",
            "ragcli.yaml:5: ingest.sources[0].metadata.tags: ['x'] is not text or a whole number or a number or "
            "true or false",
        ),
        (
            "ingest:\n  chunker:\n    kind: prose\n    size_tokens: 10\n    min_tokens: 12\n",
            "ragcli.yaml:2: ingest.chunker: min_tokens (12) must be below size_tokens (10)",
        ),
        (
            "ingest:\n  loaders:\n    csv:\n      delimiter: ';;'\n",
            "ragcli.yaml:4: ingest.loaders.csv.delimiter: ';;' is longer than 1 character(s)",
        ),
        ("workspace:\n  lock_timeout_s: .inf\n", "ragcli.yaml:2: workspace.lock_timeout_s: '.inf' is not a number"),
    ],
)
def test_values(load: Load, text: str, message: str) -> None:
    assert _message(load, text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\t- b\n", "ragcli.yaml:2:1: found character that cannot start any token"),
        ("query: [1,\n", "ragcli.yaml:2:1: did not find expected node content (while parsing a flow node, line 2)"),
        (
            "query: 'x\nb: 2\n",
            "ragcli.yaml:3:1: found unexpected end of stream (while scanning a quoted scalar, line 1)",
        ),
        ("query: a: b\n", "ragcli.yaml:1:9: mapping values are not allowed in this context"),
        ("query: {}\n# a\x07\n", "ragcli.yaml:2:4: a control character (0x07)"),
        ("- query\n", "ragcli.yaml:1: not a mapping of sections"),
        ("just text\n", "ragcli.yaml:1: not a mapping of sections"),
        ("query: {}\n---\nindex: {}\n", "ragcli.yaml:2: a second YAML document"),
        ("query: {}\nindex: {}\nquery: {}\n", "ragcli.yaml:3: 'query' is given twice, first in line 1"),
        ("query:\n  top_k: 1\n  top_k: 2\n", "ragcli.yaml:3: 'top_k' is given twice, first in line 2"),
        ("? [a]\n: b\n", "ragcli.yaml:1: a key that is not plain text"),
    ],
)
def test_yaml(load: Load, text: str, message: str) -> None:
    assert _message(load, text).startswith(message)


def test_a_tab_is_explained(load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load("query:\n\ttop_k: 1\n")
    assert caught.value.hint == "indent with spaces: YAML allows no tabs there"


def test_broken_syntax_has_a_hint(load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load("query: a: b\n")
    assert caught.value.hint.startswith("close every quote and bracket, and quote text that holds any of : #")


def test_other_encodings_are_told_with_their_line(load: Load, work: Any) -> None:
    (work / "ragcli.yaml").write_bytes("query: {}\n# ü\n".encode("latin-1"))
    assert _message(load, None) == "ragcli.yaml:2: not UTF-8 text"


def test_all_problems_of_a_file_come_at_once_in_its_order(load: Load) -> None:
    text = "query:\n  topk: 5\n  candidates: 0\nindex:\n  vectors: {m: 1}\nworkspac: {}\n"
    assert _message(load, text).split("\n") == [
        "ragcli.yaml:2: query.topk: unknown key, did you mean 'top_k'?",
        "ragcli.yaml:3: query.candidates: 0 is not in range: must be >= 1",
        "ragcli.yaml:5: index.vectors.m: 1 is not in range: must be >= 2",
        "ragcli.yaml:6: workspac: unknown key, did you mean 'workspace'?",
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("query.topk=5", "--set query.topk: unknown key 'topk', did you mean 'top_k'?"),
        ("qery.top_k=5", "--set qery.top_k: unknown key 'qery', did you mean 'query'?"),
        ("query.top_k.x=5", "--set query.top_k.x: unknown key 'x', it has no keys"),
        ("query.top_k=0", "--set query.top_k: 0 is not in range: must be >= 1"),
        ("query=5", "--set query: 5 is not a section of keys"),
        (
            "query.where=[a",
            "--set query.where: did not find expected ',' or ']' (while parsing a flow sequence, line 1)",
        ),
        ("query.top_k", "--set query.top_k: not of the form section.key=value"),
        ("=5", "--set =5: not of the form section.key=value"),
        ("query.fusion.k=5", "--set query.fusion.k: kind 'minmax' has no such key, kind 'rrf' has"),
        ("ingest.sources.0.path=x", "--set ingest.sources.0.path: unknown key '0', valid keys are path, name, include, "
         "exclude, gitignore, hidden, metadata, chunker, loaders"),
    ],
)  # fmt: skip
def test_overrides(load: Load, override: str, message: str) -> None:
    assert _message(load, None, override) == message


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("RAGCLI_QUERY__TOPK", "5", "environment RAGCLI_QUERY__TOPK: unknown key 'topk', did you mean 'top_k'?"),
        ("RAGCLI_QUERY__TOP_K", "0", "environment RAGCLI_QUERY__TOP_K: query.top_k: 0 is not in range: must be >= 1"),
        ("RAGCLI_QUERY_TOP_K", "5", "environment RAGCLI_QUERY_TOP_K: not a setting, did you mean RAGCLI_QUERY__TOP_K?"),
        ("RAGCLI_CONFGI", "5", "environment RAGCLI_CONFGI: not a setting, did you mean RAGCLI_CONFIG?"),
    ],
)
def test_variables(load: Load, variable: str, value: str, message: str) -> None:
    assert _message(load, None, environment={variable: value}) == message


@pytest.mark.parametrize("variable", ["RAGCLI_CONFIG", "RAGCLI_DEBUG", "RAGCLI_EMBEDDER_API_KEY", "OTHER_QUERY__TOPK"])
def test_variables_that_are_no_settings_are_left_alone(load: Load, work: Any, variable: str) -> None:
    (work / "x").write_text("")
    assert load(None, environment={variable: "x"}).config.query == Config().query


def test_an_override_can_repair_a_file(load: Load) -> None:
    assert load("query: {top_k: 0}\n", "query.top_k=1").config.query.top_k == 1


def test_a_folder_is_no_file(work: Any) -> None:
    (work / "ragcli.d").mkdir()
    with pytest.raises(ConfigError, match=r"ragcli\.d: cannot be read: Is a directory"):
        load_config(work / "ragcli.d", environment={})


@pytest.mark.parametrize("override", ["query.where=[\udce9]", "query.where=\udce9", "evaluate.dataset=caf\udce9"])
def test_bytes_that_are_no_text_are_told_with_their_key(load: Load, override: str) -> None:
    key = override.partition("=")[0]
    message = _message(load, None, override)
    assert message.startswith(f"--set {key}: ")
    assert message.endswith("is not UTF-8 text")


def test_flags_that_are_no_text_are_told_too(load: Load) -> None:
    assert _message(load, None, flags={"workspace.path": "caf\udce9"}) == (
        "workspace.path: 'caf\\udce9' is not UTF-8 text"
    )
