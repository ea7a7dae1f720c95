"""Values of ROUGE-1.5.5 and of rouge-score.

Literals are from google-research/google-research, rouge/rouge_scorer_test.py and rouge/testdata (Apache-2.0).
"""

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.evaluate.answers.rouge import Rouge, RougeType, rouge

TYPES: dict[RougeType, str] = {
    "ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rougeL", "ROUGE-Lsum": "rougeLsum"
}  # fmt: skip

TARGETS = (
    "ZfbCUIUuePaiLVUlCaUXxkpu XPeWing tUHfPMuZ',-Xd Y BrUgVJing M-HV.-DgdDaY.rFDJCRing Ht-LM EKBDXkME,yz'"
    "RBr q'wtion wIojNbN wL,b .a-'XdQggyFl jB-RPP'iyOIcUxer tKM L",
    "KsJdPByEtAor fE-Qg Dpdbring cw-WeFyu vC MoBL Xdn g wkvcEiGvKtion BDFhrpMtion psing sbKao Q m qiing L"
    "Mmer HqqLFXe,XPY,J XsurkMer ,ed nB'wH'bWVHjWFEing tQ.saefZwJtKrTlixYpMMsJing UCAPwNHeYVjDing c T BUy"
    "SKtion gMPfJpwGw p'NvxAoping eu pBwMBKV'I DNxqelhu,PHPxDEq,mtion SN",
)
PREDICTIONS = (
    "rFDJCRtion Ht-LM EKtDXkME,yz'RBr q'wer wrojNbN wL,b .a-'XdQggyFl jB-RPP'iyOIcUxi",
    "n cw-WeFyu vC MoBL Xdn g wkvcEiGvKtion BDFhrpMer pstion sbKao Q m qier LMmed HqqLFXe,XPY,J XsurkMeo "
    ",ed nB'wH'bWVHjWFEer tQ.saefZwJtKrTlixYpMMNJtion UCAPwNHeYVjD",
)
TARGET_MULTI = (
    "ZfbCUIUuePaiLVUlCaUXxkpu XPeWing tUHfPMuZ',-Xd Y BrUgVJing M-HV.-DgdDaY.rFDJCRing Ht-LM EKBDXkME,yz'"
    "RBr q'wtion wIojNbN wL,b .a-'XdQggyFl jB-RPP'iyOIcUxer tKM L\n"
    "KsJdPByEtAor fE-Qg Dpdbring cw-WeFyu vC MoBL Xdn g wkvcEiGvKtion BDFhrpMtion psing sbKao Q m qiing L"
    "Mmer HqqLFXe,XPY,J XsurkMer ,ed nB'wH'bWVHjWFEing tQ.saefZwJtKrTlixYpMMsJing UCAPwNHeYVjDing c T BUy"
    "SKtion gMPfJpwGw p'NvxAoping eu pBwMBKV'I DNxqelhu,PHPxDEq,mtion SN\n"
    "NhETebUbBk'er WOvoHMTjSRizKgH'vHiing Xu,hWxfs VkNE QhgKiLHE -HidivzoM.dO anhtion jbLQiSGDTCsuhREebUa"
    "KM dv J dVN tmbOT\n"
    "vMR HDm,xOAetion D,tion HJtodT.mHl UIv-p VjWH'BdyWjnfGU-OjT aEMdFICyLWfQMtion wEMfdOKing AwkeKbO 'Dx"
    "qNOHBH qKtVvm OYJl mM\n"
)
PREDICTION_MULTI = (
    "rFDJCRtion Ht-LM EKtDXkME,yz'RBr q'wer wrojNbN wL,b .a-'XdQggyFl jB-RPP'iyOIcUxi\n"
    "n cw-WeFyu vC MoBL Xdn g wkvcEiGvKtion BDFhrpMer pstion sbKao Q m qier LMmed HqqLFXe,XPY,J XsurkMeo "
    ",ed nB'wH'bWVHjWFEer tQ.saefZwJtKrTlixYpMMNJtion UCAPwNHeYVjD\n"
    "xfs VkJE QhgKiLHE -HidivzoM.dO anhing jbLQiSGDTCsuhREebUaKM dv J\n"
    "VjWH'BdyWjnfGU-OjTNaEMdFICyLWfQMing wEMfdOKijg AwkeKbO 'DxqNO\n"
)


def score(kind: RougeType, target: str, prediction: str, *, stem: bool = False) -> Rouge:
    return rouge(prediction, [target], [kind], stem=stem)[kind]


@pytest.mark.parametrize(
    ("pair", "kind", "stem", "recall", "precision", "f1"),
    [
        (0, "ROUGE-1", False, 0.40741, 0.6875, 0.51163),
        (1, "ROUGE-1", False, 0.40476, 0.65385, 0.5),
        (0, "ROUGE-1", True, 0.40741, 0.6875, 0.51163),
        (1, "ROUGE-1", True, 0.42857, 0.69231, 0.52941),
        (0, "ROUGE-2", False, 0.30769, 0.53333, 0.39024),
        (1, "ROUGE-2", False, 0.29268, 0.48, 0.36364),
        (0, "ROUGE-2", True, 0.30769, 0.53333, 0.39024),
        (1, "ROUGE-2", True, 0.29268, 0.48, 0.36364),
        (0, "ROUGE-L", False, 0.40741, 0.6875, 0.51163),
        (1, "ROUGE-L", False, 0.40476, 0.65385, 0.5),
    ],
)
def test_googles_line_pairs(pair: int, kind: RougeType, stem: bool, recall: float, precision: float, f1: float) -> None:
    found = score(kind, TARGETS[pair], PREDICTIONS[pair], stem=stem)
    assert found == pytest.approx(Rouge(precision, recall, f1), abs=5e-6)


def test_googles_summary_of_several_lines() -> None:
    found = score("ROUGE-Lsum", TARGET_MULTI, PREDICTION_MULTI, stem=True)
    assert found == pytest.approx(Rouge(0.66667, 0.36538, 0.47205), abs=5e-6)


@pytest.mark.parametrize(
    ("kind", "target", "prediction", "precision", "recall", "f1"),
    [
        ("ROUGE-1", "testing one two", "testing", 1, 1 / 3, 1 / 2),
        ("ROUGE-2", "testing one two", "testing one", 1, 1 / 2, 2 / 3),
        ("ROUGE-L", "testing one two", "testing one", 1, 2 / 3, 4 / 5),
        ("ROUGE-L", "testing one two", "testing two", 1, 2 / 3, 4 / 5),
        ("ROUGE-L", "testing one two", "", 0, 0, 0),
        ("ROUGE-Lsum", "w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", 0.4, 0.8, 0.8 / 1.5),
        ("ROUGE-Lsum", "w1 w2 w3 w4 w5", "/", 0, 0, 0),
    ],
)
def test_googles_simple_cases(
    kind: RougeType, target: str, prediction: str, precision: float, recall: float, f1: float
) -> None:
    assert score(kind, target, prediction) == pytest.approx(Rouge(precision, recall, f1), abs=1e-12)


WORDS = ["a", "b", "cc", "was", "running", "Generously", "nationally", "größe", "İx", "w1", "-", "the", "dying", "'s"]
texts = st.lists(st.sampled_from([*WORDS, "\n", "\n\n"]), max_size=30).map(" ".join) | st.text(max_size=30)


@given(answer=texts, references=st.lists(texts, min_size=1, max_size=3), stem=st.booleans())
def test_equals_rouge_score_to_the_last_bit(answer: str, references: list[str], stem: bool) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    oracle = RougeScorer(list(TYPES.values()), use_stemmer=stem).score_multi(references, answer)
    found = rouge(answer, references, list(TYPES), stem=stem)
    assert {kind: tuple(value) for kind, value in found.items()} == {
        kind: tuple(oracle[name]) for kind, name in TYPES.items()
    }


def test_of_equal_subsequences_the_same_one_is_taken() -> None:
    """Few words and several lines: which of the longest subsequences is taken shows in their union."""
    from rouge_score.rouge_scorer import RougeScorer

    choice = random.Random(5)
    oracle = RougeScorer(["rougeLsum"])
    for _ in range(500):
        target, answer = (
            "\n".join(
                " ".join(choices) for choices in (choice.choices("abc", k=choice.randint(2, 9)) for _ in range(3))
            )
            for _ in range(2)
        )
        assert tuple(score("ROUGE-Lsum", target, answer)) == tuple(oracle.score(target, answer)["rougeLsum"])


def test_the_first_of_references_with_equal_f1_counts() -> None:
    # Precision and recall change places, F1 does not.
    assert rouge("a b", ["a", "a x y z"], ["ROUGE-1"], stem=False)["ROUGE-1"] == Rouge(0.5, 1.0, 2 / 3)
    assert rouge("a b c d", ["a b", "a b c d e f g h"], ["ROUGE-1"], stem=False)["ROUGE-1"] == Rouge(0.5, 1.0, 2 / 3)


def test_imports_no_nltk_without_stems() -> None:
    program = (
        "import sys; from ragcli.evaluate.answers.rouge import rouge;"
        "rouge('a b', ['a c'], ['ROUGE-1', 'ROUGE-Lsum'], stem=False);"
        "print(sorted({'nltk', 'scipy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_words_of_three_letters_are_not_stemmed() -> None:
    assert score("ROUGE-1", "wa", "was", stem=True).f1 == 0.0
    assert score("ROUGE-1", "node", "nodes", stem=True).f1 == 1.0
