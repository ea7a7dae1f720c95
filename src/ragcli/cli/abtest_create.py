"""``ragcli abtest create``: an experiment with its configurations as they are now."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragcli.cli.abtest_experiments import emit, opened
from ragcli.cli.abtest_options import (
    AlphaOption,
    AssignmentOption,
    ControlOption,
    CorrectionOption,
    DraftOption,
    GuardMarginOption,
    GuardrailOption,
    HorizonOption,
    LeastOption,
    MetricOption,
    ModeOption,
    NameArgument,
    OverrideOption,
    SaltOption,
    SplitOption,
    TreatmentOption,
)
from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption
from ragcli.cli.output import Output
from ragcli.errors import UsageError

if TYPE_CHECKING:
    from ragcli.abtest.experiment import Variant


def create(
    name: NameArgument,
    *,
    control: ControlOption,
    treatment: TreatmentOption,
    split: SplitOption = None,
    metric: MetricOption = None,
    guardrail: GuardrailOption = None,
    margin: GuardMarginOption = None,
    horizon: HorizonOption = None,
    alpha: AlphaOption = 0.05,
    correction: CorrectionOption = "holm",
    min_users: LeastOption = 100,
    assignment: AssignmentOption = "salted",
    mode: ModeOption = "split",
    override: OverrideOption = None,
    salt: SaltOption = None,
    draft: DraftOption = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Define an experiment and start it: its configurations are frozen as they are now."""
    from ragcli.abtest.experiment import Experiment, check_name, treatment_shares
    from ragcli.abtest.metrics import parse_metrics
    from ragcli.evaluate.gates import parse_margins

    output = Output("abtest create", format)
    variants = _variants(control, treatment, interleaved=mode == "interleave")
    if not 0.0 < alpha < 1.0:
        raise UsageError(f"--alpha {alpha:g} is no probability", hint="--alpha 0.05")
    names, now = [one.name for one in variants], time.time()
    experiment = Experiment(
        name=check_name(name, "an experiment"),
        variants=variants,
        metrics=parse_metrics(metric or (), guardrail or (), parse_margins(margin or ())),
        splits=(),
        salt=name if salt is None else salt,
        rule=assignment,
        mode=mode,
        overrides=_overrides(override or (), names),
        horizon=horizon,
        alpha=alpha,
        correction=correction,
        min_users=min_users,
        state="draft" if draft else "running",
        created=now,
        started=None if draft else now,
    ).with_shares(treatment_shares(split or f"{(len(names) - 1) / len(names)}", names[1:]), now)
    _check_indexes(output, variants)
    with opened(config, set_, workspace) as store:
        store.add(experiment)
    for one in variants[1:]:
        if one.fingerprint == variants[0].fingerprint:
            output.warn(f"{one.name} has the same settings as control: an A/A test")
    emit(output, experiment, f"{experiment.state}: {name}")


def _variants(control: Path, treatments: Sequence[str], *, interleaved: bool) -> "tuple[Variant, ...]":
    """The configurations as they are now, control first."""
    from ragcli.abtest.experiment import CONTROL, check_name

    variants = tuple(_frozen(name, file) for name, file in [(CONTROL, control), *_named(treatments)])
    names = [check_name(one.name, "a variant") for one in variants]
    if len(set(names)) < len(names):
        raise UsageError(f"two variants have one name: {', '.join(names)}", hint="--treatment NAME=FILE")
    if interleaved and len(variants) != 2:
        raise UsageError("--mode interleave mixes two rankings", hint="give one --treatment")
    return variants


def _named(texts: Iterable[str]) -> list[tuple[str, Path]]:
    """Name and file of each treatment: as given, the file's for several, otherwise ``treatment``."""
    pairs = [text.rpartition("=") for text in texts]
    alone = len(pairs) == 1
    return [(name or ("treatment" if alone else Path(file).stem), Path(file)) for name, _, file in pairs]


def _frozen(name: str, file: Path) -> "Variant":
    from ragcli.abtest.experiment import Variant
    from ragcli.config.fingerprint import fingerprint
    from ragcli.config.load import resolve_config

    values: dict[str, Any] = dict(resolve_config(file).values)
    shaping = {key: value for key, value in values.items() if key not in {"workspace", "evaluate"}}
    return Variant(name, str(file), fingerprint(shaping), values)


def _overrides(texts: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    pairs = [text.rpartition("=") for text in texts]
    for user, _, variant in pairs:
        if not user or variant not in names:
            raise UsageError(
                f"--override {user}={variant} is no tester", hint=f"USER=VARIANT, one of {', '.join(names)}"
            )
    return {user: variant for user, _, variant in pairs}


def _check_indexes(output: Output, variants: "Sequence[Variant]") -> None:
    """Refuse a variant whose index was built with other settings; tell of one without any or of other documents."""
    from ragcli.abtest.ask import config_of
    from ragcli.abtest.compare.engines import opened as opened_engines
    from ragcli.workspace import Workspace

    ready = []
    for one in variants:
        place = Workspace(Path(one.settings["workspace"]["path"]))
        if place.current.exists():
            ready.append((Path(one.source), config_of(one)))
        else:
            output.warn(f"{one.name} has no index in {place.root} yet: ragcli index --config {one.source}")
    with opened_engines(ready) as engines:
        corpora = [engine.fingerprints.get("corpus") for engine in engines]
    for (file, _), corpus in zip(ready, corpora, strict=True):
        if corpus != corpora[0]:
            output.warn(
                f"{file} is indexed from other documents than {ready[0][0]}: sync both workspaces from the same"
            )
