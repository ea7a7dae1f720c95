import hashlib
import time
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.config.index import (
    HashingEmbedderConfig,
    NoEmbedderConfig,
    OpenAIEmbedderConfig,
    SentenceTransformersConfig,
)
from ragcli.config.models import ModelsConfig
from ragcli.errors import ConfigError, MissingModelError
from ragcli.models import TokenCounter
from ragcli.models.tokens import WordCounter, build_token_counter, pieces

TEXTS = st.text(st.characters(codec="utf-8"), max_size=200) | st.text("aé漢🙂 \n.", max_size=200)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> ModelsConfig:
    return ModelsConfig(cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(params=["words", "wordpiece", pytest.param("tiktoken", marks=pytest.mark.model)])
def counter(request: pytest.FixtureRequest, tiny_model: Path, models: ModelsConfig) -> TokenCounter:
    match request.param:
        case "words":
            return build_token_counter("embedder", HashingEmbedderConfig(), models)
        case "wordpiece":
            return build_token_counter("embedder", SentenceTransformersConfig(model=str(tiny_model)), models)
        case _:
            return build_token_counter("cl100k_base", NoEmbedderConfig(), models)


def check_laws(counter: TokenCounter, text: str) -> None:
    ranges = counter.offsets(text)
    assert len(ranges) == counter.count(text)
    assert all(0 <= start <= end <= len(text) for start, end in ranges)
    starts, ends = [start for start, _ in ranges], [end for _, end in ranges]
    assert starts == sorted(starts)
    assert ends == sorted(ends)


def test_ranges_are_ordered_and_inside_the_text(counter: TokenCounter) -> None:
    @given(TEXTS)
    def law(text: str) -> None:
        check_laws(counter, text)

    law()


@pytest.mark.parametrize("text", ["", " ", "a\ud800b", "x" * 5000, " " * 5000, "a\n" * 70_000, "é漢🙂" * 50_000])
def test_odd_texts(counter: TokenCounter, text: str) -> None:
    check_laws(counter, text)


@pytest.mark.parametrize("run", ["a", " ", "a b ", "=", "漢", "ab.", "\n"])
def test_cost_is_linear_in_a_line_without_end(counter: TokenCounter, run: str) -> None:
    def seconds(size: int) -> float:
        start = time.process_time()
        counter.offsets((run * size)[:size])
        return time.process_time() - start

    seconds(1000)
    small, large = seconds(20_000), seconds(200_000)
    assert large < 40 * small + 0.5


def test_words() -> None:
    counter = WordCounter()
    text = "Größe, naïve: x_1!"
    assert [text[start:end] for start, end in counter.offsets(text)] == ["Größe", ",", "naïve", ":", "x_1", "!"]
    assert counter.count("a" * 640) == 10


def test_wordpiece_ranges_count_characters_not_bytes(tiny_model: Path) -> None:
    counter = build_token_counter("embedder", SentenceTransformersConfig(model=str(tiny_model)), ModelsConfig())
    text = "漢 the größe Keys"
    found = [text[start:end] for start, end in counter.offsets(text)]
    assert found == ["漢", "the", "größe", "Keys"]


def test_an_endless_unknown_word_counts_more_than_once(tiny_model: Path) -> None:
    counter = build_token_counter("embedder", SentenceTransformersConfig(model=str(tiny_model)), ModelsConfig())
    ranges = counter.offsets("q" * 1000)
    assert ranges == [(0, 256), (256, 512), (512, 768), (768, 1000)]


def test_long_texts_are_tokenised_as_short_ones(tiny_model: Path) -> None:
    counter = build_token_counter("embedder", SentenceTransformersConfig(model=str(tiny_model)), ModelsConfig())
    line = "how to rotate the signing key? "
    one, count = counter.offsets(line), 4000
    expected = [(start + n * len(line), end + n * len(line)) for n in range(count) for start, end in one]
    assert counter.offsets(line * count) == expected


def test_the_name_identifies_the_vocabulary(tiny_model: Path) -> None:
    def name() -> str:
        return build_token_counter("embedder", SentenceTransformersConfig(model=str(tiny_model)), ModelsConfig()).name

    before = name()
    path = tiny_model / "tokenizer.json"
    assert before == f"tokenizer:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    path.write_bytes(path.read_bytes() + b"\n")
    assert name() != before


@given(st.text("ab \n.", max_size=300))
def test_pieces_cover_a_text(text: str) -> None:
    long = text * 700
    assert "".join(piece for _, piece in pieces(long)) == long
    assert all(long.startswith(piece, start) for start, piece in pieces(long))
    assert all(len(piece) <= 100_000 for _, piece in pieces(long))


@pytest.mark.model
@pytest.mark.parametrize(
    ("text", "count"), [("hello world", 2), ("お誕生日おめでとう", 9), ("", 0), ("<|endoftext|>", 7)]
)
def test_cl100k_counts(text: str, count: int, models: ModelsConfig) -> None:
    counter = build_token_counter("cl100k_base", NoEmbedderConfig(), models)
    assert counter.count(text) == count
    assert counter.name == "tiktoken:cl100k_base"


@pytest.mark.model
def test_cl100k_ranges_cover_every_character(models: ModelsConfig) -> None:
    counter = build_token_counter("embedder", OpenAIEmbedderConfig(), models)
    text = "Größe 漢字🙂!"
    covered = {place for start, end in counter.offsets(text) for place in range(start, end)}
    assert covered == set(range(len(text)))
    assert counter.offsets("hello world") == [(0, 5), (5, 11)]


def test_an_unknown_encoding_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no tokenizer 'cl100k'") as caught:
        build_token_counter("cl100k", NoEmbedderConfig(), ModelsConfig(cache=tmp_path))
    assert "'cl100k_base'" in caught.value.hint


def test_a_missing_vocabulary_fails_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "empty"))
    start = time.perf_counter()
    with pytest.raises(MissingModelError, match="'o200k_base'") as caught:
        build_token_counter("o200k_base", NoEmbedderConfig(), ModelsConfig(cache=tmp_path))
    assert time.perf_counter() - start < 1.0
    assert "TIKTOKEN_CACHE_DIR" in caught.value.hint


@pytest.mark.model
def test_a_damaged_vocabulary_is_passed_over_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "theirs" / "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
    damaged.parent.mkdir()
    damaged.write_bytes(b"IQ== 0\n")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(damaged.parent))
    counter = build_token_counter("cl100k_base", NoEmbedderConfig(), ModelsConfig(cache=tmp_path / "ours"))
    assert counter.count("hello world") == 2
    assert damaged.read_bytes() == b"IQ== 0\n"


@pytest.mark.model
def test_tiktokens_own_cache_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = PathFinder.find_spec("tiktoken_ext")
    assert spec is not None
    folders = [Path(folder) / "data" / "cl100k_base.tiktoken" for folder in spec.submodule_search_locations or ()]
    source = next(path for path in folders if path.is_file())
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "9b5ad71b2ce5302211f9c61530b329a4922fc6a4").write_bytes(source.read_bytes())
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(theirs))
    assert build_token_counter("cl100k_base", NoEmbedderConfig(), ModelsConfig(cache=tmp_path / "ours")).count("a") == 1
    assert not (tmp_path / "ours").exists()
