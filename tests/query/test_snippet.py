"""The shown part of a chunk, and what is highlighted in it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from ragcli.query.snippet import one_line, snippet


def spans(text: str, *words: str) -> list[tuple[int, int]]:
    return sorted(match.span() for word in words for match in re.finditer(re.escape(word), text))


def test_a_short_text_is_shown_whole_on_one_line() -> None:
    shown = snippet("alpha\n  beta\tgamma", [(8, 12)], 100)
    assert shown.text == "alpha beta gamma"
    assert [shown.text[start:end] for start, end in shown.highlights] == ["beta"]


def test_the_window_has_most_different_words() -> None:
    text = "needle " * 5 + "filler " * 60 + "the needle and the thread here " + "filler " * 60
    shown = snippet(text, spans(text, "needle", "thread"), 80)
    assert shown.text.startswith("…")
    assert shown.text.endswith("…")
    assert {shown.text[start:end] for start, end in shown.highlights} == {"needle", "thread"}
    assert len(shown.text) <= 82


def test_without_words_the_beginning_is_shown_up_to_a_whole_word() -> None:
    assert snippet("one two three four five", [], 12).text == "one two…"


def test_control_characters_never_reach_a_terminal() -> None:
    shown = snippet("a\x1b[31mred\x07\u2028b", [(6, 9)], 100)
    assert shown.text == "a [31mred b"
    assert [shown.text[start:end] for start, end in shown.highlights] == ["red"]
    assert one_line("\x1b]0;title\x07 x\ny ") == "]0;title x y"


words = st.lists(st.sampled_from(["alpha", "beta", "x", "\n", "  ", "\x1b", "needle", "é" * 40]), max_size=80)


@given(pieces=words, size=st.integers(20, 200))
def test_highlights_are_the_words_themselves(pieces: list[str], size: int) -> None:
    text = " ".join(pieces)
    shown = snippet(text, spans(text, "needle", "beta"), size)
    assert len(shown.text) <= size + 2
    assert "\n" not in shown.text
    assert "\x1b" not in shown.text
    assert {shown.text[start:end] for start, end in shown.highlights} <= {"needle", "beta"}
    if "needle" in pieces and len(text) <= size:
        assert shown.highlights
