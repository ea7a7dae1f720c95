"""Terms of documents and questions, identifiers, highlighting."""

from typing import get_args

import pytest

from ragcli.config.index import Language
from ragcli.index.lexical.analysis import Analysis, Phrase, normalise

ENGLISH = Analysis("en", stop_words=True)
PLAIN = Analysis("none", stop_words=True)


def phrases(text: str) -> list[str]:
    return [" ".join(term for _, term in phrase.terms) for phrase in PLAIN.question(text).phrases]


def test_documents_keep_stop_words_and_questions_lose_them() -> None:
    assert ENGLISH.terms("The cats are Running") == ["the", "cat", "are", "run"]
    assert ENGLISH.question("The cats are Running").terms == ("cat", "run")
    assert ENGLISH.question("To be or not to be").terms == ("to", "be", "or", "not", "to", "be")
    assert Analysis("en", stop_words=False).question("the cat").terms == ("the", "cat")


@pytest.mark.parametrize("language", get_args(Language))
def test_every_language_that_can_be_configured_works(language: Language) -> None:
    analysis = Analysis(language, stop_words=True)
    assert analysis.question("QX7-1042").terms == ("qx7", "1042")
    assert analysis.terms("42 X9") == ["42", "x9"]


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "connections", "connected"),
        ("de", "Häuser", "Haus"),
        ("fr", "continuellement", "continuelle"),
        ("es", "canciones", "canción"),
        ("ru", "книгами", "книга"),
        ("sv", "flickorna", "flicka"),
    ],
)
def test_stemming_meets_across_forms(language: Language, one: str, other: str) -> None:
    analysis = Analysis(language, stop_words=True)
    assert analysis.terms(one) == analysis.terms(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what is ERR-1042", ["err 1042"]),
        ("call foo_bar() now", ["foo bar"]),
        ("upgrade to v2.3.1.", ["v2 3 1"]),
        ("std::vector<int>", ["std vector"]),
        ("see api/v1/items", ["api v1 items"]),
        ("a low-level state-of-the-art design", []),
        ("plain words, and a pause - here", []),
        ("東京都", ["東 京", "京 都"]),
        ("one 2", []),
    ],
)
def test_what_identifies_something_is_a_phrase(text: str, expected: list[str]) -> None:
    assert phrases(text) == expected


def test_a_phrase_keeps_the_places_of_its_terms() -> None:
    assert PLAIN.question("x ERR-1042").phrases == (Phrase(((0, "err"), (1, "1042"))),)


def test_normalising_leaves_plain_text_alone() -> None:
    assert normalise("plain text") == "plain text"
    assert normalise("e\N{COMBINING ACUTE ACCENT}") == "é"
    assert normalise("\ud800x") == " x"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Connections were connected", ["Connections", "connected"]),
        ("naïve: a connection", ["connection"]),
        ("ﬁne connection", ["connection"]),
        ("nothing here", []),
    ],
)
def test_matches_are_the_words_of_the_text_itself(text: str, words: list[str]) -> None:
    found = ENGLISH.matches(text, frozenset(ENGLISH.question("connect").terms))
    assert [text[start:end] for start, end in found] == words


def test_words_come_with_their_spelling_and_without_stop_words() -> None:
    found = Analysis("en", stop_words=True).words("The Disks of a re\u0301sume\u0301: replaced!")
    assert found == [("disk", "Disks"), ("resum", "r\u00e9sum\u00e9"), ("replac", "replaced")]
