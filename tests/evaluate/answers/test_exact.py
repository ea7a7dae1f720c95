import pytest

from ragcli.config.judge import REFUSALS
from ragcli.evaluate.answers.exact import Refusals, exact_match, length_words, normalise, token_f1


def test_normalisation_is_squads() -> None:
    # Each step of evaluate-v2.0.py: lower case, punctuation, articles as whole words, white space.
    assert normalise("  The  Quick-brown, fox's AN theatre\n") == "quickbrown foxs theatre"


@pytest.mark.parametrize(
    ("answer", "references", "expected"),
    [
        ("The Eiffel Tower!", ["eiffel tower"], 1.0),
        ("eiffel", ["tower", "Eiffel."], 1.0),
        ("eiffel towers", ["eiffel tower"], 0.0),
        ("", ["the"], 1.0),
    ],
)
def test_exact_match(answer: str, references: list[str], expected: float) -> None:
    assert exact_match(answer, references) == expected


@pytest.mark.parametrize(
    ("answer", "references", "expected"),
    [
        ("a cat sat on mat", ["the cat sat"], 2 * (2 / 4) * (2 / 2) / (2 / 4 + 2 / 2)),  # 2 shared of 4 and 2
        ("cat cat cat", ["cat cat dog"], 2 / 3),  # repetitions count as often as both have them
        ("cat", ["dog", "cat sat"], 2 / 3),  # the best reference
        ("cat", ["dog"], 0.0),
        ("", ["cat"], 0.0),
        ("the", ["a"], 1.0),  # both empty after normalisation
    ],
)
def test_token_f1(answer: str, references: list[str], expected: float) -> None:
    assert token_f1(answer, references) == pytest.approx(expected, abs=1e-12)


def test_length_is_in_words() -> None:
    assert length_words(" two  words\n") == 2.0
    assert length_words("") == 0.0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Not found in the indexed documents.", 1.0),
        ("Sorry, I don\u2019t  know.", 1.0),
        ("i do not\nknow", 1.0),
        ("It is not known in the indexed documents.", 0.0),
        ("Knowing this, I do not knowingly lie.", 0.0),  # phrases are whole words
        ("", 0.0),
    ],
)
def test_refusals(answer: str, expected: float) -> None:
    assert Refusals(REFUSALS).refuses(answer) == expected


def test_phrases_are_a_setting_and_blank_ones_mean_nothing() -> None:
    assert Refusals(["weiß ich nicht", " "]).refuses("Das WEISS ich nicht!") == 1.0
    assert Refusals(["", "?"]).refuses("anything") == 0.0
