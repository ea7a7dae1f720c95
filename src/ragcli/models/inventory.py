"""Which models are on this machine, fetching them, and proving them whole."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ragcli.config.index import EmbedderConfig, SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.config.rerank import CrossEncoderConfig, RankingModelConfig, RerankConfig
from ragcli.errors import DataError, RagcliError
from ragcli.models.card import ModelCard, read_card
from ragcli.models.cross_encoders.card import PairCard, is_cross_encoder, read_pair_card
from ragcli.models.files import cache_folder, digest, sha256_of
from ragcli.models.fingerprints import shaping_files
from ragcli.models.hub import INSTALL, download, refusal
from ragcli.models.locate import (
    KNOWN,
    PACKAGED,
    ModelFiles,
    canonical_names,
    hub_cache,
    locate,
    locate_local,
    weight_files,
)
from ragcli.models.pins import PUBLISHED, FileRecord, Pin, read_pins, write_pin

Outcome: TypeAlias = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One known or found model.

    Attributes:
        origin: Where it is; empty when it is not on this machine.
        size_bytes: Of its main weight file.
        revision: The hub's commit, where it is known.
        pinned: Whether ``models pull`` recorded its files.
        task: ``embedder``, ``cross-encoder``, or ``unknown`` where only its files would tell.
        runtime: What runs it, or why it does not run.
        hint: How to get it, when it is missing.
    """

    name: str
    task: str
    origin: str
    folder: str
    size_bytes: int
    revision: str
    pinned: bool
    runtime: str
    hint: str


@dataclass(frozen=True, slots=True)
class ListResult:
    """All known and found models, and where they are looked for."""

    models: tuple[ModelEntry, ...]
    hub_cache: Path
    cache: Path


@dataclass(frozen=True, slots=True)
class PullResult:
    """A model that is now on this machine, with its files recorded."""

    name: str
    origin: str
    folder: Path
    pin: Pin


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was verified about a model."""

    model: str
    check: str
    outcome: Outcome
    message: str


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What was verified; ``error`` is set when anything failed."""

    checks: tuple[Check, ...]
    error: RagcliError | None


def configured_models(embedder: EmbedderConfig, rerank: RerankConfig) -> dict[str, str]:
    """The models to be run on this machine that settings name, with their tasks: the embedder, then the reranker.

    A lone ONNX file is none of them: it has neither an original nor a record to be held against.
    """
    embedders = [embedder, rerank.embedder] if isinstance(rerank, RankingModelConfig) else [embedder]
    found = {_canonical(one.model): "embedder" for one in embedders if isinstance(one, SentenceTransformersConfig)}
    if isinstance(rerank, CrossEncoderConfig) and not rerank.model.endswith(".onnx"):
        found[_canonical(rerank.model)] = "cross-encoder"
    return found


def list_models(configured: Mapping[str, str], models: ModelsConfig) -> ListResult:
    """The configured models, with their tasks, the known ones, and what the local hub cache holds."""
    names = dict.fromkeys([*configured, *PACKAGED, *KNOWN, *_cached_names()])
    pins = read_pins(models)
    tasks = {**{name: packaged.task for name, packaged in PACKAGED.items()}, **KNOWN, **configured}
    entries = tuple(_entry(name, tasks.get(name, "unknown"), pins, models) for name in names)
    return ListResult(entries, hub_cache(), cache_folder(models))


def pull_model(name: str, revision: str, models: ModelsConfig) -> PullResult:
    """Bring a model to this machine and record its commit and the digests of its files.

    Without a network, a model that is already here is recorded as it is.

    Raises:
        MissingModelError: It is not here and cannot be fetched.
        BackendError: The download failed halfway.
    """
    local = locate_local(name, revision, models)
    if local is not None and (local.origin == "path" or refusal(models)):
        files = local
    else:
        files = download(canonical_names(name), revision, models, "allow the network, or pull where the hub is reached")
    pin = write_pin(files.name, files.revision, _records(files, models), models)
    return PullResult(files.name, files.origin, files.folder, pin)


def verify_models(names: Sequence[str], configured: Iterable[str], models: ModelsConfig) -> VerifyResult:
    """Hash files anew, compare them with what was recorded or published, and ONNX exports with their originals.

    Args:
        names: Models to verify; without any, the configured ones and all that were pulled.
        configured: Names of those, in full.
        models: Where models are.

    Raises:
        MissingModelError: A named model is not on this machine.
    """
    pins = read_pins(models)
    if not names:
        names = tuple(dict.fromkeys([*configured, *pins]))
    checks = tuple(check for name in names for check in _verify(name, pins, models))
    failed = [check for check in checks if check.outcome == "failed"]
    error = None
    if failed:
        message = f"{len(failed)} of {len(checks)} checks failed: {failed[0].model}: {failed[0].message}"
        error = DataError(message, hint=f"ragcli models pull {failed[0].model}, or {INSTALL} --force-reinstall")
    return VerifyResult(checks, error)


def _records(files: ModelFiles, models: ModelsConfig) -> list[FileRecord]:
    card = _card(files)
    if isinstance(card, ModelCard):
        return shaping_files(card, models)
    return [
        FileRecord(path.relative_to(files.folder).as_posix(), path.stat().st_size, digest(path, models))
        for path in card.shaping_paths()
    ]


def _card(files: ModelFiles) -> ModelCard | PairCard:
    """What a model's own files say of it, which tell what it is for, too."""
    return read_pair_card(files) if is_cross_encoder(files) else read_card(files, SentenceTransformersConfig())


def _canonical(name: str) -> str:
    return next((full for full in (*PACKAGED, *KNOWN) if name in {full, full.split("/")[1]}), name)


def _cached_names() -> Iterator[str]:
    for folder in sorted(hub_cache().glob("models--*")):
        yield folder.name.removeprefix("models--").replace("--", "/", 1)


def _entry(name: str, task: str, pins: dict[str, Pin], models: ModelsConfig) -> ModelEntry:
    files = locate_local(name, "", models)
    if files is None:
        hint = INSTALL if name in PACKAGED else f"ragcli models pull {name}"
        return ModelEntry(name, task, "", "", 0, "", pinned=False, runtime="", hint=hint)
    try:
        task = "cross-encoder" if is_cross_encoder(files) else "embedder"
        card = _card(files)
        runtime = _runtime(card, models) if isinstance(card, ModelCard) else _pair_runtime(card, models)
    except RagcliError as error:
        runtime = error.message
    size = next(weight_files(files.folder)).stat().st_size
    pinned = files.name in pins
    return ModelEntry(files.name, task, files.origin, str(files.folder), size, files.revision, pinned, runtime, hint="")


def _runtime(card: ModelCard, models: ModelsConfig) -> str:
    from ragcli.models.export import find_export

    if card.torch_reason:
        return f"torch ({card.torch_reason})"
    if card.ready_onnx:
        return "onnx, as published"
    export = find_export(card, models)
    if export is None:
        return "onnx, exported on first use"
    if export.graph is None:
        return f"torch ({export.reason})"
    return f"onnx, exported (cosine {export.cosine:.7f})"


def _pair_runtime(card: PairCard, models: ModelsConfig) -> str:
    from ragcli.models.cross_encoders.graph import find_graph

    if card.torch_reason:
        return f"torch ({card.torch_reason})"
    graph = find_graph(card, models)
    if graph is None:
        return "onnx, rewritten on first use" if card.ready_onnx else "onnx, exported on first use"
    if graph.path is None:
        return f"torch ({graph.reason})"
    made = "rewritten" if card.ready_onnx else "exported"
    return f"onnx, {made}" if graph.own else f"onnx, as published ({graph.reason})"


def _verify(name: str, pins: dict[str, Pin], models: ModelsConfig) -> Iterator[Check]:
    files = locate(name, "", ModelsConfig(cache=models.cache, offline=True))
    yield _files_check(files, pins)
    card = _card(files)
    yield _export_check(card, models) if isinstance(card, ModelCard) else _graph_check(card, models)


def _files_check(files: ModelFiles, pins: dict[str, Pin]) -> Check:
    """Compare digests with those published with a packaged model, or recorded by pull."""
    pin = pins.get(files.name)
    if files.origin == "package":
        expected, source = PUBLISHED[files.name], "as published"
    elif pin is not None and pin.revision == files.revision:
        expected, source = {file.path: file.sha256 for file in pin.files}, "as recorded by models pull"
    else:
        return Check(files.name, "files", "skipped", "nothing was recorded: ragcli models pull records digests")
    for path, known in expected.items():
        if not (files.folder / path).is_file():
            return Check(files.name, "files", "failed", f"{path} is missing")
        if sha256_of(files.folder / path) != known:
            return Check(files.name, "files", "failed", f"{path} is not {source}")
    return Check(files.name, "files", "ok", f"{len(expected)} files {source}")


def _export_check(card: ModelCard, models: ModelsConfig) -> Check:
    """Compare the export with the original, computed anew."""
    from ragcli.models.export import LEAST_COSINE, compare_with_original, ensure_export

    if card.ready_onnx or card.torch_reason:
        reason = f"torch runs it ({card.torch_reason})" if card.torch_reason else "runs as published"
        return Check(card.files.name, "export", "skipped", reason)
    export = ensure_export(card, models)
    if export.graph is None:
        return Check(card.files.name, "export", "skipped", f"torch runs it ({export.reason})")
    cosine = compare_with_original(card, export.graph)
    outcome: Outcome = "ok" if cosine >= LEAST_COSINE else "failed"
    return Check(card.files.name, "export", outcome, f"cosine to the original at least {cosine:.7f}")


def _graph_check(card: PairCard, models: ModelsConfig) -> Check:
    """Compare the graph that runs a cross-encoder with the original, computed anew."""
    from ragcli.models.cross_encoders.graph import compare_with_original, ensure_graph

    graph = ensure_graph(card, models)
    if graph.path is None:
        return Check(card.files.name, "export", "skipped", f"torch runs it ({graph.reason})")
    if not graph.own:
        return Check(card.files.name, "export", "skipped", f"runs as published ({graph.reason})")
    difference, allowed = compare_with_original(card, graph.path)
    outcome: Outcome = "ok" if difference <= allowed else "failed"
    message = f"scores differ from the original's by {difference:.1e} at most, {allowed:.1g} allowed"
    return Check(card.files.name, "export", outcome, message)
