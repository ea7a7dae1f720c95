"""Which revision of a model was pulled, and the digests of its files."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ragcli.config.models import ModelsConfig
from ragcli.errors import DataError
from ragcli.models.files import cache_folder, write_atomically

# Digests of the weights inside packages, as published: name -> file -> SHA-256.
PUBLISHED = {
    "sentence-transformers/all-MiniLM-L6-v2": {
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
    "BAAI/bge-small-en-v1.5": {
        "model.onnx": "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
        "tokenizer.json": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
    },
    "cross-encoder/ms-marco-MiniLM-L-12-v2": {
        "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
        "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
    },
}


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of a model: its path inside the model folder, its size and SHA-256."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Pin:
    """A pulled model: the hub's commit and every file that shapes its vectors."""

    name: str
    revision: str
    files: tuple[FileRecord, ...]


def pins_file(models: ModelsConfig) -> Path:
    """Where pins are kept."""
    return cache_folder(models) / "models.lock.json"


def read_pins(models: ModelsConfig) -> dict[str, Pin]:
    """All pins by model name.

    Raises:
        DataError: The file is damaged.
    """
    path = pins_file(models)
    try:
        entries = json.loads(path.read_bytes())["models"]
        return {
            name: Pin(name, entry["revision"], tuple(FileRecord(**file) for file in entry["files"]))
            for name, entry in entries.items()
        }
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {error}", hint="remove it and pull the models again") from error


def write_pin(name: str, revision: str, files: Sequence[FileRecord], models: ModelsConfig) -> Pin:
    """Add or replace one pin."""
    pin = Pin(name, revision, tuple(files))
    pins = {**read_pins(models), name: pin}
    content = {
        "schema": "ragcli/models-lock/v1",
        "models": {
            name: {"revision": pin.revision, "files": [asdict(file) for file in pin.files]}
            for name, pin in sorted(pins.items())
        },
    }
    write_atomically(pins_file(models), (json.dumps(content, indent=2) + "\n").encode())
    return pin
