"""Which of two mixed rankings do users click on? The analysis of interleaving."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ragcli.abtest.decision import Decision, failure_of
from ragcli.abtest.experiment import Experiment
from ragcli.abtest.findings import Looks
from ragcli.abtest.inference import ratios, sequential
from ragcli.abtest.inference.estimate import Values, student_quantile, two_sided, variance_of_mean
from ragcli.abtest.interleave import credited
from ragcli.abtest.store import ExperimentStore
from ragcli.errors import DataError, RagcliError
from ragcli.evaluate.counting import counted
from ragcli.evaluate.gates import p_text
from ragcli.evaluate.statistics import Interval

HORIZON = 500
"""Users at which always-valid intervals are narrowest: clicks on mixed rankings tell more than split traffic."""


@dataclass(frozen=True, slots=True)
class Clicks:
    """What users clicked on.

    Attributes:
        wins: Of each user who decided one, impressions whose clicks favour the treatment; in the order of their first.
        decided: Likewise, impressions whose clicks favour either.
        times: Of each user's first of these, in seconds since 1970.
        impressions: All of them.
        ties: With as many clicks on hits of either.
        stray: Clicks on impressions that are not known, or another user's, or on ranks that they have not.
    """

    wins: Values
    decided: Values
    times: Values
    impressions: int
    ties: int
    stray: int


@dataclass(frozen=True, slots=True)
class Preference:
    """Which ranking is preferred.

    Attributes:
        share: Of the impressions that were decided, those that the treatment won, 0.5 where both are alike.
        interval: Of the share, by user; likewise ``p``.
        looks: What could have been seen at any time, of share - 0.5.
        sign_p: Of the sign test: how many users prefer the treatment.
        decision: By the interval that the experiment was declared with.
    """

    experiment: Experiment
    clicks: Clicks
    share: float
    interval: Interval
    p: float
    looks: Looks
    sign_p: float
    decision: Decision
    sentence: str

    @property
    def always_valid(self) -> Interval:
        """Of the share, whenever it is looked at."""
        return _share(0.5 + float(self.looks.low[-1]), 0.5 + float(self.looks.high[-1]))

    @property
    def always_valid_p(self) -> float:
        """Likewise, the smallest so far."""
        return float(self.looks.p[-1])

    @property
    def failure(self) -> RagcliError | None:
        """What the command ends with; None where the treatment may ship."""
        return failure_of(self.decision, self.experiment.name)


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
    found = Preference(
        experiment=experiment,
        clicks=clicks,
        share=share,
        interval=_share(share - reach, share + reach),
        p=two_sided(share - 0.5, error, users - 1.0),
        looks=_looks(clicks, experiment.horizon, confidence),
        sign_p=_sign_test(clicks),
        decision=Decision.INCONCLUSIVE,
        sentence="",
    )
    return _decided(found)


def _share(low: float, high: float) -> Interval:
    """Bounds of a share, which lies between 0 and 1."""
    return Interval(max(low, 0.0), min(high, 1.0))


def _decided(found: Preference) -> Preference:
    """With what the interval says that the experiment was declared with."""
    experiment, clicks, share, users = found.experiment, found.clicks, found.share, found.clicks.decided.size
    p, interval = found.p, found.interval
    if experiment.horizon is None:
        p, interval = found.always_valid_p, found.always_valid
    stands = experiment.horizon is not None or found.looks.stands(share - 0.5)
    decision = _decision(experiment, users, share, p if stands else math.nan)
    told = f"the treatment wins {share:.1%} of {int(clicks.decided.sum()):,} decided impressions"
    bounds = f"{interval.low:.1%} to {interval.high:.1%}, p {p_text(p)}; {counted(users, 'user')}"
    return replace(found, decision=decision, sentence=f"{decision}: {told} ({bounds}){_waiting(experiment, users)}")


def _clicks(store: ExperimentStore, experiment: Experiment) -> Clicks:
    teams: dict[str, tuple[str, float, list[int]]] = {}
    clicked: Mapping[tuple[str, str], list[int]] = defaultdict(list)
    for event, user, time, detail in store.details(experiment.name):
        if experiment.stopped is not None and time > experiment.stopped:
            continue
        if "teams" in detail:
            teams[event] = (user, time, detail["teams"])
        elif "click" in detail:
            clicked[detail["impression"], user].append(detail["click"])
    wins: dict[str, list[float]] = {}
    firsts: dict[str, float] = {}
    ties = 0
    for event, (user, time, own) in sorted(teams.items(), key=lambda item: (item[1][1], item[0])):
        if user in experiment.overrides or (event, user) not in clicked:
            continue
        credit = credited(own, clicked[event, user])
        if credit[0] == credit[1]:
            ties += 1
        else:
            wins.setdefault(user, []).append(float(credit[1] > credit[0]))
            firsts.setdefault(user, time)
    known = {(event, user): len(own) for event, (user, _, own) in teams.items()}
    stray = sum(rank > known.get(event, 0) for event, ranks in clicked.items() for rank in ranks)
    found = list(wins.values())[: experiment.horizon]
    return Clicks(
        wins=np.array([sum(one) for one in found]),
        decided=np.array([float(len(one)) for one in found]),
        times=np.array(list(firsts.values())[: experiment.horizon]),
        impressions=len(teams),
        ties=ties,
        stray=stray,
    )


def _looks(clicks: Clicks, horizon: int | None, confidence: float) -> Looks:
    """The share less 0.5 after every user, with the error that it has where both rankings are alike.

    That error is not smaller than the share's own, and not 0 where all users agree.
    """
    lead, decided = np.cumsum(clicks.wins - clicks.decided / 2), np.cumsum(clicks.decided)
    users = np.arange(1.0, lead.size + 1)
    error = np.sqrt(np.cumsum((clicks.wins - clicks.decided / 2) ** 2)) / decided
    error[users < sequential.FIRST_LOOK] = np.nan
    found = sequential.always_valid(lead / decided, error, users, horizon=horizon or HORIZON, confidence=confidence)
    return Looks(users, clicks.times, lead / decided, found.p, found.low, found.high)


def _sign_test(clicks: Clicks) -> float:
    from scipy.stats import binomtest

    lead = 2 * clicks.wins - clicks.decided
    ahead, behind = int((lead > 0).sum()), int((lead < 0).sum())
    return float(binomtest(ahead, ahead + behind).pvalue) if ahead + behind else 1.0


def _waiting(experiment: Experiment, users: int) -> str:
    if users < experiment.min_users:
        return f"; {experiment.min_users:,} users who click are waited for"
    waits = experiment.waits_for(users)
    return f"; {waits}" if waits else ""


def _decision(experiment: Experiment, users: int, share: float, p: float) -> Decision:
    if _waiting(experiment, users) or not p < experiment.alpha:
        return Decision.INCONCLUSIVE
    return Decision.SHIP if share > 0.5 else Decision.HARM
