"""Identity of a model: everything that shapes its vectors, and nothing else."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from ragcli.config.models import ModelsConfig
from ragcli.models.card import ModelCard
from ragcli.models.files import digest
from ragcli.models.pins import FileRecord

# Counted up when the same files and settings come to give other vectors.
_VERSION = 1


def model_fingerprint(card: ModelCard, models: ModelsConfig) -> str:
    """Fingerprint of a sentence-transformers model with its settings; the same for every exact runtime."""
    return hash_parts(
        "sentence-transformers",
        _VERSION,
        [[record.path, record.sha256] for record in shaping_files(card, models)],
        card.pooling,
        card.max_tokens,
        card.query_prefix,
        card.document_prefix,
    )


def hash_parts(*parts: object) -> str:
    """32 hexadecimal digits for a sequence of plain values."""
    return hashlib.blake2b(json.dumps(parts, ensure_ascii=True).encode(), digest_size=16).hexdigest()


def shaping_files(card: ModelCard, models: ModelsConfig) -> list[FileRecord]:
    """Weights and tokenizer; for a model with modules of its own, their weights and settings too."""
    folder = card.files.folder
    return [
        FileRecord(path.relative_to(folder).as_posix(), path.stat().st_size, digest(path, models))
        for path in _shaping_paths(card)
    ]


def _shaping_paths(card: ModelCard) -> Iterator[Path]:
    folder = card.files.folder
    yield card.tokenizer
    if card.torch_reason:
        yield from sorted([*folder.rglob("*.safetensors"), *folder.rglob("*/config.json"), folder / "modules.json"])
    elif card.weights.suffix == ".json":
        yield from sorted(folder.glob("*.safetensors"))
    else:
        yield card.weights
        # Large ONNX models keep their tensors beside the graph.
        yield from sorted(card.weights.parent.glob(f"{card.weights.name}[._]data"))
