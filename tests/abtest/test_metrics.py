"""Metrics as people declare them."""

import pytest

from ragcli.abtest.metrics import GUARD, MetricSpec, parse_metrics, undeclared
from ragcli.errors import UsageError
from ragcli.evaluate.margin import Margin


@pytest.mark.parametrize(
    ("text", "name", "value", "per", "kind", "quantile", "better"),
    [
        ("clicked", "clicked", "clicked", "", "auto", 0.0, 1),
        ("clicked:conversion", "clicked:conversion", "clicked", "", "conversion", 0.0, 1),
        ("latency_ms", "latency_ms", "latency_ms", "", "auto", 0.0, -1),
        ("latency_ms:p95", "latency_ms:p95", "latency_ms", "", "quantile", 0.95, -1),
        ("latency_ms:p99.9", "latency_ms:p99.9", "latency_ms", "", "quantile", 0.999, -1),
        ("latency_ms:higher", "latency_ms", "latency_ms", "", "auto", 0.0, 1),
        ("cost:total", "cost:total", "cost", "", "total", 0.0, -1),
        ("complaints", "complaints", "complaints", "", "auto", 0.0, -1),
        ("visits:mean:lower", "visits:mean", "visits", "", "mean", 0.0, -1),
        ("clicks/impressions", "clicks/impressions", "clicks", "impressions", "ratio", 0.0, 1),
        ("errors/calls:lower", "errors/calls", "errors", "calls", "ratio", 0.0, -1),
    ],
)
def test_a_declaration_says_what_decides(
    text: str, name: str, value: str, per: str, kind: str, quantile: float, better: int
) -> None:
    found = MetricSpec.parse(text)
    assert (found.name, found.value, found.per, found.kind, found.better) == (name, value, per, kind, better)
    assert found.quantile == pytest.approx(quantile)


@pytest.mark.parametrize(
    "text", ["", "a b", "clicked:median", "clicked:p", "a/b/c", "a/b:mean", ":mean", "a:higher:mean"]
)
def test_what_is_no_declaration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a metric"):
        MetricSpec.parse(text)


def test_guardrails_have_margins() -> None:
    found = parse_metrics(["clicked"], ["latency_ms:p95", "cost"], {"cost": Margin(0.5)})
    assert [(one.name, one.role, one.margin) for one in found] == [
        ("clicked", "metric", GUARD),
        ("latency_ms:p95", "guardrail", GUARD),
        ("cost", "guardrail", Margin(0.5)),
    ]


def test_without_a_metric_latency_is_compared() -> None:
    assert [one.name for one in parse_metrics([], [], {})] == ["latency_ms:mean"]


def test_a_metric_declared_twice_and_a_margin_of_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="declared twice"):
        parse_metrics(["clicked", "clicked"], [], {})
    with pytest.raises(UsageError, match="names 'clicked', which is no guardrail"):
        parse_metrics(["clicked"], ["cost"], {"clicked": Margin(0.1)})


def test_what_is_recorded_and_not_declared_is_told_with_the_nearest_name() -> None:
    specs = parse_metrics(["clicked", "clicks/impressions"], [], {})
    names = ["clicked", "clickd", "weather", "impressions", "embed_ms", "tokens"]
    assert undeclared(names, specs) == {"clickd": "clicked", "weather": "", "embed_ms": ""}
