"""Summaries of documents without a model."""

from hypothesis import given
from hypothesis import strategies as st

from ragcli.index.summaries.extract import central_sentences, summary

TEXT = (
    "Snapshots protect files against deletion. Yesterday the weather was rather cold outside.\n\n"
    "Sealed snapshots protect files even longer. Nobody deletes files of sealed snapshots. Short one."
)


def test_central_sentences_share_most_words_with_the_whole_in_the_order_of_the_text() -> None:
    # 12 / sqrt(6), then twice 10 / sqrt(5), of which the earlier one comes first
    assert central_sentences(TEXT, 2) == [
        "Snapshots protect files against deletion.",
        "Sealed snapshots protect files even longer.",
    ]
    assert len(central_sentences(TEXT, 9)) == 4  # the short one is no sentence


def test_a_summary_is_title_headings_and_sentences() -> None:
    found = summary("Seals", ["Seals", "Kinds", "Kinds", "Limits"], " ".join(central_sentences(TEXT, 1)))
    assert found.split("\n")[:2] == ["Seals", "Kinds; Limits"]
    assert found.split("\n")[2] in TEXT
    assert summary("", [], "") == ""


@given(st.text(max_size=500), st.integers(0, 5))
def test_of_any_text_there_are_as_many_as_asked_at_most(text: str, count: int) -> None:
    found = central_sentences(text, count)
    assert len(found) <= count
    squeezed = " ".join(text.split())
    assert all(sentence in squeezed for sentence in found)
