"""BERTScore (Zhang et al. 2020) by the bert-score package, with a cache that holds what it has computed before.

Without idf weights and without rescaling. An empty answer scores 0; bert-score itself fails on it.
"""

import importlib.metadata
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from ragcli.config.judge import BertScoreConfig
from ragcli.config.models import ModelsConfig
from ragcli.errors import BackendError, ConfigError
from ragcli.evaluate.answers.cache import AnswerCache
from ragcli.models.files import digest
from ragcli.models.locate import ModelFiles, locate, weight_files
from ragcli.records import JsonValue

Pair: TypeAlias = tuple[str, str]

_SHAPING = ("config.json", "tokenizer.json", "tokenizer_config.json")


class BertScore(NamedTuple):
    """Precision, recall and their harmonic mean."""

    precision: float
    recall: float
    f1: float


_ZERO = BertScore(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class BertScorer:
    """Scores answers against references. Files are found on first use; the model is loaded for unknown pairs only."""

    config: BertScoreConfig
    models: ModelsConfig
    cache: AnswerCache

    @property
    def note(self) -> str:
        """What must stand beside every score."""
        return f"{self._files.name}, layer {self.layer}, no idf, not rescaled, bert-score {_version()}"

    @cached_property
    def layer(self) -> int:
        """The layer whose vectors are compared.

        Raises:
            ConfigError: The model has no such layer.
        """
        last = self._layers
        if self.config.layer is not None and self.config.layer > last:
            raise ConfigError(f"bertscore.layer is {self.config.layer}, {self.config.model} has {last} layers")
        return self.config.layer or last

    def score(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[BertScore]:
        """Each answer against its references: the highest precision, recall and F1, as bert-score takes them.

        Args:
            answers: Empty ones score 0.
            references: At least one for each answer, none of them empty.

        Raises:
            MissingModelError: The model is nowhere on this machine.
            BackendError: It cannot be loaded or run.
        """
        pairs = [(answer, own) for answer, texts in zip(answers, references, strict=True) for own in texts]
        scored = self._score_pairs([pair for pair in dict.fromkeys(pairs) if pair[0].strip()])
        return [
            _best([scored.get((answer, own), _ZERO) for own in texts])
            for answer, texts in zip(answers, references, strict=True)
        ]

    def _score_pairs(self, pairs: Sequence[Pair]) -> dict[Pair, BertScore]:
        keys = {pair: AnswerCache.key("bertscore", _version(), self._identity, self.layer, *pair) for pair in pairs}
        stored = self.cache.find(list(keys.values()))
        known = {pair: found for pair, key in keys.items() if (found := _stored(stored.get(key))) is not None}
        if missing := [pair for pair in pairs if pair not in known]:
            fresh = dict(zip(missing, self._compute(missing), strict=True))
            self.cache.store({keys[pair]: list(score) for pair, score in fresh.items()})
            known |= fresh
        return known

    def _compute(self, pairs: Sequence[Pair]) -> list[BertScore]:
        """What ``bert_score.score`` does, with safetensors from this machine only."""
        try:
            import torch
            from bert_score.utils import bert_cos_score_idf, get_tokenizer
        except ImportError as error:
            raise BackendError(f"bert-score cannot be imported: {error}", hint="pip install bert-score") from error
        if self.models.threads:
            torch.set_num_threads(self.models.threads)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        answers, references = (list(texts) for texts in zip(*pairs, strict=True))
        try:
            tokenizer = get_tokenizer(str(self._files.folder))
            weights: defaultdict[int, float] = defaultdict(lambda: 1.0)
            weights[tokenizer.sep_token_id] = weights[tokenizer.cls_token_id] = 0.0
            found = bert_cos_score_idf(
                self._model().to(device), references, answers, tokenizer, weights,
                device=device, batch_size=self.config.batch_size,
            )  # fmt: skip
        except (OSError, ValueError, KeyError, AttributeError, TypeError, IndexError, RuntimeError) as error:
            raise BackendError(f"bert-score failed on {self._files.name!r}: {error}") from error
        return [BertScore(*row) for row in found.tolist()]

    def _model(self) -> Any:  # a model of transformers; it stays unimported here
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        model = AutoModel.from_pretrained(
            str(self._files.folder), local_files_only=True, trust_remote_code=False, use_safetensors=True
        )
        blocks = getattr(getattr(model, "encoder", None), "layer", None)
        if blocks is not None:
            model.encoder.layer = blocks[: self.layer]
        elif self.layer != self._layers:
            raise BackendError(
                f"{self._files.name!r} cannot be cut at layer {self.layer}: it is not built like BERT",
                hint="leave bertscore.layer unset to take the last",
            )
        return model.eval()

    @cached_property
    def _files(self) -> ModelFiles:
        return locate(self.config.model, self.config.revision, self.models)

    @cached_property
    def _layers(self) -> int:
        path = self._files.folder / "config.json"
        try:
            return int(json.loads(path.read_bytes())["num_hidden_layers"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackendError(
                f"{self._files.name!r} does not say how many layers it has: {path}: {error}",
                hint="bertscore.model must be a BERT-like model with weights for torch",
            ) from error

    @cached_property
    def _identity(self) -> list[str]:
        """Digests of all files that shape a vector."""
        folder = self._files.folder
        weights = next(weight_files(folder))
        parts = sorted(folder.glob("*.safetensors")) if weights.suffix == ".json" else [weights]
        own = [folder / name for name in _SHAPING if (folder / name).is_file()]
        return [digest(path, self.models) for path in (*parts, *own)]


def _best(scores: Sequence[BertScore]) -> BertScore:
    return BertScore(*(max(column) for column in zip(*scores, strict=True)))


def _stored(value: JsonValue) -> BertScore | None:
    if isinstance(value, list) and len(value) == 3 and all(isinstance(part, float) for part in value):
        precision, recall, f1 = (part for part in value if isinstance(part, float))
        return BertScore(precision, recall, f1)
    return None


def _version() -> str:
    return importlib.metadata.version("bert-score")
