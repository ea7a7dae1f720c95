"""The shown part of a chunk, and what is highlighted in it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.query.snippet import line_starts, one_line, snippet


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


TABLE = "Codes of agents.\nThey are:\n\n| Code | Name |\n| --- | --- |\n| E1 | one |\n\nRetry\nonce.\n"
FENCED = "Run\nthis:\n\n```sh\nvalve open\n  --slowly\n```\nand\nwait."
INDENTED = "So:\n\n    first\n\tsecond\n\nDone\nnow."
CODE = "def close(valve):\n    if valve:\n\n        valve.shut()\n    return 1\n"


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        (TABLE, False, "Codes of agents. They are:\n| Code | Name |\n| --- | --- |\n| E1 | one |\nRetry once."),
        (FENCED, False, "Run this:\n```sh\nvalve open\n  --slowly\n```\nand wait."),
        (INDENTED, False, "So:\n    first\n    second\nDone now."),
        (CODE, True, CODE.replace("\n\n", "\n").rstrip()),
        ("one\ntwo", True, "one\ntwo"),
    ],
)
def test_tables_and_code_keep_their_lines(text: str, code: bool, expected: str) -> None:
    assert snippet(text, [], 400, [*line_starts(text, code=code)]).text == expected


def test_few_lines_are_shown_and_the_word_is_among_them() -> None:
    text = "\n".join(f"x{place}" for place in range(60))
    shown = snippet(text, spans(text, "x30"), 400, [*line_starts(text, code=True)])
    assert shown.text == "…" + "\n".join(f"x{place}" for place in range(28, 36)) + "…"
    assert [shown.text[start:end] for start, end in shown.highlights] == ["x30"]


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
    laid_out = snippet(text, spans(text, "needle", "beta"), size, [*line_starts(text)])
    assert {laid_out.text[start:end] for start, end in laid_out.highlights} <= {"needle", "beta"}
