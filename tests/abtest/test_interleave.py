"""Mixed rankings: fair, without repeats, and credited to who brought a hit."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ragcli.abtest.interleave import credited, team_draft

RANKING = st.lists(st.integers(0, 15), unique=True, max_size=12)


@given(RANKING, RANKING, st.integers(0, 12), st.text(max_size=5))
def test_a_mixed_ranking_has_the_best_of_both_once(first: list[int], second: list[int], length: int, seed: str) -> None:
    mixed = team_draft((first, second), length, seed)
    shown = [(first, second)[team][place] for team, place in zip(mixed.teams, mixed.places, strict=True)]
    assert len(shown) == len(set(shown)) == min(length, len({*first, *second}))
    for team, ranking in enumerate((first, second)):
        own = [place for of, place in zip(mixed.teams, mixed.places, strict=True) if of == team]
        assert own == sorted(own)
        passed = ranking[: max(own, default=-1) + 1]
        assert set(passed) <= set(shown)  # a hit is passed over only because it is there already


@given(st.text(max_size=8))
def test_in_each_round_each_team_picks_once(seed: str) -> None:
    mixed = team_draft((list(range(10)), list(range(100, 110))), 10, seed)
    assert all(set(mixed.teams[start : start + 2]) == {0, 1} for start in range(0, 10, 2))


def test_the_coin_is_fair_and_remembered() -> None:
    rankings = (["a", "b"], ["c", "d"])
    firsts = Counter(team_draft(rankings, 2, f"seed-{number}").teams[0] for number in range(4_000))
    assert abs(firsts[0] - 2_000) < 4 * 31.6
    assert team_draft(rankings, 2, "same") == team_draft(rankings, 2, "same")


def test_alike_rankings_stay_as_they_are() -> None:
    mixed = team_draft((list("abcd"), list("abcd")), 4, "seed")
    assert mixed.places == (0, 1, 2, 3)


def test_clicks_are_credited_to_who_brought_the_hit() -> None:
    assert credited((0, 1, 1, 0), [2, 3, 3, 1]) == {0: 1, 1: 2}
    assert credited((0, 1), [5, 0, -1]) == {0: 0, 1: 0}
