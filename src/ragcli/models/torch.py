"""Embed texts with sentence-transformers on torch: for a GPU, and for models that ONNX cannot run exactly."""

import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import BackendError
from ragcli.models.card import ModelCard
from ragcli.models.sessions import normalise
from ragcli.models.vocabulary import shared_tokenizer, text_limit

_BATCH_TEXTS = 32


def load_transformer(folder: Path, head: str = "AutoModel") -> Any:  # a torch module; torch stays unimported here
    """The bare model of a folder in float32, from safetensors only, never running code it came with.

    Args:
        folder: Where it is.
        head: The class of transformers that loads it: ``AutoModel``, ``AutoModelForSequenceClassification``.

    Raises:
        BackendError: transformers cannot load it.
    """
    import torch
    import transformers
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        transformer = getattr(transformers, head).from_pretrained(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="eager",
            dtype=torch.float32,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise BackendError(f"transformers cannot load {folder}: {error}") from error
    return transformer.eval()


class TorchEmbedder:
    """A sentence-transformers model on torch."""

    def __init__(self, card: ModelCard, fingerprint: str, threads: int = 0, device: str = "cpu") -> None:
        self._card = card
        self._fingerprint = fingerprint
        self._threads = threads or len(os.sched_getaffinity(0))
        self._device = device
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Identity of weights, tokenizer, pooling, prefixes and limits."""
        return self._fingerprint

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._card.files.name

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        if not self._card.torch_reason:
            return self._card.dimension
        return int(self._model.get_embedding_dimension())

    @cached_property
    def max_tokens(self) -> int:
        """Longest document in tokens, special tokens and prefix taken off."""
        tokenizer = shared_tokenizer(self._card.tokenizer)
        return text_limit(tokenizer, self._card.max_tokens, self._card.document_prefix)

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of document texts in their order, shape [n, dimension]."""
        return self._embed(texts, self._card.document_prefix)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of questions in their order, shape [n, dimension]."""
        return self._embed(texts, self._card.query_prefix)

    def _embed(self, texts: Sequence[str], prefix: str) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        vectors = self._model.encode(
            list(texts), prompt=prefix, batch_size=_BATCH_TEXTS, show_progress_bar=False, convert_to_numpy=True
        )
        return normalise(np.asarray(vectors, dtype=np.float32))

    @cached_property
    def _model(self) -> Any:  # a SentenceTransformer; it stays unimported here
        with self._lock:
            import torch
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            logging.set_verbosity_error()
            logging.disable_progress_bar()
            if self._device == "cpu":
                torch.set_num_threads(self._threads)
            try:
                model = SentenceTransformer(
                    str(self._card.files.folder),
                    device=self._device,
                    local_files_only=True,
                    trust_remote_code=False,
                    model_kwargs={"use_safetensors": True},
                )
            except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
                raise BackendError(f"sentence-transformers cannot load {self.name!r}: {error}") from error
            model.max_seq_length = self._card.max_tokens
            return model
