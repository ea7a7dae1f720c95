"""Each arm scores what only the other one returned: the values are those of a search that returns everything."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from ragcli.config.index import HashingEmbedderConfig
from ragcli.config.query import MinMaxConfig
from ragcli.config.settings import Config
from ragcli.models.hashing import HashingEmbedder
from ragcli.query.asked import Asked, Variation
from ragcli.query.clock import Clock
from ragcli.query.engine import Engine
from ragcli.query.fuse import Arm, Ranking, fuse
from ragcli.query.retrieve import look_up
from ragcli.records import Query
from ragcli.workspace import Workspace

QUESTION = "red cars"


@pytest.fixture
def engine(fruit: Workspace, settings: Callable[..., Config]) -> Iterator[Engine]:
    with Engine(settings(), fruit) as opened:
        yield opened


@pytest.fixture
def everything(engine: Engine) -> dict[Arm, Ranking]:
    """What both arms say of all chunks that they score."""
    vectors, lexical = engine.generation.vectors, engine.generation.lexical
    assert vectors is not None
    assert lexical is not None
    scores, rows = vectors.search(asked_vectors(), 7)
    return {"dense": Ranking(scores[0], rows[0]), "lexical": Ranking(*lexical.search(QUESTION, 7))}


def asked_vectors() -> NDArray[np.float32]:
    return HashingEmbedder(HashingEmbedderConfig().dimension).embed_queries([QUESTION])


def question() -> Asked:
    variations = (Variation(QUESTION, "the question"),)
    return Asked(("dense", "lexical"), variations, None, vectors=asked_vectors())


def only(ranking: Ranking, *rows: int) -> Ranking:
    places = [ranking.rows.tolist().index(row) for row in rows]
    return Ranking(ranking.scores[places], ranking.rows[places])


def scores(ranking: Ranking) -> dict[int, float]:
    return dict(zip(ranking.rows.tolist(), ranking.scores.tolist(), strict=True))


def test_a_result_of_one_arm_gets_the_score_that_the_other_has_for_it(
    engine: Engine, everything: dict[Arm, Ranking]
) -> None:
    dense, lexical = everything["dense"], everything["lexical"]
    wordless = next(row for row in dense.rows.tolist() if row not in lexical.rows)
    first, second = lexical.rows[:2].tolist()
    given: dict[Arm, Ranking] = {"dense": only(dense, first, wordless), "lexical": only(lexical, second)}
    found = look_up(engine.generation, question(), given, Clock())
    assert scores(found["dense"]) == pytest.approx(
        {row: scores(dense)[row] for row in (first, wordless, second)}, abs=1e-6
    )
    expected = {second: scores(lexical)[second], first: scores(lexical)[first], wordless: 0.0}
    assert scores(found["lexical"]) == pytest.approx(expected, abs=1e-5)
    assert (found["dense"].looked_up, found["lexical"].looked_up) == (1, 2)


def test_it_has_no_rank_there(engine: Engine, everything: dict[Arm, Ranking]) -> None:
    first, second = everything["lexical"].rows[:2].tolist()
    given: dict[Arm, Ranking] = {
        "dense": only(everything["dense"], first),
        "lexical": only(everything["lexical"], second),
    }
    found = look_up(engine.generation, question(), given, Clock())
    parts = {one.row: one.contributions for one in fuse(found, MinMaxConfig())}
    ranks = {row: (own["dense"].rank, own["lexical"].rank) for row, own in parts.items()}
    assert ranks == {first: (1, 0), second: (0, 1)}


def test_nothing_is_looked_up_where_both_returned_the_same(engine: Engine, everything: dict[Arm, Ranking]) -> None:
    row = int(everything["lexical"].rows[0])
    found = look_up(engine.generation, question(), {arm: only(own, row) for arm, own in everything.items()}, Clock())
    assert all(own.rows.tolist() == [row] and own.looked_up == 0 for own in found.values())


def test_one_arm_alone_stays_as_it_is(engine: Engine, everything: dict[Arm, Ranking]) -> None:
    alone: dict[Arm, Ranking] = {"lexical": everything["lexical"]}
    assert look_up(engine.generation, question(), alone, Clock()) == alone


@pytest.mark.parametrize(("fusion", "parts"), [("minmax", [2, 2]), ("rrf", [1, 1]), ("dbsf", [1, 1])])
def test_the_engine_looks_up_for_min_max_alone(
    fusion: str, parts: list[int], fruit: Workspace, settings: Callable[..., Config]
) -> None:
    with Engine(settings(candidates=1, top_k=1, fusion={"kind": fusion}), fruit) as engine:
        (result,) = engine.search([Query("q", "red trees")])
    assert [len(one.contributions) for one in result.considered] == parts
    assert len(result.hits[0].arms) == 1  # the one that returned it
