"""Limits per minute, on a clock that moves only while somebody waits."""

import time

import pytest

from ragcli.models.pace import Pace


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, each time."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0 + sum(waits))
    return waits


def test_without_limits_nobody_waits(slept: list[float]) -> None:
    pace = Pace(None, None)
    for _ in range(3):
        pace.wait()
        pace.spend(10**400)
    assert slept == [0, 0, 0]


def test_requests_are_spaced(slept: list[float]) -> None:
    pace = Pace(30, None)
    for _ in range(3):
        pace.wait()
    assert slept == [0, 2, 2]


def test_tokens_are_paid_for_afterwards(slept: list[float]) -> None:
    pace = Pace(None, 1000)
    pace.wait()
    pace.spend(100)
    pace.spend(150)
    pace.wait()
    assert slept == pytest.approx([0, 15])


def test_the_longer_wait_counts(slept: list[float]) -> None:
    pace = Pace(60, 1000)
    pace.wait()
    pace.spend(5)
    pace.wait()
    pace.spend(50)
    pace.wait()
    assert slept == pytest.approx([0, 1, 3])


@pytest.mark.parametrize(("tokens", "wait"), [(10**400, 60), (-(10**400), 0)])
def test_no_count_of_tokens_stops_everything(slept: list[float], tokens: int, wait: float) -> None:
    pace = Pace(None, 1000)
    pace.wait()
    pace.spend(tokens)
    pace.wait()
    assert slept == pytest.approx([0, wait])
