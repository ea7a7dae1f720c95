"""Datasets from one layout to another, and every layout read."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.errors import DataError, UsageError
from ragcli.evaluate.datasets import load_dataset
from ragcli.evaluate.datasets.convert import Layout, layout_of, write_dataset
from ragcli.evaluate.judgements import Dataset, Span
from ragcli.records import Query

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
names = texts.filter(str.strip)
spans = st.builds(Span, names, st.just(3), st.integers(4, 99), st.just("") | texts) | st.builds(
    Span, names, quote=texts
)

FULL = Dataset(
    name="full",
    queries=(Query("q1", "two\nlines"), Query("q 2", "[odd] | text"), Query("q3", "spans only")),
    qrels={"q1": {"a.md": 2, "b c.md": 0}, "q 2": {"a|b": 1}},
    spans={"q1": (Span("a.md", 3, 9, "quoted"),), "q3": (Span("z.md", quote="a quote"),)},
    answers={"q1": ("[1]",), "q 2": ("one", "two")},
    must_pass=frozenset({"q1"}),
    tags={"q1": ("x", "y"), "q3": ("a|b",)},
)


def through(dataset: Dataset, folder: Path, layout: Layout) -> tuple[Dataset, tuple[str, ...]]:
    target = folder / (f"{dataset.name}.{layout}" if layout in {"jsonl", "csv"} else layout)
    lost = write_dataset(dataset, target, layout)
    return load_dataset(target), lost


def facts(dataset: Dataset) -> list[object]:
    return [dataset.queries, dataset.qrels, dataset.spans, dataset.answers, dataset.must_pass, dataset.tags]


@pytest.mark.parametrize("layout", ["jsonl", "csv"])
def test_jsonl_and_csv_hold_everything(tmp_path: Path, layout: Layout) -> None:
    found, lost = through(FULL, tmp_path, layout)
    assert facts(found) == facts(FULL)
    assert (lost, found.fingerprint) == ((), FULL.fingerprint)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        names,
        st.tuples(
            names,
            st.dictionaries(texts, st.integers(-9, 9), min_size=1, max_size=3),
            st.lists(spans, max_size=2, unique=True),
            st.lists(names, max_size=2),
            st.booleans(),
            st.lists(texts, max_size=3),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["jsonl", "csv"]),
)
def test_any_dataset_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    content: dict[str, tuple[str, dict[str, int], list[Span], list[str], bool, list[str]]],
    layout: Layout,
) -> None:
    dataset = Dataset(
        name="any",
        queries=tuple(Query(query, row[0]) for query, row in content.items()),
        qrels={query: row[1] for query, row in content.items()},
        spans={query: tuple(row[2]) for query, row in content.items() if row[2]},
        answers={query: tuple(row[3]) for query, row in content.items() if row[3]},
        must_pass=frozenset(query for query, row in content.items() if row[4]),
        tags={query: tuple(row[5]) for query, row in content.items() if row[5]},
    )
    found, _ = through(dataset, tmp_path_factory.mktemp("any"), layout)
    assert facts(found) == facts(dataset)


def test_beir_keeps_questions_and_documents_and_tells_the_rest(tmp_path: Path) -> None:
    found, lost = through(FULL, tmp_path, "beir")
    assert found.queries == FULL.queries
    assert found.qrels == {**FULL.qrels, "q3": {"z.md": 1}}
    assert lost == (
        "spans of 2 questions (1 became judgements on their documents)",
        "reference answers of 2 questions",
        "must_pass of 1 questions",
        "tags of 2 questions",
    )


def test_trec_percent_encodes_what_it_cannot_hold(tmp_path: Path) -> None:
    found, lost = through(FULL, tmp_path, "trec")
    assert found.queries == (Query("q1", "two lines"), Query("q%202", "[odd] | text"), Query("q3", "spans only"))
    assert found.qrels == {"q1": {"a.md": 2, "b%20c.md": 0}, "q%202": {"a|b": 1}, "q3": {"z.md": 1}}
    assert lost[-2:] == ("line breaks and repeated spaces in 1 questions", "white space in 2 ids, now percent-encoded")


def test_judgements_of_no_question_are_told(tmp_path: Path) -> None:
    dataset = Dataset("d", (Query("a", "?"),), {"a": {"x": 1}, "b": {"x": 1}})
    assert through(dataset, tmp_path, "jsonl")[1] == ("judgements of 1 ids that no question has",)


def test_the_suffix_says_the_layout() -> None:
    assert (layout_of(Path("a.jsonl")), layout_of(Path("a.csv"))) == ("jsonl", "csv")
    with pytest.raises(UsageError, match="does not say which layout"):
        layout_of(Path("folder"))


def test_classic_topics(tmp_path: Path) -> None:
    (tmp_path / "topics.txt").write_text(
        "<top>\n<num> Number: 301\n<title> International\n Organized Crime\n\n<desc> Description:\nIdentify.\n</top>\n"
        "<top>\n<num>302</num>\n<title></title>\n<desc>Polio is gone?</desc>\n<narr> Narrative: no\n</top>\n"
    )
    (tmp_path / "qrels.txt").write_text("301 0 d1 1\n302 0 d2 0\n")
    dataset = load_dataset(tmp_path)
    assert dataset.queries == (Query("301", "International Organized Crime"), Query("302", "Polio is gone?"))
    assert dataset.qrels == {"301": {"d1": 1}, "302": {"d2": 0}}


def test_a_csv_of_one_row_a_judgement(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(
        "id,question,document,grade,tags\n1,what?,a.md,2,x|y\n1,what?,b.md,,x|y\n2,who?,a.md,1,\n"
    )
    dataset = load_dataset(tmp_path / "q.csv")
    assert dataset.qrels == {"1": {"a.md": 2, "b.md": 1}, "2": {"a.md": 1}}
    assert dataset.tags == {"1": ("x", "y")}


def test_other_judgements_take_the_place_of_a_datasets_own(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"id": "1", "question": "?", "relevant": ["a"]}\n')
    (tmp_path / "other").write_text("1 0 z 3\n")
    assert load_dataset(tmp_path / "q.jsonl", qrels=tmp_path / "other").qrels == {"1": {"z": 3}}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("q.csv", "question\nx\n", "q.csv:1: there is no column 'id'"),
        ("q.csv", "id,question,qrels\n", "q.csv:1: unknown column 'qrels'"),
        ("q.csv", 'id,question,spans\n1,"a\nb",\n2,x,[\n', "q.csv:4: spans is not JSON"),
        ("q.csv", "id,question,must_pass\n1,x,maybe\n", "q.csv:2: must_pass must be true or false"),
        ("q.csv", "id,question,document,grade\n1,x,d,high\n", "q.csv:2: grade must be a whole number, not 'high'"),
        ("q.csv", "id,question\n1\n", "q.csv:2: expected 2 columns"),
        ("q.jsonl", '{"id": "1", "question": "?", "spans": [{"document": "d"}]}\n', "q.jsonl:1: a span needs offsets"),
        ("q.jsonl", '{"id": "1", "question": "?", "spans": [{"document": "d", "start": 4, "end": 4}]}\n', "0 <= start"),
        ("q.jsonl", '{"id": "1", "question": "?", "answer": 3}\n', "q.jsonl:1: answer must be text"),
        ("q.jsonl", '{"id": "1", "question": "?", "relevant": ["a", "a"]}\n', "q.jsonl:1: 'a' is judged twice"),
        ("topics.tsv", "1 no tab\n", "topics.tsv:1: expected an id, a tab and a question"),
        ("topics.txt", "\n<top>\n<title> x\n</top>\n", "topics.txt:2: a topic needs <num>"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "qrels.txt").write_text("1 0 d 1\n")
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path / name)
    assert message in caught.value.message


def test_topics_without_judgements_say_so(tmp_path: Path) -> None:
    (tmp_path / "topics.tsv").write_text("1\twhat?\n")
    with pytest.raises(DataError, match=r"no judgements beside .*topics\.tsv"):
        load_dataset(tmp_path)
