"""The names of metrics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.errors import UsageError
from ragcli.evaluate.measures import KNOWN, Metric


@pytest.mark.parametrize("name", [*KNOWN, "P(rel=2)@5", "MAP(rel=3)@100", "RBP(p=0.95,rel=2)@20", "Rprec(rel=2)"])
def test_names_round_trip_in_any_case(name: str) -> None:
    assert str(Metric.parse(name)) == name
    assert Metric.parse(name.upper()) == Metric.parse(name.lower()) == Metric.parse(name)


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("AP@10", "MAP@10"),
        ("rr", "MRR"),
        ("R@50", "recall@50"),
        ("Success@1", "hit@1"),
        ("precision@5", "P@5"),
        ("RBP", "RBP(p=0.8)"),
        ("ndcg_cut_10", "nDCG@10"),
        ("map_cut_5", "MAP@5"),
        ("P_5", "P@5"),
        ("success_1", "hit@1"),
        ("recip_rank", "MRR"),
        ("iprec_at_recall_0.00", "iprec_at_recall@0"),
        ("Rprec_mult_1.20", "Rprec_mult@1.2"),
        ("relative_P_1000", "relative_P@1000"),
        (" nDCG( gains = linear ) @ 10 ", "nDCG@10"),
        ("P(rel=1)@5", "P@5"),
    ],
)
def test_other_spellings(spelled: str, name: str) -> None:
    assert str(Metric.parse(spelled)) == name


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("ncdg@10", "unknown metric", "did you mean nDCG@10?"),
        ("recalll@5", "unknown metric", "did you mean recall@5?"),
        ("bperf", "unknown metric", "did you mean bpref?"),
        ("zzz", "unknown metric", "known: P@5"),
        ("", "unknown metric", "known: P@5"),
        ("MRR@", "unknown metric", "did you mean MRR?"),
        ("P@0", "a cutoff is a whole number from 1", "P@10"),
        ("iprec_at_recall", "needs a share, at most 1", "iprec_at_recall@0.2"),
        ("iprec_at_recall@1.5", "needs a share, at most 1", "iprec_at_recall@0.2"),
        ("ircl_at_recall@0.1", "unknown metric", "did you mean iprec_at_recall@0.2?"),
        ("P@0.5", "a cutoff is a whole number from 1", "P@10"),
        ("gm_map@10", "takes no cutoff", "gm_map"),
        ("num_ret(rel=2)", "is not one of its options", "takes no options"),
        ("nDCG@x", "unknown metric", "did you mean nDCG?"),
        ("P", "needs a cutoff", "P@10"),
        ("char_iou", "needs a cutoff", "char_iou@10"),
        ("bpref@10", "takes no cutoff", "bpref"),
        ("nDCG(rel=2)@10", "'rel=2' is not one of its options", "nDCG takes gains"),
        ("judged(rel=2)@10", "is not one of its options", "takes no options"),
        ("P(rel=2,rel=3)@5", "'rel=3' is not one of its options", "P takes rel"),
        ("P(rel=0)@5", "rel must be", "P(rel=2)@5"),
        ("nDCG(gains=log)@5", "gains are linear or exp", "gains=exp"),
        ("RBP(p=1)", "p must lie between 0 and 1", "p=0.8"),
    ],
)
def test_what_is_wrong_is_said(name: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        Metric.parse(name)
    assert message in caught.value.message
    assert hint in caught.value.hint


@given(
    st.sampled_from(["P", "recall", "hit", "MRR", "MAP", "RBP"]),
    st.integers(min_value=1, max_value=10**8),
    st.integers(min_value=1, max_value=9),
    st.floats(min_value=0.01, max_value=0.99),
)
def test_every_metric_is_read_back_from_its_name(measure: str, cutoff: int, rel: int, p: float) -> None:
    options = f"p={p!r},rel={rel}" if measure == "RBP" else f"rel={rel}"
    metric = Metric.parse(f"{measure}({options})@{cutoff}")
    assert Metric.parse(str(metric)) == metric
    assert (metric.cutoff, metric.rel) == (cutoff, rel)
