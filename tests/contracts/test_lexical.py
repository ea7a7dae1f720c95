"""One suite for every lexical engine: the order and the values of BM25, filters, increments, hostile text."""

import math
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.config.index import RankBm25Config, TantivyConfig
from ragcli.errors import IndexCorruptError, IndexStaleError
from ragcli.index.lexical import LexicalIndex
from ragcli.index.lexical.build import LexicalEngineConfig, open_lexical, shaping_settings, update_lexical
from ragcli.workspace.catalog import IndexText

PLAIN: list[LexicalEngineConfig] = [TantivyConfig(language="none"), RankBm25Config(language="none")]
ENGLISH: list[LexicalEngineConfig] = [TantivyConfig(), RankBm25Config()]
LENGTH_NORM = {"tantivy": (1.2, 0.75), "rank_bm25": (1.5, 0.75)}

CORPUS = {
    3: "red apple",
    5: "green apple apple pie",
    8: "red car and red bus and red train",
    13: "blue car",
    21: "apple car apple",
}


def kind(config: LexicalEngineConfig) -> str:
    return config.kind


def texts(corpus: Mapping[int, str]) -> list[IndexText]:
    return [IndexText(row, 0, 0, len(text), "", text) for row, text in corpus.items()]


def build(directory: Path, config: LexicalEngineConfig, corpus: Mapping[int, str]) -> LexicalIndex:
    update_lexical(directory, None, config, texts(corpus), [])
    return open_lexical(directory, config)


def search(index: LexicalIndex, text: str, top_k: int = 10, allowed: list[int] | None = None) -> dict[int, float]:
    rows_allowed = None if allowed is None else np.array(allowed, dtype=np.int64)
    scores, rows = index.search(text, top_k, rows_allowed)
    assert scores.dtype == np.float32
    assert rows.dtype == np.int64
    return dict(zip(rows.tolist(), scores.tolist(), strict=True))


def brute_force(corpus: Mapping[int, str], question: str, k1: float, b: float) -> dict[int, float]:
    """BM25 by its definition, best first, ties by row; idf = ln(1 + (N - n + 0.5) / (n + 0.5))."""
    documents = {row: text.split() for row, text in corpus.items()}
    average = sum(map(len, documents.values())) / len(documents)
    scores = {}
    for row, words in documents.items():
        counts, score = Counter(words), 0.0
        for term in question.split():
            n = sum(term in other for other in documents.values())
            idf = math.log(1 + (len(documents) - n + 0.5) / (n + 0.5))
            tf = counts[term]
            score += idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * len(words) / average))
        if score > 0:
            scores[row] = score
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


@pytest.mark.parametrize("config", PLAIN, ids=kind)
@pytest.mark.parametrize("question", ["apple", "red apple", "car car red", "pie blue", "and apple bus"])
def test_scores_are_bm25(config: LexicalEngineConfig, question: str, tmp_path: Path) -> None:
    index = build(tmp_path / "lexical", config, CORPUS)
    expected = brute_force(CORPUS, question, *LENGTH_NORM[config.kind])
    found = search(index, question)
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_a_term_in_most_chunks_still_counts_for_them(config: LexicalEngineConfig, tmp_path: Path) -> None:
    """The classic idf is negative here and would put the chunk with more of the term last."""
    index = build(tmp_path / "lexical", config, {1: "a b", 2: "a a", 3: "a c", 4: "d e"})
    found = search(index, "a")
    assert next(iter(found)) == 2
    assert set(found) == {1, 2, 3}
    assert min(found.values()) > 0


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_only_chunks_that_share_a_word_are_results(config: LexicalEngineConfig, tmp_path: Path) -> None:
    index = build(tmp_path / "lexical", config, CORPUS)
    assert set(search(index, "pie bus")) == {5, 8}
    assert search(index, "zebra") == {}


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_the_prefix_is_searched_too(config: LexicalEngineConfig, tmp_path: Path) -> None:
    update_lexical(tmp_path / "l", None, config, [IndexText(1, 0, 0, 4, "Orchard > Trees", "pear"), *texts(CORPUS)], [])
    assert set(search(open_lexical(tmp_path / "l", config), "orchard")) == {1}


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_chunks_of_a_term_are_counted(config: LexicalEngineConfig, tmp_path: Path) -> None:
    index = build(tmp_path / "lexical", config, CORPUS)
    terms = ["apple", "red", "car", "blue", "zebra"]
    assert index.chunk_counts(terms) == [sum(term in text.split() for text in CORPUS.values()) for term in terms]
    assert index.chunk_counts([]) == []


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_ties_beyond_a_long_filter_keep_their_order(config: LexicalEngineConfig, tmp_path: Path) -> None:
    """More rows are allowed than a query takes in, and the last results fetched beyond it tie."""
    corpus = {row: "needle needle" if row % 40 == 0 else "needle hay" for row in range(12_000)}
    index = build(tmp_path / "lexical", config, corpus)
    allowed = list(range(1, 12_000, 8))
    assert list(search(index, "needle", top_k=20, allowed=allowed)) == allowed[:20]
    both = sorted([*range(0, 12_000, 120), *allowed])
    best = [row for row in both if row % 40 == 0]
    expected = [*best, *(row for row in both if row % 40)][:150]
    assert list(search(index, "needle", top_k=150, allowed=both)) == expected


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_equal_scores_rank_by_row_and_the_lowest_rows_win(config: LexicalEngineConfig, tmp_path: Path) -> None:
    first = dict.fromkeys(range(50, 150), "same words here")
    update_lexical(tmp_path / "a", None, config, texts(first), [])
    later = dict.fromkeys([*range(150, 180), *range(10, 20)], "same words here")
    update_lexical(tmp_path / "b", tmp_path / "a", config, texts(later), [])
    index = open_lexical(tmp_path / "b", config)
    assert list(search(index, "words", top_k=5)) == [10, 11, 12, 13, 14]
    assert list(search(index, "words", top_k=15)) == [*range(10, 20), *range(50, 55)]
    assert list(search(index, "words", top_k=15, allowed=list(range(140, 160)))) == list(range(140, 155))


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_a_filter_never_starves_and_changes_no_score(config: LexicalEngineConfig, tmp_path: Path) -> None:
    """2,400 of 3,000 chunks are allowed, but the 600 best are not: a plain over-fetch would come back empty."""
    corpus = {row: "needle needle needle" if row < 600 else f"needle in hay {row}" for row in range(3000)}
    index = build(tmp_path / "lexical", config, corpus)
    free = search(index, "needle hay", top_k=3000)
    allowed = list(range(600, 3000))
    found = search(index, "needle hay", top_k=40, allowed=allowed)
    assert list(found) == list(range(600, 640))
    assert found == {row: free[row] for row in found}
    few = [5, 7, 2999]
    assert search(index, "needle", top_k=10, allowed=few) == {
        row: score for row, score in search(index, "needle", top_k=3000).items() if row in few
    }
    assert search(index, "needle", allowed=[]) == {}
    assert search(index, "needle", allowed=[99_999]) == {}


@settings(max_examples=12, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_a_filtered_search_is_the_free_one_without_the_rest(
    config: LexicalEngineConfig, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8).map(" ".join)
    corpus = data.draw(st.dictionaries(st.integers(0, 500), words, min_size=1, max_size=25))
    question = data.draw(words)
    allowed = sorted(data.draw(st.sets(st.sampled_from(sorted(corpus)))))
    index = build(tmp_path_factory.mktemp("lexical"), config, dict(sorted(corpus.items())))
    free = search(index, question, top_k=100)
    assert list(free) == list(brute_force(corpus, question, *LENGTH_NORM[config.kind])) or _only_rounding(free)
    expected = {row: score for row, score in free.items() if row in allowed}
    assert search(index, question, top_k=100, allowed=allowed) == expected
    assert list(search(index, question, top_k=3, allowed=allowed).items()) == list(expected.items())[:3]


def _only_rounding(scores: Mapping[int, float]) -> bool:
    """Single precision may order scores that differ in the seventh digit as ties."""
    values = list(scores.values())
    return any(math.isclose(one, other, rel_tol=1e-5) for one, other in pairwise(values))


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_an_increment_finds_what_a_rebuild_finds(config: LexicalEngineConfig, tmp_path: Path) -> None:
    update_lexical(tmp_path / "1", None, config, texts(CORPUS), [])
    added = {34: "apple cake", 55: "yellow train"}
    update_lexical(tmp_path / "2", tmp_path / "1", config, texts(added), [5, 13])
    index = open_lexical(tmp_path / "2", config)
    left = {row: text for row, text in (CORPUS | added).items() if row not in {5, 13}}
    assert len(index) == len(left)
    for question in ("apple", "car", "train red", "pie", "blue"):
        assert set(search(index, question)) == set(brute_force(left, question, 1.2, 0.75))
    rebuilt = build(tmp_path / "3", config, left)
    assert set(search(rebuilt, "apple red")) == set(search(index, "apple red"))
    if config.kind == "rank_bm25":  # tantivy counts what was deleted until it merges, as Lucene does
        assert search(rebuilt, "apple red") == search(index, "apple red")


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_an_increment_that_only_adds_scores_like_a_rebuild(config: LexicalEngineConfig, tmp_path: Path) -> None:
    rows = sorted(CORPUS)
    update_lexical(tmp_path / "1", None, config, texts({row: CORPUS[row] for row in rows[:2]}), [])
    update_lexical(tmp_path / "2", tmp_path / "1", config, texts({row: CORPUS[row] for row in rows[2:]}), [])
    found = search(open_lexical(tmp_path / "2", config), "red apple car")
    assert found == pytest.approx(brute_force(CORPUS, "red apple car", *LENGTH_NORM[config.kind]), rel=1e-5)


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_the_parent_of_an_increment_stays_byte_for_byte(config: LexicalEngineConfig, tmp_path: Path) -> None:
    parent = tmp_path / "1"
    update_lexical(parent, None, config, texts(CORPUS), [])
    reader = open_lexical(parent, config)
    before = {file.name: (file.stat().st_ino, file.read_bytes()) for file in parent.iterdir()}
    expected = search(reader, "apple red")
    update_lexical(tmp_path / "2", parent, config, texts({34: "apple"}), [3, 5, 8, 13])
    update_lexical(tmp_path / "3", tmp_path / "2", config, [], [21, 34])
    assert {name: (parent / name).stat().st_ino for name in before} == {name: ino for name, (ino, _) in before.items()}
    assert {name: (parent / name).read_bytes() for name in before} == {name: data for name, (_, data) in before.items()}
    assert search(reader, "apple red") == expected
    assert search(open_lexical(parent, config), "apple red") == expected
    assert len(open_lexical(tmp_path / "3", config)) == 0


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_an_empty_index_finds_nothing(config: LexicalEngineConfig, tmp_path: Path) -> None:
    index = build(tmp_path / "lexical", config, {})
    assert len(index) == 0
    assert search(index, "anything") == {}


@pytest.mark.parametrize("config", PLAIN, ids=kind)
def test_chunks_without_a_word_are_counted_and_never_found(config: LexicalEngineConfig, tmp_path: Path) -> None:
    index = build(tmp_path / "lexical", config, {1: "...", 2: "—"})
    assert len(index) == 2
    assert search(index, "... —") == {}


@pytest.mark.parametrize("config", ENGLISH, ids=kind)
@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("running", 1),
        ("NAIVE CAFE", 2),
        ("naïve café", 2),
        ("東京", 3),
        ("ファイル", 4),
        ("full width 123", 5),
        ("to be or not to be", 6),
        ("москва", 7),
        ("office", 8),
    ],
)
def test_words_are_found_however_they_are_written(
    config: LexicalEngineConfig, question: str, row: int, tmp_path: Path
) -> None:
    corpus = {
        1: "The runner runs",
        2: "naïve cafe\N{COMBINING ACUTE ACCENT}",
        3: "私は東京に住んでいます",
        4: "設定ファイルを開く",
        5: "".join(chr(ord(letter) + 0xFEE0) if letter != " " else letter for letter in "full width 123"),
        6: "to be or not to be",
        7: "Москва",
        8: "o\N{LATIN SMALL LIGATURE FFI}ce hours",
    }
    assert next(iter(search(build(tmp_path / "lexical", config, corpus), question))) == row


@pytest.mark.parametrize("config", ENGLISH, ids=kind)
def test_stop_words_do_not_find_chunks_beside_other_words(config: LexicalEngineConfig, tmp_path: Path) -> None:
    index = build(tmp_path / "lexical", config, {1: "the end of the story", 2: "the and of it", 3: "zebra"})
    assert set(search(index, "the story of the zebra")) == {1, 3}
    kept = open_lexical(tmp_path / "lexical", config.model_copy(update={"stop_words": False}))
    assert set(search(kept, "the story of the zebra")) == {1, 2, 3}


HOSTILE = [
    "",
    "   ",
    "!!!",
    'text:apple AND (NOT "red',
    "row:3",
    "apple^100 ~2 [a TO z]",
    "*",
    "a" * 100_000,
    "\x00\x01apple",
    "ap\ud800ple",
    "\udcff",
    "-apple +red",
    "' OR 1=1 --",
    "\N{ZERO WIDTH JOINER}\N{RIGHT-TO-LEFT OVERRIDE}",
    "apple " * 2000,
]


@pytest.mark.parametrize("config", ENGLISH, ids=kind)
@pytest.mark.parametrize("question", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_in_a_question_is_syntax(config: LexicalEngineConfig, question: str, tmp_path: Path) -> None:
    index = build(tmp_path / "lexical", config, CORPUS)
    found = search(index, question)
    wordy = "apple" in question and "\ud800" not in question
    assert ({3, 5, 21} <= set(found)) == wordy


@settings(max_examples=15, deadline=None)
@given(text=st.text(max_size=60))
def test_every_text_can_be_indexed_and_asked(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    both = []
    for config in ENGLISH:
        index = build(tmp_path_factory.mktemp("lexical"), config, {7: text, 9: "other"})
        both.append(7 in search(index, text))
    assert both[0] == both[1]


@pytest.mark.parametrize("config", ENGLISH, ids=kind)
def test_another_language_is_refused(config: LexicalEngineConfig, tmp_path: Path) -> None:
    build(tmp_path / "lexical", config, CORPUS)
    german = config.model_copy(update={"language": "de"})
    assert shaping_settings(german) != shaping_settings(config)
    with pytest.raises(IndexStaleError, match="ragcli-1-de"):
        open_lexical(tmp_path / "lexical", german)
    with pytest.raises(IndexStaleError):
        update_lexical(tmp_path / "next", tmp_path / "lexical", german, [], [])


@pytest.mark.parametrize("config", ENGLISH, ids=kind)
def test_damage_is_named(config: LexicalEngineConfig, tmp_path: Path) -> None:
    with pytest.raises(IndexCorruptError, match="nowhere"):
        open_lexical(tmp_path / "nowhere", config)
    build(tmp_path / "lexical", config, CORPUS)
    for name in ("meta.json", "terms.json"):
        if (tmp_path / "lexical" / name).exists():
            (tmp_path / "lexical" / name).write_text("{", "utf-8")
    with pytest.raises(IndexCorruptError, match="damaged"):
        open_lexical(tmp_path / "lexical", config)
