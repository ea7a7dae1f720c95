from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.errors import DataError, UsageError
from ragcli.evaluate.datasets import load_dataset
from ragcli.evaluate.datasets.jsonl import write_jsonl
from ragcli.evaluate.judgements import Dataset, Span
from ragcli.evaluate.make_dataset.asked import Refused, asked_candidates
from ragcli.evaluate.make_dataset.candidates import Candidate, distinct, offline_candidates, words
from ragcli.evaluate.make_dataset.make import MakeOptions, make
from ragcli.evaluate.make_dataset.note import synthetic_note
from ragcli.evaluate.make_dataset.passages import Passage, passages
from ragcli.records import Query
from ragcli.workspace.catalog import Catalog, StoredChunk


def asked(catalog: Catalog) -> dict[str, tuple[str, str]]:
    return {one.question: (one.kind, one.span.quote) for one in offline_candidates(passages(catalog))}


def test_headings_definitions_and_terms_become_questions(catalog: Catalog) -> None:
    found = asked(catalog)
    assert found["When do signing keys rotate?"] == (
        "heading",
        "Signing keys rotate once a quarter, on the first Monday of it.",
    )
    assert found["What is there to know about retention of snapshots?"][0] == "heading"
    assert found["How does taking snapshots work?"][0] == "heading"
    assert "What is there to know about codes of the agent?" in found  # without its number
    assert found["What is a snapshot?"] == (
        "definition",
        "A snapshot is a read-only copy of all files of a host at one moment.",
    )
    assert found["What is the signing key?"][0] == "definition"
    assert found["What is said about MRL-4008?"] == (
        "term",
        "The code MRL-4008 tells that a quorum of witnesses was not reachable in time.",
    )


@pytest.mark.parametrize(
    ("heading", "above", "question"),
    [
        ("Can I upgrade an M200 with a TPM?", "FAQ", "Can I upgrade an M200 with a TPM?"),
        ("Remote access", "Support", "What is there to know about remote access in 'Support'?"),
        ("KINDS OF CHANGE", "", "What is there to know about kinds of change?"),
        ("Agent on AIX does not start", "", "Agent on AIX does not start: what is known about that?"),
        ("Step 5: first start of all", "", "What is there to know about first start of all?"),
    ],
)
def test_headings_as_people_ask(heading: str, above: str, question: str) -> None:
    text = "It is done by the service staff, once a year, in spring."
    chunk = StoredChunk(1, "c", "d", "d.md", "s", "d.md", "markdown", above, text, 0, len(text), 9, (heading,), {})
    found = offline_candidates([Passage(chunk, text)])
    assert [one.question for one in found if one.kind == "heading"] == [question]


def test_terms_are_words_that_stand_together(catalog: Catalog) -> None:
    terms = {question: quote for question, (kind, quote) in asked(catalog).items() if kind == "term"}
    assert terms
    for question, quote in terms.items():
        assert question.removeprefix("What is said about ").rstrip("?").lower() in quote.lower()


def test_what_would_be_ambiguous_is_not_asked(catalog: Catalog) -> None:
    found = asked(catalog)
    questions = " ".join(found)
    assert "verview" not in questions  # a heading of two documents, and a generic one
    assert "What is this?" not in found
    assert "errors-v3" not in questions
    assert not any("two times" in quote for _, quote in found.values())


def test_every_span_is_there_exactly_once(catalog: Catalog, documents: Path) -> None:
    made = make(catalog, "made", MakeOptions())
    texts = {path.name: path.read_text() for path in (documents / "docs").iterdir()}
    assert len(made.dataset.queries) >= 6
    for query in made.dataset.queries:
        (span,) = made.dataset.spans[query.id]
        (passage, *_) = [one for one in passages(catalog) if one.chunk.document == span.document]
        assert passage.text.count(span.quote) == 1
        assert passage.text[span.start : span.end] == span.quote
        assert span.quote in texts[span.document]
        assert made.dataset.qrels[query.id] == {span.document: 1}
        assert made.dataset.tags[query.id][0] == "synthetic"
        assert made.dataset.tags[query.id][1] in made.kinds


def test_the_same_seed_makes_the_same_dataset_and_it_reads_back(catalog: Catalog, tmp_path: Path) -> None:
    one = make(catalog, "made.jsonl", MakeOptions(count=4)).dataset
    assert make(catalog, "made.jsonl", MakeOptions(count=4)).dataset == one
    others = [make(catalog, "made.jsonl", MakeOptions(count=4, seed=seed)).dataset for seed in range(1, 6)]
    assert any(other.queries != one.queries for other in others)
    file = tmp_path / "made.jsonl"
    write_jsonl(one, file)
    assert load_dataset(file) == one


def test_kinds_take_turns(catalog: Catalog) -> None:
    made = make(catalog, "made", MakeOptions(count=6))
    assert set(made.kinds) == {"definition", "heading", "term"}
    assert max(made.kinds.values()) <= 3


def test_a_filter_chooses_documents(catalog: Catalog) -> None:
    made = make(catalog, "made", MakeOptions(where=("path=keys.md",)))
    assert {span.document for spans in made.dataset.spans.values() for span in spans} == {"keys.md"}
    with pytest.raises(DataError, match="nothing to make questions from"):
        make(catalog, "made", MakeOptions(where=("path=none.md",)))
    with pytest.raises(UsageError):
        make(catalog, "made", MakeOptions(where=("nonsense",)))


def candidate(question: str, start: int = 0) -> Candidate:
    return Candidate(question, Span("a.md", start, start + 1, "x"), "term")


def test_near_duplicates_and_second_quotes_are_left_out() -> None:
    kept = list(
        distinct(
            [
                candidate("what does the red fox eat", 1),
                candidate("What does the RED fox eat?", 2),
                candidate("what does the red fox eat daily", 3),  # 6 of 7 words
                candidate("what does the blue fox drink", 4),
                candidate("who sleeps here", 4),
                candidate("where is it kept", 6),
            ],
            known=["where is it kept"],
        )
    )
    assert [one.question for one in kept] == ["what does the red fox eat", "what does the blue fox drink"]


@given(st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=6), max_size=30))
def test_distinct_equals_comparing_every_pair(bags: list[list[str]]) -> None:
    candidates = [candidate(" ".join(bag), place) for place, bag in enumerate(bags)]
    expected: list[Candidate] = []
    for one in candidates:
        own = set(words(one.question))
        others = [set(words(other.question)) for other in expected]
        if all(len(own & other) < 0.8 * len(own | other) for other in others):
            expected.append(one)
    assert list(distinct(candidates)) == expected


class Scripted:
    """Answers from a table: the first entry whose key is in the prompt."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers

    def ask(self, prompt: str) -> str:
        kind = "CHECK" if prompt.startswith("Can the question") else "WRITE"
        for key, answer in self.answers.items():
            wanted, _, words = key.partition(" ")
            if wanted == kind and words in prompt:
                return answer
        return "no" if kind == "CHECK" else "I would rather not."


def test_only_answers_that_the_passage_holds_pass_the_filters(catalog: Catalog) -> None:
    quote = "Snapshots are kept for thirty days and are then removed by the nightly janitor."
    answers = {
        "WRITE thirty days": f'Sure:\n```json\n{{"question": "How long is a copy stored?", "quote": "{quote}"}}\n```',
        "WRITE MRL-4008": '{"question": "What is the quorum about?", "quote": "A quorum was not there."}',
        "WRITE once a quarter": '{"question": "What does this passage say?", "quote": "Signing keys rotate"}',
        "WRITE release server": '{"question": "What does the server know?", "quote": "The signing key is a secret"}',
        "CHECK How long is a copy": " Yes.",
    }
    refused = Refused()
    found = list(asked_candidates(passages(catalog), Scripted(answers), refused))
    assert [(one.question, one.span.quote, one.kind) for one in found] == [("How long is a copy stored?", quote, "llm")]
    assert (refused.quote_elsewhere, refused.pointing, refused.unanswerable) == (1, 1, 1)
    assert refused.malformed == len(passages(catalog)) - 4


def test_a_model_that_gives_nothing_of_use_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(DataError, match="no question can be made"):
        make(catalog, "made", MakeOptions(asker=Scripted({})))


def test_a_dataset_from_a_model_says_so(catalog: Catalog) -> None:
    quote = "Snapshots are kept for thirty days and are then removed by the nightly janitor."
    answers = {
        "WRITE thirty days": f'{{"question": "How long is a copy stored?", "quote": "{quote}"}}',
        "CHECK ": "yes",
    }
    made = make(catalog, "made", MakeOptions(asker=Scripted(answers)))
    assert dict(made.kinds) == {"llm": 1}
    assert made.refused["malformed"] == made.possible - 1


def test_the_note_counts_judged_made_questions() -> None:
    queries = tuple(Query(name, name) for name in "abcd")
    qrels = {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1}}
    tags = {"a": ("synthetic", "heading"), "b": ("synthetic", "llm"), "c": ("golden",), "d": ("synthetic", "term")}
    note = synthetic_note(Dataset("d", queries, qrels, tags=tags))
    assert note == {"synthetic": "2 of 3 questions were made by a program, not asked by people (1 heading, 1 llm)"}
    assert synthetic_note(Dataset("d", queries, qrels, tags={"c": ("golden",)})) == {}
