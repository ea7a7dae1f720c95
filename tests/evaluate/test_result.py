"""What is stored loads back as it was."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragcli.errors import DataError, UsageError
from ragcli.evaluate.direction import direction
from ragcli.evaluate.result import EvalResult, Question, StoredHit, curves, parse, to_json
from ragcli.records import ArmScore

text = st.text(max_size=12)
number = st.floats(allow_nan=False, allow_infinity=False)
value = st.one_of(number, st.just(math.nan))
facts = st.dictionaries(text, text, max_size=3)
span = st.tuples(st.integers(0, 9), st.integers(0, 9))
hit = st.builds(
    StoredHit, text, number, text, text, st.integers(0), st.integers(0), st.none() | st.integers(-2, 3),
    st.lists(span, max_size=2).map(tuple),
    st.dictionaries(text, st.builds(ArmScore, number, st.integers(1, 99)), max_size=2),
)  # fmt: skip
question = st.builds(Question, text, st.lists(text, max_size=3).map(tuple), st.booleans(), st.integers(0, 5))


@st.composite
def results(draw: st.DrawFn) -> EvalResult:
    queries = tuple(draw(st.lists(text, unique=True, min_size=1, max_size=4)))
    some = st.sampled_from(queries)
    count = len(queries)
    return EvalResult(
        dataset=draw(text),
        queries=queries,
        values={
            name: np.array(draw(st.lists(value, min_size=count, max_size=count)), dtype=np.float64)
            for name in draw(st.lists(text, unique=True, max_size=3))
        },
        questions=tuple(draw(st.lists(question, min_size=count, max_size=count))) if draw(st.booleans()) else (),
        fingerprints=draw(facts),
        unjudged=draw(st.integers(0, 9)),
        missing=tuple(draw(st.lists(some, unique=True, max_size=2))),
        unknown_documents=tuple(draw(st.lists(text, max_size=2))),
        failures=draw(st.dictionaries(some, text, max_size=2)),
        totals=draw(st.dictionaries(text, number, max_size=3)),
        notes=draw(facts),
        hits=draw(st.dictionaries(some, st.lists(hit, max_size=2).map(tuple), max_size=2)),
        curves=draw(st.dictionaries(text, st.lists(number, max_size=3).map(tuple), max_size=2)),
        created=draw(text),
        seconds=draw(number),
    )


def envelope(result: EvalResult, schema: str = "ragcli/eval/v1") -> str:
    return json.dumps({"schema": schema, "result": to_json(result)}, allow_nan=False)


def tiny(**changes: Any) -> EvalResult:
    return EvalResult(**{"dataset": "d", "queries": ("a", "b"), "values": {"P@5": np.array([0.1, 0.3])}} | changes)


@settings(max_examples=200, deadline=None)
@given(results())
def test_loads_back_equal(result: EvalResult) -> None:
    loaded = parse(envelope(result), "x.json")
    assert loaded == result
    for name, values in result.values.items():
        assert loaded.values[name].tobytes() == np.where(np.isnan(values), np.nan, values).tobytes()  # to the last bit
    assert envelope(loaded) == envelope(result)


def test_results_that_differ_are_not_equal() -> None:
    assert tiny() == tiny()
    assert hash(tiny()) == hash(tiny())
    assert tiny() != tiny(values={"P@5": np.array([0.1, 0.3000001])})
    assert tiny() != tiny(values={"P@5": np.array([0.1, np.nan])})
    assert tiny() != tiny(values={"P@10": np.array([0.1, 0.3])})
    assert tiny() != tiny(unjudged=1)
    assert tiny() != "d"


def test_the_envelope_of_the_command_line_is_unwrapped() -> None:
    inner = json.loads(envelope(tiny()))
    wrapped = json.dumps({"schema": "ragcli/v1", "command": "eval", "ok": True, "result": inner})
    assert parse(wrapped, "x.json") == tiny()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "x.json is not JSON"),
        ("[" * 100_000, "x.json is not JSON"),
        ("[]", "x.json is not a result of ragcli eval"),
        ('{"schema": "other/v1"}', "x.json is not a result of ragcli eval"),
        ('{"schema": "ragcli/v1", "result": null}', "x.json is not a result of ragcli eval"),
        (envelope(tiny(), "ragcli/eval/v2"), "format ragcli/eval/v2, this ragcli reads up to ragcli/eval/v1"),
        ('{"schema": "ragcli/eval/v1"}', "x.json is damaged: KeyError"),
        ('{"schema": "ragcli/eval/v1", "result": 3}', "x.json is damaged: TypeError"),
        (envelope(tiny()).replace("0.3]", '"x"]'), "x.json is damaged: ValueError"),
        (envelope(tiny()).replace(", 0.3]", "]"), r"P@5 needs one finite number a query: 2"),
        (envelope(tiny()).replace("0.3]", "1e999]"), r"P@5 needs one finite number a query: 2"),
    ],
)  # fmt: skip
def test_what_is_no_result_is_refused(content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(content, "x.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"queries": ("a", "a")}, "a query of d occurs twice"),
        ({"values": {"P@5": np.array([0.1])}}, "P@5 needs one finite number a query"),
        ({"values": {"P@5": np.array([0.1, np.inf])}}, "P@5 needs one finite number a query"),
        ({"questions": (Question(),)}, "1 questions do not fit 2 queries"),
        ({"missing": ("z",)}, "missing query 'z' is not among"),
        ({"failures": {"z": "timeout"}}, "failed query 'z' is not among"),
        ({"hits": {"z": ()}}, "hit query 'z' is not among"),
    ],
)
def test_a_result_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        tiny(**changes)


def test_failed_rows_are_not_averaged_as_zero() -> None:
    assert tiny().mean("P@5") == pytest.approx(0.2)
    assert tiny(values={"P@5": np.array([np.nan, 0.3])}).mean("P@5") == 0.3


def test_nothing_to_average_is_an_error() -> None:
    failed = tiny(values={"P@5": np.array([np.nan, np.nan])}, failures={"a": "timeout"})
    with pytest.raises(DataError, match="nothing to average: all 2 rows of P@5 failed, the first because of: timeout"):
        failed.mean("P@5")
    with pytest.raises(UsageError, match="no metric 'MRR'"):
        failed.mean("MRR")


def test_names_are_found_in_any_case() -> None:
    result = tiny(totals={"p95_ms": 3.0})
    assert (result.metric("p@5"), result.metric("P95_MS")) == ("P@5", "p95_ms")
    with pytest.raises(UsageError, match="no metric 'MRR'") as caught:
        result.metric("MRR")
    assert caught.value.hint == "it has: P@5, p95_ms"


def test_golden_queries() -> None:
    assert tiny().golden == ()
    assert tiny(questions=(Question(), Question(must_pass=True))).golden == ("b",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("nDCG@10", 1), ("bertscore_f1", 1), ("p95_ms", -1), ("latency_ms", -1), ("tokens", -1), ("prompt_tokens", -1),
     ("cost", -1), ("cost_usd", -1), ("unj@10", -1), ("RBP_resid(p=0.8)", -1), ("judged@10", 1),
     ("refusal_rate", -1), ("length", 0), ("answer_length", 0), ("failed", -1)],
)  # fmt: skip
def test_direction(name: str, expected: int) -> None:
    assert direction(name) == expected


def test_curves_are_means_of_recall_and_precision() -> None:
    found = np.array([[True, False, True], [False, False, False], [False, True, False]])
    points = curves(found, np.array([2, 0, 1]))
    assert points["recall"] == pytest.approx((0.5 / 3, 1.5 / 3, 2 / 3))
    assert points["precision"] == pytest.approx((1 / 3, (0.5 + 0.5) / 3, (2 / 3 + 1 / 3) / 3))
