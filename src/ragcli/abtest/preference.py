"""Which of two mixed rankings do users click on? The analysis of interleaving."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ragcli.abtest.decision import Decision, failure_of
from ragcli.abtest.experiment import Experiment
from ragcli.abtest.inference import ratios, sequential
from ragcli.abtest.inference.estimate import Values, student_quantile, two_sided, variance_of_mean
from ragcli.abtest.interleave import credited
from ragcli.abtest.store import ExperimentStore
from ragcli.errors import DataError, RagcliError
from ragcli.evaluate.counting import counted
from ragcli.evaluate.gates import p_text
from ragcli.evaluate.statistics import Interval


@dataclass(frozen=True, slots=True)
class Clicks:
    """What users clicked on.

    Attributes:
        wins: Of each user who decided one, impressions whose clicks favour the treatment; in the order of their first.
        decided: Likewise, impressions whose clicks favour either.
        impressions: All of them.
        ties: With as many clicks on hits of either.
        stray: Clicks on impressions that are not known, or on ranks that they have not.
    """

    wins: Values
    decided: Values
    impressions: int
    ties: int
    stray: int


@dataclass(frozen=True, slots=True)
class Preference:
    """Which ranking is preferred.

    Attributes:
        share: Of the impressions that were decided, those that the treatment won, 0.5 where both are alike.
        interval: Of the share, by user; likewise ``p``.
        always_valid: The interval that may be looked at any time; likewise ``always_valid_p``.
        sign_p: Of the sign test: how many users prefer the treatment.
        decision: By the interval that the experiment was declared with.
    """

    experiment: Experiment
    clicks: Clicks
    share: float
    interval: Interval
    p: float
    always_valid: Interval
    always_valid_p: float
    sign_p: float
    decision: Decision
    sentence: str

    @property
    def failure(self) -> RagcliError | None:
        """What the command ends with; None where the treatment may ship."""
        return failure_of(self.decision, self.sentence)


def prefer(store: ExperimentStore, experiment: Experiment) -> Preference:
    """Analyse an experiment of mixed rankings.

    Raises:
        DataError: No click decides anything.
    """
    clicks = _clicks(store, experiment)
    if not clicks.decided.size:
        hint = f"ragcli abtest record {experiment.name} --user USER --impression ID --click RANK"
        raise DataError(
            f"{counted(clicks.impressions, 'impression')} of {experiment.name}, no click decides any", hint=hint
        )
    users, confidence = clicks.decided.size, 1 - experiment.alpha
    values = ratios.linearised((clicks.wins, clicks.decided))
    share, error = float(values.mean()), math.sqrt(variance_of_mean(values))
    reach = student_quantile((1 + confidence) / 2, users - 1.0) * error if users > 1 else math.inf
    p = two_sided(share - 0.5, error, users - 1.0)
    path = _path(clicks, experiment.horizon, confidence)
    decisive = path if experiment.horizon is None else (p, Interval(share - reach, share + reach))
    decision = _decision(experiment, users, share, decisive[0])
    told = f"the treatment wins {share:.1%} of {int(clicks.decided.sum()):,} decided impressions"
    bounds = f"{decisive[1].low:.1%} to {decisive[1].high:.1%}, p {p_text(decisive[0])}"
    wait = _waiting(experiment, users)
    return Preference(
        experiment=experiment,
        clicks=clicks,
        share=share,
        interval=Interval(share - reach, share + reach),
        p=p,
        always_valid=path[1],
        always_valid_p=path[0],
        sign_p=_sign_test(clicks),
        decision=decision,
        sentence=f"{decision}: {told} ({bounds}; {counted(users, 'user')}){wait}",
    )


def _clicks(store: ExperimentStore, experiment: Experiment) -> Clicks:
    teams: dict[str, tuple[str, float, list[int]]] = {}
    clicked: Mapping[str, list[int]] = defaultdict(list)
    for event, user, time, detail in store.details(experiment.name):
        if experiment.stopped is not None and time > experiment.stopped:
            continue
        if "teams" in detail:
            teams[event] = (user, time, detail["teams"])
        elif "click" in detail:
            clicked[detail["impression"]].append(detail["click"])
    wins: dict[str, list[float]] = {}
    ties = 0
    for event, (user, _, own) in sorted(teams.items(), key=lambda item: (item[1][1], item[0])):
        if user in experiment.overrides or event not in clicked:
            continue
        credit = credited(own, clicked[event])
        if credit[0] == credit[1]:
            ties += 1
        else:
            wins.setdefault(user, []).append(float(credit[1] > credit[0]))
    known = {event: len(own) for event, (_, _, own) in teams.items()}
    stray = sum(rank > known.get(event, 0) for event, ranks in clicked.items() for rank in ranks)
    found = list(wins.values())[: experiment.horizon]
    return Clicks(
        np.array([sum(one) for one in found]), np.array([float(len(one)) for one in found]), len(teams), ties, stray
    )


def _path(clicks: Clicks, horizon: int | None, confidence: float) -> tuple[float, Interval]:
    """The always-valid p and interval of the share, looked at after every user."""
    wins, decided = np.cumsum(clicks.wins), np.cumsum(clicks.decided)
    users = np.arange(1.0, wins.size + 1)
    share = wins / decided
    squares = np.cumsum(clicks.wins**2) - 2 * share * np.cumsum(clicks.wins * clicks.decided)
    residual = squares + share**2 * np.cumsum(clicks.decided**2)
    residual = np.maximum(residual, 1 - 1 / users)  # as if one had been won by the other: all alike is no certainty
    error = np.sqrt(residual * users / np.maximum(users - 1, 1.0)) / decided
    error[users < sequential.FIRST_LOOK] = np.nan
    found = sequential.always_valid(
        share - 0.5, error, users, horizon=horizon or sequential.HORIZON, confidence=confidence
    )
    return float(found.p[-1]), Interval(0.5 + float(found.low[-1]), 0.5 + float(found.high[-1]))


def _sign_test(clicks: Clicks) -> float:
    from scipy.stats import binomtest

    lead = 2 * clicks.wins - clicks.decided
    ahead, behind = int((lead > 0).sum()), int((lead < 0).sum())
    return float(binomtest(ahead, ahead + behind).pvalue) if ahead + behind else 1.0


def _waiting(experiment: Experiment, users: int) -> str:
    wanted = max(experiment.min_users, experiment.horizon or 0)
    return f"; {wanted:,} users who click are waited for" if users < wanted else ""


def _decision(experiment: Experiment, users: int, share: float, p: float) -> Decision:
    if _waiting(experiment, users) or not p < experiment.alpha:
        return Decision.INCONCLUSIVE
    return Decision.SHIP if share > 0.5 else Decision.HARM
