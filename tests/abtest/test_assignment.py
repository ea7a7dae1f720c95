"""Who sees what: the same everywhere, evenly, and for good."""

import hashlib
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare
from tests.abtest.conftest import experiment

from ragcli.abtest.assignment import Assigner, Stretch, allocate, settled
from ragcli.errors import UsageError

HALF = allocate({"treatment": 0.5}, "control")
USERS = [f"user-{number}" for number in range(100_000)]


DIGESTS = {
    "anna": "cfcbad1fa3729a45",
    "bert": "b86f666652d85b98",
    "carl": "59f194bcc3841a1a",
    "dora": "4817e709335de6a4",
    "emil": "8c37cbed6d2d0a33",
}
"""Of ``exp``, a zero byte and the user, as ``b2sum --length 64`` prints them: the first half is the treatment's."""


@pytest.mark.parametrize(("user", "digest"), DIGESTS.items())
def test_the_assignment_is_what_it_was_on_every_machine(user: str, digest: str) -> None:
    assert Assigner("exp", HALF)(user) == ("treatment" if digest < "8" else "control")


def test_another_process_assigns_alike() -> None:
    code = (
        "from ragcli.abtest.assignment import Assigner, allocate\n"
        "a = Assigner('exp', allocate({'treatment': 0.3}, 'control'))\n"
        "print(','.join(a(f'user-{n}') for n in range(50)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assigner = Assigner("exp", allocate({"treatment": 0.3}, "control"))
    assert ran.stdout.strip() == ",".join(assigner(user) for user in USERS[:50])


@pytest.mark.parametrize("salt", ["exp", "rerank-2026", "ß", "a" * 64])
def test_shares_are_kept_over_100_000_users(salt: str) -> None:
    shares = {"b": 0.2, "c": 0.1}
    assigner = Assigner(salt, allocate(shares, "a"))
    found = [assigner(user) for user in USERS]
    counts = [found.count(name) for name in ("a", "b", "c")]
    assert chisquare(counts, [70_000, 20_000, 10_000]).pvalue > 0.001


def test_experiments_are_independent() -> None:
    first, second = Assigner("one", HALF), Assigner("two", HALF)
    table = np.zeros((2, 2))
    for user in USERS[:20_000]:
        table[int(first(user) == "control"), int(second(user) == "control")] += 1
    assert chi2_contingency(table).pvalue > 0.001


SHARES = st.lists(st.floats(0.01, 0.3), min_size=3, max_size=3)


@given(SHARES, SHARES)
def test_who_is_in_a_treatment_stays_while_its_share_grows(before: list[float], more: list[float]) -> None:
    names = ("b", "c", "d")
    grown = [share + extra * (0.99 - sum(before)) / 1.0 for share, extra in zip(before, more, strict=True)]
    old = allocate(dict(zip(names, before, strict=True)), "a")
    new = allocate(dict(zip(names, grown, strict=True)), "a", old)
    was, now = Assigner("salt", old), Assigner("salt", new)
    for user in USERS[:300]:
        assert was(user) in {"a", now(user)}
    owned = {name: sum(one.end - one.start for one in new if one.variant == name) for name in names}
    assert owned == pytest.approx(dict(zip(names, grown, strict=True)))
    assert new[0].start == 0.0
    assert new[-1].end == 1.0
    assert all(one.end == after.start for one, after in pairwise(new))


@given(st.floats(0.0, 0.9), st.floats(0.0, 0.9))
def test_a_share_that_shrinks_takes_nobody_in(before: float, after: float) -> None:
    old = allocate({"b": max(before, after)}, "a")
    new = allocate({"b": min(before, after)}, "a", old)
    was, now = Assigner("salt", old), Assigner("salt", new)
    assert all(was(user) == "b" for user in USERS[:300] if now(user) == "b")


def test_one_treatment_is_below_its_share() -> None:
    assert allocate({"b": 0.3}, "a") == (Stretch(0.0, 0.3, "b"), Stretch(0.3, 1.0, "a"))
    assert allocate({"b": 0.5}, "a", allocate({"b": 0.3}, "a")) == (Stretch(0.0, 0.5, "b"), Stretch(0.5, 1.0, "a"))


def test_md5_percent_is_the_rule_as_it_was_specified() -> None:
    assigner = Assigner("whatever", allocate({"treatment": 0.37}, "control"), rule="md5_percent")
    for user in USERS[:2_000]:
        number = int(hashlib.md5(user.encode(), usedforsecurity=False).hexdigest(), 16) % 100
        assert assigner(user) == ("treatment" if number < 37 else "control")


def test_md5_percent_is_alike_in_all_experiments_and_the_default_is_not() -> None:
    for rule, alike in (("md5_percent", True), ("salted", False)):
        pair = [Assigner(salt, HALF, rule=rule) for salt in ("one", "two")]  # type: ignore[arg-type]  # both are rules
        assert all(pair[0](user) == pair[1](user) for user in USERS[:200]) is alike


def test_testers_see_what_they_are_to_see() -> None:
    assert Assigner("exp", HALF)("anna") == "control"
    assert Assigner("exp", HALF, {"anna": "treatment"})("anna") == "treatment"


@pytest.mark.parametrize("percent", range(1, 100))
def test_md5_percent_has_no_rounding(percent: int) -> None:
    user = next(
        u for u in USERS if int(hashlib.md5(u.encode(), usedforsecurity=False).hexdigest(), 16) % 100 == percent
    )
    assigner = Assigner("exp", allocate({"treatment": percent / 100}, "control"), rule="md5_percent")
    assert assigner(user) == "control"


@pytest.mark.parametrize("shares", [{"b": 1.0}, {"b": -0.1}, {"b": 0.6, "c": 0.4}, {"b": float("nan")}])
def test_shares_that_leave_control_nothing_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="leave control nothing"):
        allocate(shares, "a")


def test_any_text_is_a_user() -> None:
    assigner = Assigner("exp", HALF)
    assert {assigner(user) for user in ("", "\udcff", "a" * 100_000, "漢字", "0")} <= {"control", "treatment"}


def test_md5_percent_refuses_shares_that_it_cannot_keep() -> None:
    made = experiment(rule="md5_percent")
    assert made.with_shares({"treatment": 0.29}, 1.0).shares["treatment"] == pytest.approx(0.29)
    with pytest.raises(UsageError, match="whole percents"):
        made.with_shares({"treatment": 0.335}, 1.0)


def test_what_has_had_one_owner_throughout() -> None:
    first = allocate({"b": 0.2}, "a")
    second = allocate({"b": 0.5}, "a", first)
    assert settled([first, second]) == (Stretch(0.0, 0.2, "b"), Stretch(0.2, 0.5, ""), Stretch(0.5, 1.0, "a"))
    assert settled([second]) == second
