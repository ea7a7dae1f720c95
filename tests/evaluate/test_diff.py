import numpy as np
import pytest

from ragcli.errors import DataError, NotComparableError
from ragcli.evaluate.diff import diff
from ragcli.evaluate.journeys import Journey
from ragcli.evaluate.result import EvalResult, Question, StoredHit

PRINTS = {"dataset": "d", "corpus": "c", "split": "test", "judgements": "documents", "top_k": "10"}


def result(values: list[float], journeys: dict[str, tuple[Journey, ...]], **changed: str) -> EvalResult:
    queries = tuple(f"q{number}" for number in range(1, len(values) + 1))
    return EvalResult(
        "set",
        queries,
        {"nDCG@10": np.array(values)},
        questions=tuple(Question(f"text of {query}") for query in queries),
        fingerprints=PRINTS | changed,
        journeys=journeys,
    )


def found(document: str, rank: int) -> Journey:
    return Journey(document, rank, {"lexical": rank}, rank)


def test_the_greatest_damage_comes_first_with_the_stage_that_lost_each_document() -> None:
    before = result(
        [1.0, 0.8, 0.5, 0.2],
        {"q1": (found("a", 1),), "q2": (found("b", 2), found("c", 3)), "q3": (found("e", 4),)},
        query="x",
    )
    after = result(
        [0.9, 0.1, 0.5, 0.6],
        {
            "q1": (Journey("a", 0, {"dense": 40}, 61, "fused out"),),
            "q2": (Journey("b", lost="not in the dense arm"), found("c", 5)),
            "q4": (found("d", 1),),
            "q3": (found("e", 11),),
        },
        query="y",
    )
    changed = diff(before, after)
    assert [(one.query, round(one.change, 6)) for one in changed.changes] == [
        ("q2", -0.7),
        ("q1", -0.1),
        ("q3", 0.0),
        ("q4", 0.4),
    ]
    assert [(lost.document, lost.rank, lost.after.lost) for lost in changed.changes[0].lost] == [
        ("b", 2, "not in the dense arm")
    ]
    assert changed.changes[1].lost[0].after.arms == {"dense": 40}
    assert [(lost.stage, lost.after.rank) for lost in changed.changes[2].lost] == [("ranked down", 11)]
    assert changed.changes[3].gained == {"d": 1}
    assert changed.changes[0].text == "text of q2"
    assert (changed.unchanged, changed.cutoff) == (0, 10)
    assert changed.stages == {"not in the dense arm": 1, "fused out": 1, "ranked down": 1}
    assert (changed.before, round(changed.after, 6)) == (0.625, 0.525)
    assert changed.settings == {"query": ("x", "y")}


def test_a_result_that_followed_nothing_is_read_by_its_hits() -> None:
    before = EvalResult(
        "set", ("q1",), {"nDCG@10": np.array([1.0])}, fingerprints=PRINTS,
        hits={"q1": (StoredHit("x", 2.0), StoredHit("a", 1.0), StoredHit("a", 0.5))},
    )  # fmt: skip
    after = result([0.0], {"q1": (Journey("a", lost="filtered"), Journey("b", lost="not ingested"))})
    (change,) = diff(before, after).changes
    assert [(lost.document, lost.rank, lost.after.lost) for lost in change.lost] == [("a", 2, "filtered")]


def test_what_cannot_be_compared() -> None:
    some = result([1.0], {"q1": (found("a", 1),)})
    with pytest.raises(DataError, match="how far its documents came"):
        diff(some, result([1.0], {}))
    with pytest.raises(NotComparableError, match="corpus"):
        diff(some, result([1.0], {"q1": (found("a", 1),)}, corpus="other"))


def test_what_fusion_had_higher_was_reranked_down() -> None:
    before = result([1.0, 1.0], {"q1": (found("a", 1),), "q2": (found("b", 1),)})
    after = result([0.0, 0.0], {"q1": (Journey("a", 12, {}, 2),), "q2": (Journey("b", 0, {}, 3, "reranked down"),)})
    assert diff(before, after).stages == {"reranked down": 2}
