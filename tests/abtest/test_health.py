"""Broken experiments are told from sound ones."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from tests.abtest.conftest import START, experiment, observed

from ragcli.abtest.experiment import Experiment
from ragcli.abtest.health import Check, checks
from ragcli.abtest.metrics import MetricSpec
from ragcli.abtest.observations import Observations


def check(name: str, made: Experiment, seen: Observations) -> Check:
    return next(one for one in checks(made, seen) if one.name == name)


def users(control: int, treatment: int) -> Observations:
    variant = np.random.default_rng(0).permutation([0] * control + [1] * treatment)
    return observed(variant.tolist(), {"clicked": [[1.0]] * (control + treatment)})


def test_an_even_split_is_fine_and_a_mismatch_is_an_alarm() -> None:
    made = experiment()
    fine = check("sample ratio", made, users(1_030, 970))
    assert fine.level == "ok"
    assert fine.p == pytest.approx(2 * binom.sf(1029.5, 2000, 0.5), rel=0.05)
    lost = check("sample ratio", made, users(1_100, 900))
    assert lost.level == "invalid"
    assert "users 1,100 : 900 where 1,000 : 1,000 were expected" in lost.message


def test_an_alarm_needs_one_in_a_thousand() -> None:
    assert check("sample ratio", experiment(), users(1_070, 930)).level == "ok"  # p .0017
    assert check("sample ratio", experiment(), users(1_075, 925)).level == "invalid"  # p .0008


def test_shares_that_changed_are_compared_with_those_of_each_time() -> None:
    made = experiment()
    made = (
        replace(made, splits=()).with_shares({"treatment": 0.1}, START).with_shares({"treatment": 0.5}, START + 1_000)
    )
    generator = np.random.default_rng(3)
    # Of the first users those are left out whose variant changed: 0.1 of all are treated, 0.5 are control's.
    variant = [*(generator.random(1_000) < 0.1 / 0.6), *(generator.random(1_000) < 0.5)]
    seen = observed([int(one) for one in variant], {"clicked": [[1.0]] * 2_000})
    found = check("sample ratio", made, seen)
    assert found.level == "ok"
    assert "1,333.3 : 666.7 expected" in found.message
    assert check("sample ratio", replace(made, splits=made.splits[:1]), seen).level == "invalid"


def test_users_in_two_variants_are_told_and_many_are_an_alarm() -> None:
    made = experiment()
    seen = users(500, 500)
    for crossed, level in ((0, "ok"), (10, "note"), (11, "invalid")):
        counts = replace(seen.counts, crossed=crossed)
        assert check("crossed users", made, replace(seen, counts=counts)).level == level


def test_failures_that_differ_are_an_alarm() -> None:
    variant = [0, 1] * 500

    def failing(control: int, treatment: int) -> Observations:
        failed = [[1.0 if place // 2 < (control, treatment)[place % 2] else 0.0] for place in range(1_000)]
        return observed(variant, {"failed": failed, "clicked": [[1.0]] * 1_000})

    made = experiment()
    assert check("error rates", made, failing(10, 15)).level == "ok"
    assert check("error rates", made, failing(0, 0)).level == "ok"
    assert check("error rates", made, failing(0, 2)).p == pytest.approx(0.4995, abs=1e-3)  # Fisher's
    bad = check("error rates", made, failing(10, 50))
    assert bad.level == "invalid"
    assert "control 2.00%, treatment 10.00%" in bad.message


def test_a_metric_that_is_missing_is_told() -> None:
    made = experiment(MetricSpec.parse("ms:mean"), MetricSpec.parse("a/b"))
    values = [[1.0]] * 400
    seen = observed([0, 1] * 200, {"ms": values, "a": values})
    messages = [one.message for one in checks(made, seen) if one.name == "missing metric"]
    assert messages == ["b was never recorded, so a/b is not known"]


def test_who_has_no_value_must_not_hang_on_the_variant() -> None:
    made = experiment(MetricSpec.parse("ms:mean"))

    def having(control: int, treatment: int) -> Check:
        values = [[1.0] if place // 2 < (control, treatment)[place % 2] else [] for place in range(1_000)]
        return check("missing metric", made, observed([0, 1] * 500, {"ms": values}))

    assert having(400, 410).level == "note"
    assert having(400, 300).level == "invalid"


def test_too_few_users_wait() -> None:
    made = experiment()
    assert check("users", made, users(99, 101)).level == "wait"
    assert check("users", made, users(100, 101)).level == "ok"
    waiting = check("users", replace(made, horizon=500), users(100, 101))
    assert waiting.level == "wait"
    assert "201 of 500 users" in waiting.message


def test_events_that_are_not_used_are_noted() -> None:
    seen = observed(
        [0, 1] * 100,
        {"clicked": [[1.0]] * 200},
        events=210,
        before=1,
        late=2,
        unknown_users=3,
        duplicates=4,
        overridden=5,
    )
    told = [one.message for one in checks(experiment(), seen) if one.level == "note"]
    assert told == [
        "1 of 210 events: before their user's exposure, used as covariates",
        "2 of 210 events: after the experiment was stopped",
        "3 of 210 events: of users who never saw a variant",
        "4 events arrived again, and counted once",
        "5 testers left out",
    ]


def test_what_is_taken_for_a_mean_is_looked_at_as_one() -> None:
    values = [[] if n % 4 == 0 else [2.5] for n in range(400)]
    one = check("missing metric", experiment(MetricSpec.parse("dwell")), observed([0, 1] * 200, {"dwell": values}))
    assert one.level == "invalid"
    assert "users without dwell: control 50.0%, treatment 0.0%" in one.message


def test_a_metric_that_only_users_after_the_horizon_have_is_missing() -> None:
    found = observed([0, 1] * 200, {"dwell": [[]] * 200 + [[1.0]] * 200})
    one = check("missing metric", experiment(MetricSpec.parse("dwell"), horizon=200), found)
    assert (one.level, one.message) == ("invalid", "dwell was never recorded, so dwell is not known")
