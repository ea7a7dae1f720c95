import pytest

from ragcli.errors import UsageError
from ragcli.evaluate.answers.names import KNOWN, AnswerMetric

NAMES = [
    *KNOWN, "ROUGE-1-P", "ROUGE-L-R", "ROUGE-Lsum(stem)", "ROUGE-2-P(stem)", "BERTScore-P", "BERTScore-R",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_round_trip_in_any_case(name: str) -> None:
    assert str(AnswerMetric.parse(name)) == name
    assert AnswerMetric.parse(name.upper()) == AnswerMetric.parse(f" {name.lower()} ") == AnswerMetric.parse(name)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("rouge1", "ROUGE-1"),
        ("rougelsum", "ROUGE-Lsum"),
        ("ROUGE-1-F1", "ROUGE-1"),
        ("bertscore", "BERTScore-F1"),
        ("exact_match", "EM"),
        ("faithfulness", "judge_faithfulness"),
    ],
)
def test_other_spellings(name: str, canonical: str) -> None:
    assert str(AnswerMetric.parse(name)) == canonical


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ROUGE-3", "did you mean ROUGE-"),
        ("bert_score", "did you mean BERTScore-F1"),
        ("refusals_rate", "did you mean refusal_rate"),
        ("qqq", "Known: ROUGE-1"),
        ("", "Known"),
    ],
)
def test_unknown_names_suggest_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match="unknown answer metric") as caught:
        AnswerMetric.parse(name)
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["EM-P", "similarity(stem)", "BERTScore(stem)"])
def test_options_that_a_metric_has_not(name: str) -> None:
    with pytest.raises(UsageError):
        AnswerMetric.parse(name)


def test_the_judges_opinions_are_a_group_of_their_own() -> None:
    judged = [name for name in KNOWN if AnswerMetric.parse(name).group == "judge"]
    assert judged == ["judge_faithfulness", "judge_relevance"]
