"""Whatever was added, changed and deleted in whatever order: the incremental index is what a full build gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.index.conftest import WORDS, Corpus, settings

from ragcli.config.settings import Config
from ragcli.index.reader import open_generation
from ragcli.workspace import Workspace, generations

CONFIG = settings(embedder={"kind": "hashing", "dimension": 32}, context={"neighbours": [0.3]})


@dataclass(frozen=True)
class Step:
    """Write a document (again), delete one, index, compact, or roll back."""

    verb: Literal["write", "delete", "index", "compact", "rollback"]
    document: int = 0
    texts: tuple[str, ...] = ()


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
steps = st.one_of(
    st.builds(Step, st.just("write"), st.integers(0, 5), st.lists(texts, min_size=1, max_size=5).map(tuple)),
    st.builds(Step, st.just("delete"), st.integers(0, 5)),
    st.builds(Step, st.sampled_from(["index", "index", "compact", "rollback"])),
)


def play(corpus: Corpus, history: Sequence[Step]) -> None:
    from ragcli.index.history import rollback

    corpus.write("always", ["amber basin", "cedar delta"])
    for step in history:
        name = f"d{step.document}"
        if step.verb == "write":
            corpus.write(name, step.texts)
        elif step.verb == "delete" and name in corpus.rows:
            corpus.delete(name)
        elif step.verb in {"index", "compact"}:
            corpus.index(CONFIG, compact=step.verb == "compact")
        elif step.verb == "rollback" and len(generations.list_generations(corpus.workspace)) > 1:
            live = generations.current(corpus.workspace)
            if live != generations.list_generations(corpus.workspace)[0]:
                rollback(CONFIG, corpus.workspace)
    corpus.index(CONFIG)


def answers(corpus: Corpus, config: Config) -> tuple[NDArray[np.float32], NDArray[np.int64], list[list[int]]]:
    """All vectors ranked for two questions, and who has which word."""
    from ragcli.models.build import build_embedder

    queries = build_embedder(config.index.embedder, config.models).embed_queries(["amber cedar", "pearl"])
    with open_generation(corpus.workspace, config.index) as generation:
        assert generation.vectors is not None
        assert generation.lexical is not None
        assert not generation.pending
        count = len(generation.chunk_rows)
        assert len(generation.vectors) == len(generation.lexical) == count
        scores, rows = generation.vectors.search(queries, count)
        words = [sorted(generation.lexical.search(word, count)[1].tolist()) for word in WORDS]
    return scores, rows, words


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=14))
def test_incremental_is_full(tmp_path_factory: pytest.TempPathFactory, history: list[Step]) -> None:
    folder: Path = tmp_path_factory.mktemp("w")
    corpus = Corpus(Workspace(folder / "workspace"))
    play(corpus, history)
    scores, rows, words = answers(corpus, CONFIG)
    full = corpus.index(CONFIG, full=True)
    assert full.embedded == 0
    full_scores, full_rows, full_words = answers(corpus, CONFIG)
    assert rows.tolist() == full_rows.tolist()
    assert scores.tolist() == full_scores.tolist()
    assert words == full_words
