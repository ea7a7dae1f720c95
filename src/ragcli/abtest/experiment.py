"""An experiment as it was defined: frozen configurations, who sees which, and what decides."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Self, TypeAlias

from ragcli.abtest.assignment import Assigner, Rule, Stretch, allocate, settled
from ragcli.abtest.metrics import MetricSpec
from ragcli.errors import UsageError
from ragcli.evaluate.margin import Margin

State: TypeAlias = Literal["draft", "running", "stopped"]
Mode: TypeAlias = Literal["split", "interleave"]
Correction: TypeAlias = Literal["holm", "bh"]

CONTROL = "control"
MIN_USERS = 100
_FACTS = {"name", "state", "created", "started", "stopped", "duplicates"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Variant:
    """A configuration as it was when the experiment was created.

    Attributes:
        source: The file it was read from.
        fingerprint: Of all settings that shape what users get.
        settings: The whole configuration as plain values.
    """

    name: str
    source: str
    fingerprint: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Split:
    """Who owned which stretch of users from a moment on, in seconds since 1970."""

    since: float
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class Experiment:
    """What was defined, and what became of it; times in seconds since 1970, None for what has not happened.

    Attributes:
        variants: Control first.
        metrics: What decides.
        splits: The shares and their changes, the first when it was created.
        overrides: User -> variant, for testers, who are not analysed.
        horizon: Users to wait for before stopping and deciding, once and by the first so many; None decides at any
            time, by always-valid statistics.
        alpha: Chance of a false alarm over all metrics and treatments together; intervals have confidence 1 - alpha.
        correction: For many metrics and treatments: Holm's, or the false discovery rate of Benjamini and Hochberg.
        min_users: Fewer in a variant decide nothing.
        duplicates: Events that arrived again, which changed nothing.
    """

    name: str
    variants: tuple[Variant, ...]
    metrics: tuple[MetricSpec, ...]
    splits: tuple[Split, ...]
    salt: str
    rule: Rule = "salted"
    mode: Mode = "split"
    overrides: Mapping[str, str] = field(default_factory=dict)
    horizon: int | None = None
    alpha: float = 0.05
    correction: Correction = "holm"
    min_users: int = MIN_USERS
    state: State = "draft"
    created: float = 0.0
    started: float | None = None
    stopped: float | None = None
    duplicates: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Of the variants, control first."""
        return tuple(one.name for one in self.variants)

    @property
    def shares(self) -> dict[str, float]:
        """Variant -> share of users now."""
        return shares_of(self.splits[-1].stretches, self.names)

    @cached_property
    def assigner(self) -> Assigner:
        """Tells a user's variant."""
        return Assigner(self.salt, self.splits[-1].stretches, self.overrides, self.rule)

    def variant(self, name: str) -> Variant:
        """The variant of this name.

        Raises:
            UsageError: There is none.
        """
        found = next((one for one in self.variants if one.name == name), None)
        if found is None:
            raise UsageError(f"{self.name} has no variant {name!r}", hint=f"one of {', '.join(self.names)}")
        return found

    def with_shares(self, shares: Mapping[str, float], now: float) -> Self:
        """With other shares from now on; who is in a treatment whose share grows stays in it."""
        if self.rule == "md5_percent" and len(shares) != 1:
            raise UsageError("assignment md5_percent has one treatment only", hint="--assignment salted")
        if self.rule == "md5_percent" and any(
            abs(share * 100 - round(share * 100)) > 1e-9 for share in shares.values()
        ):
            raise UsageError(
                "assignment md5_percent knows whole percents only", hint="--split 0.33, or --assignment salted"
            )
        return replace(self, splits=(*self.splits, Split(now, allocate(shares, self.names[0], self._stretches))))

    def alpha_of(self, metric: MetricSpec) -> float:
        """What the first of Holm's steps leaves to a metric and treatment; a guardrail is not adjusted."""
        if metric.role == "guardrail":
            return self.alpha
        deciding = sum(one.role == "metric" for one in self.metrics)
        return self.alpha / (deciding * (len(self.variants) - 1))

    def waits_for(self, users: int) -> str:
        """What a horizon waits for with so many users; nothing once it decides.

        Its users and their time end with the experiment: else the same test would be asked again with every event.
        """
        if self.horizon is None:
            return ""
        have = f"{users:,} of {self.horizon:,} users"
        if self.state == "stopped":
            return "" if users >= self.horizon else f"stopped at {have}, before it could decide"
        if users >= self.horizon:
            return f"{have} have come: ragcli abtest stop {self.name} ends it, and then it decides"
        return f"{have}: a test of a fixed size decides at its end"

    @property
    def settled_stretches(self) -> tuple[tuple[Stretch, ...], ...]:
        """For each of the splits, what no later one has changed; the rest has the owner ``""``."""
        history = [split.stretches for split in self.splits]
        return tuple(settled(history[place:]) for place in range(len(history)))

    @property
    def _stretches(self) -> tuple[Stretch, ...]:
        return self.splits[-1].stretches if self.splits else ()

    def definition(self) -> dict[str, Any]:
        """As JSON knows it; state and times are not part of it."""
        return {name: value for name, value in asdict(self).items() if name not in _FACTS}

    @classmethod
    def of(cls, name: str, definition: Mapping[str, Any], **facts: Any) -> Self:
        """From what ``definition`` gave, with state, times and counts."""
        plain = dict(definition)
        metrics = [one | {"margin": Margin(**one["margin"])} for one in plain.pop("metrics")]
        splits = [
            Split(one["since"], tuple(Stretch(*part) for part in one["stretches"])) for one in plain.pop("splits")
        ]
        return cls(
            name=name,
            variants=tuple(Variant(**one) for one in plain.pop("variants")),
            metrics=tuple(MetricSpec(**one) for one in metrics),
            splits=tuple(splits),
            **plain,
            **facts,
        )


def shares_of(stretches: Sequence[Stretch], names: Sequence[str]) -> dict[str, float]:
    """Variant -> share of users."""
    return {name: sum(one.end - one.start for one in stretches if one.variant == name) for name in names}


def check_name(name: str, what: str) -> str:
    """A name that can stand in a command line, a file and a table.

    Raises:
        UsageError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of {what}", hint="letters, digits, . _ and -, at most 64, a letter first"
        )
    return name


def treatment_shares(text: str, treatments: Sequence[str]) -> dict[str, float]:
    """What ``--split`` asks for: one share, divided evenly, or one a treatment, separated by commas.

    Raises:
        UsageError: It is no number, or there are not as many as treatments.
    """
    parts = text.split(",")
    try:
        shares = [float(part.strip().removesuffix("%")) / (100 if part.strip().endswith("%") else 1) for part in parts]
    except ValueError as error:
        raise UsageError(f"--split {text!r} is no share", hint="--split 0.5, or 0.3,0.2 for two treatments") from error
    if len(shares) == 1:
        shares = [shares[0] / len(treatments)] * len(treatments)
    if len(shares) != len(treatments):
        raise UsageError(
            f"--split has {len(shares)} shares for {len(treatments)} treatments", hint=f"of {', '.join(treatments)}"
        )
    return dict(zip(treatments, shares, strict=True))
