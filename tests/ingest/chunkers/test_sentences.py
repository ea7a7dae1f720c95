"""Where sentences end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.ingest.chunkers.sentences import sentences


def _cut(text: str) -> list[str]:
    return [text[found.start : found.end] for found in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["The pump stops.", "It starts again!", "Why?", "Nobody knows…"],
        ["Dr. Smith met Mr. Jones at 5 p.m. on Jan. 5 in Washington.", "They talked."],
        ["See Fig. 3 and Sec. 2 for details.", "The end."],
        ["He lives in the U.S. with J. R. Tolkien, e.g. near Acme Inc. and others.", "Fine."],
        ["Version 1.2.3 costs $4.50 per unit.", "Buy it."],
        ['She said "Stop."', "He did not."],
        ["(It was late.)", "We left."],
        ["Nothing happened in March.", "The rest is known."],
        ["Wait... it goes on here.", "Then not."],
        ["Das gilt z.B. für Pumpen und ggf. für Ventile.", "Schluss."],
        ["They sat.", "The cat saw them, no.", "Nothing else."],
        ["So did I.", "It was fine."],
    ],
)
def test_terminators_and_abbreviations(parts: list[str]) -> None:
    assert _cut(" ".join(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["今日は晴れです。", "明日は雨でしょう！", "本当ですか？", "はい"],  # noqa: RUF001 - the marks under test
        ["「もう遅い。」", "彼は帰った。"],
        ["他说：“走吧。”", "他们走了。"],  # noqa: RUF001 - the marks under test
        ["「行こう。」と彼は言った。", "終わり。"],
    ],
)
def test_cjk_needs_no_space(parts: list[str]) -> None:
    assert _cut("".join(parts)) == parts


def test_other_scripts() -> None:
    assert _cut("यह पहला है। यह दूसरा है।") == ["यह पहला है।", "यह दूसरा है।"]
    assert _cut("هل هذا صحيح؟ نعم") == ["هل هذا صحيح؟", "نعم"]


def test_text_without_capitals_is_cut_all_the_same() -> None:
    assert _cut("the company grew. sales fell. " * 3) == ["the company grew.", "sales fell."] * 3


def test_a_lower_case_word_goes_on_where_capitals_are_used() -> None:
    assert _cut("The file main. py is Here. Other files are There.") == [
        "The file main. py is Here.",
        "Other files are There.",
    ]


def test_a_list_number_stays_with_its_item() -> None:
    assert _cut("1. Open the valve.\n2. Close it.") == ["1. Open the valve.", "2. Close it."]


def test_paragraphs_and_lines_are_told() -> None:
    text = "One. Two.\nThree.\n\nFour."
    told = [(text[s.start : s.end], s.ends_line, s.ends_paragraph) for s in sentences(text)]
    assert told == [
        ("One.", False, False),
        ("Two.", True, False),
        ("Three.", True, True),
        ("Four.", True, True),
    ]


def test_wrapped_lines_are_joined() -> None:
    line = "this line of running text is as wide as all of the others are"
    text = f"The first, {line}\nthat goes on, {line}\nand ends there. Next one."
    assert _cut(text) == [text[: text.index(" Next")], "Next one."]


def test_short_lines_stand_alone() -> None:
    assert _cut("Roses are red\nViolets are blue") == ["Roses are red", "Violets are blue"]


def test_escaped_line_breaks_of_quoted_data_end_paragraphs() -> None:
    text = r"'First thing.\n\nSecond thing.\nThird thing'"
    assert _cut(text) == [r"'First thing.\n\n", r"Second thing.\n", "Third thing'"]


def test_a_range_of_a_text() -> None:
    text = "One. Two. Three. Four."
    assert [text[s.start : s.end] for s in sentences(text, 5, 16)] == ["Two.", "Three."]


@given(st.text(st.sampled_from("ab A.!?。」\"' \n\\n1)|-\u2029"), max_size=120))
def test_sentences_hold_everything_but_white_space_in_order(text: str) -> None:
    position = 0
    for found in sentences(text):
        assert text[position : found.start].strip() == ""
        assert found.start < found.end
        assert text[found.start : found.end] == text[found.start : found.end].strip()
        position = found.end
    assert text[position:].strip() == ""
