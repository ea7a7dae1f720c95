"""The page of a comparison: what it names, what it marks, and what it leaves without a colour."""

from dataclasses import replace

import pytest
from tests.abtest.compare.conftest import Load

from ragcli.abtest.compare.html import of_comparison
from ragcli.abtest.compare.run import Options, run_compare
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.reports.charts import Gain, gains
from ragcli.evaluate.reports.markdown import number


def test_tags_have_no_colour_and_a_question_no_column_that_is_not_judged(configured: Load, dataset: Dataset) -> None:
    tagged = replace(dataset, tags=dict.fromkeys(dataset.qrels, ("cage",)))
    page = of_comparison(run_compare([configured("bad"), configured("good")], tagged, Options(("nDCG@3",), (), 5)))
    tags = page[page.index("<h2>Differences by tag") : page.index("<h2>Questions")]
    assert '<br><span class="quiet">[+' in tags
    assert 'class="win"' not in tags
    assert "These intervals are not adjusted" in tags
    assert '<p class="quiet">p is adjusted (Holm, 2 tests), intervals are not.</p>' in page
    assert "query_tokens" not in page


@pytest.mark.parametrize(
    ("gain", "low", "high", "arrows", "dots", "label"),
    [
        (3.0, 2.0, 4.0, 0, 1, ""),
        (-9.0, -12.0, -6.0, 1, 1, ""),
        (-70.04, -75.0, -65.0, 2, 0, ">-70.0</text>"),
        (70.04, 8.0, 130.0, 1, 0, ">+70.0</text>"),
    ],
)
def test_what_lies_beyond_ten_margins_is_marked(
    gain: float, low: float, high: float, arrows: int, dots: int, label: str
) -> None:
    drawn = gains([Gain("latency_ms", gain, low, high, "loss", "slower")])
    assert (drawn.count('class="arrow loss"'), drawn.count("<circle")) == (arrows, dots)
    assert label in drawn


@pytest.mark.parametrize(("value", "expected"), [(-0.00001, "+0.0000"), (-0.1, "-0.1000"), (-1234.5, "-1,234.5")])
def test_zero_has_one_sign(value: float, expected: str) -> None:
    assert number(value, "+") == expected
    assert number(-0.00001) == "0.0000"
