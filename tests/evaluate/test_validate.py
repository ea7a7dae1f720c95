"""What is wrong with a dataset, and its clean copy."""

import json
from pathlib import Path

import pytest

from ragcli.errors import DataError
from ragcli.evaluate.datasets import read_dataset
from ragcli.evaluate.datasets.validate import cleaned, validate
from ragcli.evaluate.judgements import Span
from ragcli.evaluate.texts import Texts, references
from ragcli.records import Chunk, Document, Query
from ragcli.workspace.catalog import Catalog

TEXT = "Keys rotate once a quarter. Keys are long."
CHUNK = "0123456789abcdef" * 2


@pytest.fixture
def catalog() -> Catalog:
    found = Catalog(None)
    document = Document("id", "keys.md", "s", "keys.md", "markdown", "", TEXT)
    found.add_document(document, [Chunk(CHUNK, "id", 0, TEXT, 0, len(TEXT), 9)])
    return found


def dataset(tmp_path: Path, *records: dict[str, object]) -> Path:
    file = tmp_path / "q.jsonl"
    file.write_text("".join(json.dumps({"question": "?", **record}) + "\n" for record in records))
    return file


def test_every_fault_is_found_and_mended(tmp_path: Path, catalog: Catalog) -> None:
    file = dataset(
        tmp_path,
        {"id": "a", "relevant": ["keys.md", "keys.md", "gone.md", CHUNK], "answer": ["", "yes"]},
        {"id": "a", "relevant": ["keys.md"]},
        {"id": "b"},
        {
            "id": "c",
            "spans": [
                {"document": "keys.md", "quote": "a quarter"},
                {"document": "keys.md", "start": 17, "end": 26, "quote": "a quarter"},
                {"document": "keys.md", "quote": "nowhere"},
                {"document": "keys.md", "quote": "Keys"},
                {"document": "keys.md", "start": 1, "end": 5, "quote": "Keys"},
                {"document": "keys.md", "start": 1, "end": 500},
                {"document": "gone.md", "quote": "x"},
            ],
        },
    )
    found, clean = validate(read_dataset(file), Texts(catalog, lambda version: version.live))
    assert [(problem.where.rpartition(":")[2], problem.kind) for problem in found.problems] == [
        ("1", "empty_reference"),
        ("2", "duplicate_question"),
        ("4", "duplicate_judgement"),
        ("4", "quote_missing"),
        ("4", "quote_ambiguous"),
        ("4", "quote_moved"),
        ("4", "span_outside"),
        ("4", "unknown_document"),
        ("1", "duplicate_judgement"),
        ("1", "unknown_document"),
        ("2", "duplicate_judgement"),
        ("3", "unjudged_question"),
    ]
    assert (found.questions, found.judgements, found.spans, found.checked_documents) == (4, 5, 7, True)
    assert clean.queries == (Query("a", "?"), Query("c", "?"))
    assert clean.qrels == {"a": {"keys.md": 1, CHUNK: 1}}
    assert clean.spans == {"c": (Span("keys.md", 17, 26, "a quarter"), Span("keys.md", 0, 4, "Keys"))}
    assert clean.answers == {"a": ("yes",)}
    assert cleaned(found, clean) is clean


def test_without_a_catalog_only_the_files_are_looked_at(tmp_path: Path) -> None:
    raw = read_dataset(
        dataset(tmp_path, {"id": "a", "relevant": {"gone.md": 1}, "spans": [{"document": "x", "quote": "y"}]})
    )
    found, clean = validate(raw)
    assert (found.problems, found.checked_documents) == ((), False)
    assert clean.spans == {"a": (Span("x", quote="y"),)}


def test_judgements_of_no_question_and_of_two_minds(tmp_path: Path) -> None:
    file = dataset(tmp_path, {"id": "a"})
    (tmp_path / "qrels").write_text("a 0 x 1\na 0 x 3\na 0 x 2\nz 0 x 1\n")
    found, clean = validate(read_dataset(file, qrels=tmp_path / "qrels"))
    assert [problem.kind for problem in found.problems] == [
        "conflicting_judgement",
        "conflicting_judgement",
        "unknown_question",
    ]
    assert found.problems[2].where.endswith("qrels:4")
    assert clean.qrels == {"a": {"x": 3}}


def test_questions_that_the_documents_do_not_answer_are_no_fault(tmp_path: Path, catalog: Catalog) -> None:
    file = dataset(
        tmp_path,
        {"id": "a", "relevant": ["keys.md"]},
        {"id": "none", "relevant": {}, "answer": "They do not say."},
        {"id": "lost", "relevant": ["gone.md"], "answer": "yes"},
        {"id": "open", "answer": " "},
    )
    found, clean = validate(read_dataset(file), Texts(catalog, lambda version: version.live))
    assert found.unanswerable == 1
    assert [(problem.query, problem.kind) for problem in found.problems] == [
        ("open", "empty_reference"),
        ("lost", "unknown_document"),
        ("lost", "unjudged_question"),
        ("open", "unjudged_question"),
    ]
    assert [query.id for query in clean.queries] == ["a", "none"]


def test_a_copy_of_nothing_is_refused(tmp_path: Path) -> None:
    found, clean = validate(read_dataset(dataset(tmp_path, {"id": "a"})))
    with pytest.raises(DataError, match="no question with sound judgements is left"):
        cleaned(found, clean)


def test_spans_that_are_nowhere_stay_as_missed(catalog: Catalog) -> None:
    spans = {"q": (Span("keys.md", quote="a quarter"), Span("keys.md", quote="gone"), Span("no.md", 3, 10))}
    ranges, lost = references(spans, Texts(catalog, lambda version: version.live))
    assert [(part.document, part.length) for part in ranges["q"]] == [("id", 9), ("lost span 1", 4), ("lost span 2", 7)]
    assert lost == ("q: keys.md: missing", "q: no.md: no such document")
