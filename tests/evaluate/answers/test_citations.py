import pytest

from ragcli.evaluate.answers.citations import Relevant, citation_precision, citation_recall
from ragcli.evaluate.answers.rows import Citation
from ragcli.evaluate.spans import Range

SPANS = Relevant(spans=(Range("a", 10, 20), Range("a", 50, 60), Range("b", 0, 5)))


@pytest.mark.parametrize(
    ("citations", "precision", "recall"),
    [
        ([Citation("a", 0, 11), Citation("a", 20, 50)], 1 / 2, 1 / 3),  # overlap by one character; touching is none
        ([Citation("a", 19, 51)], 1.0, 2 / 3),
        ([Citation("a", 0, 10)], 0.0, 0.0),
        ([Citation("a", 12, 14), Citation("a", 12, 14), Citation("c", 12, 14)], 1 / 2, 1 / 3),  # the same one twice
        ([Citation("b")], 1.0, 1 / 3),  # a whole document
        ([Citation("b", 3, 9), Citation("a")], 1.0, 1.0),
        ([], 0.0, 0.0),
    ],
)
def test_judged_spans(citations: list[Citation], precision: float, recall: float) -> None:
    assert citation_precision(citations, SPANS) == pytest.approx(precision)
    assert citation_recall(citations, SPANS) == pytest.approx(recall)


@pytest.mark.parametrize(
    ("citations", "precision", "recall"),
    [
        ([Citation("a", 0, 5), Citation("a", 7, 9), Citation("x")], 2 / 3, 1 / 3),
        ([Citation("x", 0, 5, "c1"), Citation("b")], 1.0, 2 / 3),
        ([Citation("", chunk_id="c2")], 0.0, 0.0),
        ([], 0.0, 0.0),
    ],
)
def test_judged_documents_and_chunks(citations: list[Citation], precision: float, recall: float) -> None:
    relevant = Relevant(documents=frozenset({"a", "b", "c1"}))
    assert citation_precision(citations, relevant) == pytest.approx(precision)
    assert citation_recall(citations, relevant) == pytest.approx(recall)


def test_spans_come_before_documents() -> None:
    both = Relevant(spans=(Range("a", 0, 5),), documents=frozenset({"a", "b"}))
    assert citation_precision([Citation("b", 0, 5)], both) == 0.0
    assert citation_recall([Citation("a", 1, 2)], both) == 1.0
    assert not Relevant()
