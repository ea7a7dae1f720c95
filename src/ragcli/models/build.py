"""Build what a configuration asks for."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from ragcli.config.index import (
    EmbedderConfig,
    HashingEmbedderConfig,
    NoEmbedderConfig,
    OpenAIEmbedderConfig,
    SentenceTransformersConfig,
)
from ragcli.config.models import ModelsConfig
from ragcli.errors import BackendError, ConfigError
from ragcli.models import Embedder

if TYPE_CHECKING:
    from ragcli.models.card import ModelCard

_GPU_DEVICES = ("/dev/nvidia0", "/dev/kfd")


def build_embedder(config: EmbedderConfig, models: ModelsConfig) -> Embedder:
    """The embedder of a configuration. Files are found and, once, exported; sessions open on first use.

    Raises:
        ConfigError: There is none (kind ``none``).
        MissingModelError: The model is nowhere on this machine.
        BackendError: The runtime asked for cannot run the model.
    """
    match config:
        case SentenceTransformersConfig():
            return _sentence_transformers(config, models)
        case OpenAIEmbedderConfig():
            from ragcli.models.openai import OpenAIEmbedder

            return OpenAIEmbedder(config, models)
        case HashingEmbedderConfig():
            from ragcli.models.hashing import HashingEmbedder

            return HashingEmbedder(config.dimension)
        case NoEmbedderConfig():
            raise ConfigError("index.embedder.kind is 'none': there is nothing that makes vectors")
        case _:
            assert_never(config)


def token_limit(config: EmbedderConfig, models: ModelsConfig) -> int | None:
    """Longest text the embedder takes, in its own tokens, special tokens and prefix taken off; ``None`` for any.

    Opens no session.
    """
    match config.kind:
        case "sentence-transformers":
            from ragcli.models.card import read_card
            from ragcli.models.locate import locate
            from ragcli.models.vocabulary import shared_tokenizer, text_limit

            card = read_card(locate(config.model, config.revision, models), config)
            return text_limit(shared_tokenizer(card.tokenizer), card.max_tokens, card.document_prefix)
        case "openai":
            return config.max_tokens
        case "hashing" | "none":
            return None


def _sentence_transformers(config: SentenceTransformersConfig, models: ModelsConfig) -> Embedder:
    from ragcli.models.card import read_card
    from ragcli.models.fingerprints import model_fingerprint
    from ragcli.models.locate import locate

    card = read_card(locate(config.model, config.revision, models), config)
    fingerprint = model_fingerprint(card, models)
    if config.runtime != "onnx" and (config.runtime == "torch" or gpu()):
        return _torch(card, fingerprint, models)
    graph, reason = _graph(card, models)
    if graph is not None:
        from ragcli.models.onnx import OnnxEmbedder

        return OnnxEmbedder(card, graph, fingerprint, models.threads)
    if config.runtime == "onnx":
        raise BackendError(
            f"{config.model!r} cannot run on ONNX exactly: {reason}", hint="set index.embedder.runtime to auto or torch"
        )
    return _torch(card, fingerprint, models)


def _graph(card: "ModelCard", models: ModelsConfig) -> tuple[Path | None, str]:
    """The ONNX graph that runs a model, or why there is none."""
    if card.torch_reason:
        return None, card.torch_reason
    if card.ready_onnx:
        return card.weights, ""
    from ragcli.models.export import ensure_export

    export = ensure_export(card, models)
    return export.graph, export.reason


def _torch(card: "ModelCard", fingerprint: str, models: ModelsConfig) -> Embedder:
    if card.ready_onnx:
        raise BackendError(f"{card.files.name!r} is published as ONNX only", hint="set index.embedder.runtime to auto")
    from ragcli.models.torch import TorchEmbedder

    return TorchEmbedder(card, fingerprint, models.threads, gpu() or "cpu")


@cache
def gpu() -> str:
    """The device torch can use, if any. Without a device file torch is not even imported."""
    if not any(Path(device).exists() for device in _GPU_DEVICES):
        return ""
    import torch

    return "cuda" if torch.cuda.is_available() else ""
