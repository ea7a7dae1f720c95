"""Score pairs with sentence-transformers on torch: for a GPU, and for models that ONNX cannot run exactly."""

import os
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import BackendError
from ragcli.models.cross_encoders.card import PairCard
from ragcli.models.vocabulary import readable

_BATCH_PAIRS = 32


class TorchCrossEncoder:
    """A sentence-transformers CrossEncoder on torch."""

    def __init__(self, card: PairCard, fingerprint: str, threads: int = 0, device: str = "cpu") -> None:
        self._card = card
        self._fingerprint = fingerprint
        self._threads = threads or len(os.sched_getaffinity(0))
        self._device = device
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """Identity of weights, tokenizer, limit and activation."""
        return self._fingerprint

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._card.files.name

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Scores of (question, text) pairs in their order, shape [n]."""
        if not pairs:
            return np.empty(0, dtype=np.float32)
        rows = [[readable(question), readable(text)] for question, text in pairs]
        scores = self._model.predict(rows, batch_size=_BATCH_PAIRS, show_progress_bar=False, convert_to_numpy=True)
        found = np.asarray(scores, dtype=np.float32)
        if found.shape != (len(pairs),) or not np.isfinite(found).all():
            raise BackendError(f"{self.name!r} gave something that is not one score a pair")
        return found

    @cached_property
    def _model(self) -> Any:  # a sentence-transformers CrossEncoder; it stays unimported here
        with self._lock:
            import torch
            from sentence_transformers import CrossEncoder
            from transformers.utils import logging

            logging.set_verbosity_error()
            logging.disable_progress_bar()
            if self._device == "cpu":
                torch.set_num_threads(self._threads)
            try:
                return CrossEncoder(
                    str(self._card.files.folder),
                    device=self._device,
                    max_length=self._card.max_tokens,
                    local_files_only=True,
                    trust_remote_code=False,
                    model_kwargs={"use_safetensors": True},
                )
            except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
                raise BackendError(f"sentence-transformers cannot load {self.name!r}: {error}") from error
