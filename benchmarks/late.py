"""Late chunking (Günther et al. 2024): a chunk's vector is the mean of its tokens' states inside its surroundings."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ragcli.config.index import SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.models.card import read_card
from ragcli.models.export import ensure_export
from ragcli.models.locate import locate
from ragcli.models.sessions import hidden_states, normalise, open_session
from ragcli.models.vocabulary import encode_head, load_tokenizer, padding_id


class SpanEmbedder:
    """Unit vectors of character ranges inside texts, by a model that runs on onnxruntime."""

    def __init__(self, config: SentenceTransformersConfig, models: ModelsConfig) -> None:
        card = read_card(locate(config.model, "", models), config)
        graph = ensure_export(card, models).graph
        if graph is None:
            raise SystemExit("late chunking is measured with the ONNX runtime, which this model does not run on")
        self._session = open_session(graph, bulk=True)
        self._max_tokens = card.max_tokens
        self._tokenizer = load_tokenizer(card.tokenizer)
        self._tokenizer.enable_truncation(card.max_tokens)

    def embed(self, texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
        """One vector a text, [n, d]: the mean over the tokens that overlap its span; over all where none does."""
        with ThreadPoolExecutor() as workers:
            return np.concatenate(list(workers.map(self._one, texts, spans)))

    def _one(self, text: str, span: tuple[int, int]) -> NDArray[np.float32]:
        encoding = encode_head(self._tokenizer, text, self._max_tokens)
        (states,), _ = hidden_states(self._session, [encoding.ids], padding_id(self._tokenizer))
        inside = [place for place, (start, end) in enumerate(encoding.offsets)
                  if start < span[1] and end > span[0] and end > start]  # fmt: skip
        return normalise((states[inside] if inside else states).mean(axis=0, keepdims=True))
