"""Words of like meaning, by vectors of single words that are computed once."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ragcli.config.index import IndexConfig, NoEmbedderConfig
from ragcli.config.settings import Config
from ragcli.errors import IndexStateError
from ragcli.index.build import build_index
from ragcli.index.lexical.analysis import Analysis
from ragcli.index.reader import open_generation
from ragcli.query.engine import Engine
from ragcli.query.expand.synonyms import Synonym, Synonyms
from ragcli.records import Query
from ragcli.workspace import Workspace

Settings = Callable[..., Config]
CORPUS = {
    "a.md": ["Renew the certificate.", "A certificate is renewed by hand.", "Nobody shall renew tea."],
    "b.md": ["Tea is drunk warm.", "Green tea comes from far away.", "Only once does cycling help."],
}
MEANING = {"rotate": (1.0, 0.0, 0.0), "renew": (0.8, 0.6, 0.0), "certificate": (0.0, 1.0, 0.0)}


class Meanings:
    """An embedder of three words; remembers what it was asked."""

    fingerprint, name, dimension, max_tokens = "meanings", "meanings", 3, 9

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([MEANING.get(text, (-1.0, 0.0, 0.0)) for text in texts], dtype=np.float32)

    embed_queries = embed_documents


@pytest.fixture
def corpus(workspace: Workspace, settings: Settings, add: Callable[..., None]) -> Workspace:
    for name, chunks in CORPUS.items():
        add(workspace, name, chunks)
    build_index(settings(), workspace)
    return workspace


def find(
    workspace: Workspace, settings: Settings, question: str, least: float = 0.6
) -> tuple[list[Synonym], list[str]]:
    """Synonyms, and what had to be embedded."""
    model = Meanings()
    with open_generation(workspace, settings().index) as generation:
        near = Synonyms(generation, Analysis("en", stop_words=True), lambda: model, workspace.words, least)
        return near.of(question, 2), model.asked


def test_the_nearest_words_of_the_corpus_are_found(corpus: Workspace, settings: Settings) -> None:
    assert find(corpus, settings, "how to rotate keys")[0] == [Synonym("renew", "rotate")]
    assert find(corpus, settings, "rotate it", 0.0)[0] == [Synonym("renew", "rotate"), Synonym("certificate", "rotate")]
    assert find(corpus, settings, "rotate it", 0.9)[0] == []
    assert find(corpus, settings, "who renews it", -1)[0][0].word != "renew"  # it is asked for already
    assert find(corpus, settings, "of the", -1)[0] == []


def test_words_are_embedded_once_and_new_ones_alone(
    corpus: Workspace, settings: Settings, add: Callable[..., None]
) -> None:
    assert sorted(find(corpus, settings, "rotate")[1]) == ["certificate", "renew", "rotate"]
    assert find(corpus, settings, "rotate")[1] == ["rotate"]
    add(corpus, "c.md", ["Zebras eat grass.", "Zebras sleep."])
    build_index(settings(), corpus)
    found, asked = find(corpus, settings, "rotate")
    assert (found, sorted(asked)) == ([Synonym("renew", "rotate")], ["rotate", "zebras"])
    corpus.words.write_bytes(b"damaged")
    assert find(corpus, settings, "rotate")[0] == [Synonym("renew", "rotate")]
    assert find(corpus, settings, "rotate")[1] == ["rotate"]


def test_a_variation_tells_which_word_is_like_which(corpus: Workspace, settings: Settings) -> None:
    expand = {"kind": "feedback", "synonyms": 1, "least_cosine": -1, "variations": 1}
    with Engine(settings(expand=expand), corpus) as engine:
        [result] = engine.search([Query("q", "rotate the keys")])
    assert result.plan is not None
    varied = result.plan.variations[1]
    word = varied.text.removeprefix("rotate the keys ")
    assert word in MEANING
    assert varied.origin in {f"{word} like rotate", f"{word} like keys"}
    assert (varied.arm, varied.weight) == ("lexical", 0.25)


def test_an_index_without_vectors_has_no_synonyms(corpus: Workspace, settings: Settings) -> None:
    plain = Config(index=IndexConfig(embedder=NoEmbedderConfig()), query=settings(
        strategy="lexical", expand={"kind": "feedback", "synonyms": 1}
    ).query)  # fmt: skip
    build_index(plain, corpus)
    with pytest.raises(IndexStateError, match=r"query\.expand\.synonyms"):
        Engine(plain, corpus)
