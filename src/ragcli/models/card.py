"""What a model's own files say about how it is to be used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

from ragcli.config.index import SentenceTransformersConfig
from ragcli.errors import DataError
from ragcli.models.locate import ModelFiles, weight_files

Pooling: TypeAlias = Literal["mean", "cls", "max", "lasttoken", "mean_sqrt_len_tokens"]

_DEFAULT_MAX_TOKENS = 512
_BGE_QUERY = "Represent this sentence for searching relevant passages: "
# Prompts of models whose files carry none; from their model cards. Matched by the start of the hub name.
_KNOWN_PROMPTS = {
    "BAAI/bge-small-en": (_BGE_QUERY, ""),
    "BAAI/bge-base-en": (_BGE_QUERY, ""),
    "BAAI/bge-large-en": (_BGE_QUERY, ""),
    "intfloat/e5-": ("query: ", "passage: "),
    "intfloat/multilingual-e5-": ("query: ", "passage: "),
}
# Pooling of models whose packaged copy carries only weights and tokenizer.
_KNOWN_POOLING: dict[str, Pooling] = {"BAAI/bge-": "cls"}


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything but the weights that shapes a model's vectors.

    Attributes:
        weights: The preferred weight file (safetensors, its index, or ONNX).
        dimension: Length of a vector, where only the transformer decides it.
        max_tokens: Longest input, special tokens and prefix included.
        torch_reason: Why only sentence-transformers itself can run the model; empty when ONNX can.
    """

    files: ModelFiles
    weights: Path
    tokenizer: Path
    dimension: int
    pooling: Pooling
    max_tokens: int
    query_prefix: str
    document_prefix: str
    torch_reason: str

    @property
    def ready_onnx(self) -> bool:
        """Whether the weights are published as ONNX and run as they are."""
        return self.weights.suffix == ".onnx"


def read_card(files: ModelFiles, config: SentenceTransformersConfig) -> ModelCard:
    """Read a model folder; settings of the configuration win over the model's own.

    Raises:
        DataError: One of the model's files is damaged.
    """
    folder = files.folder
    model = read_object(folder / "config.json")
    weights = next(weight_files(folder))
    modules = _modules(folder)
    pooling, pooling_reason = _pooling(files, modules)
    query, document = _prompts(files)
    return ModelCard(
        files=files,
        weights=weights,
        tokenizer=folder / "tokenizer.json",
        dimension=_dimension(folder / "config.json", model),
        pooling=pooling,
        max_tokens=config.max_tokens or longest_input(folder, model),
        query_prefix=query if config.query_prefix is None else config.query_prefix,
        document_prefix=document if config.document_prefix is None else config.document_prefix,
        torch_reason=_torch_reason(folder, modules) or pooling_reason,
    )


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object from a model's file; empty where there is no such file.

    Raises:
        DataError: It is damaged.
    """
    value = _read_json(path, {})
    if not isinstance(value, dict):
        raise DataError(f"{path} must hold a JSON object", hint="the model's files are damaged: fetch them again")
    return value


def _read_json(path: Path, default: object) -> object:
    try:
        return cast("object", json.loads(path.read_bytes()))
    except FileNotFoundError:
        return default
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read: {error}", hint="the model's files are damaged: fetch them again"
        ) from error


def _modules(folder: Path) -> list[tuple[str, str]]:
    """The sentence-transformers pipeline as (kind, folder); mean pooling without one, as the library does."""
    entries = _read_json(folder / "modules.json", [])
    if not isinstance(entries, list):
        raise DataError(f"{folder / 'modules.json'} must hold a list")
    return [
        (str(entry.get("type", "")).rsplit(".", 1)[-1], str(entry.get("path", "")))
        for entry in entries
        if isinstance(entry, dict)
    ]


def _pooling(files: ModelFiles, modules: list[tuple[str, str]]) -> tuple[Pooling, str]:
    """Pooling mode, and why it needs torch if it does."""
    path = next((path for kind, path in modules if kind == "Pooling"), None)
    if path is None:
        return next((mode for start, mode in _KNOWN_POOLING.items() if files.name.startswith(start)), "mean"), ""
    config = read_object(files.folder / path / "config.json")
    modes = _pooling_modes(config)
    if len(modes) != 1 or modes[0] not in get_args(Pooling):
        return "mean", f"pooling {'+'.join(modes) or 'unknown'}"
    if config.get("include_prompt") is False:
        return "mean", "the prompt is left out of pooling"
    return cast("Pooling", modes[0]), ""


def _pooling_modes(config: dict[str, Any]) -> list[str]:
    """Modes named by a pooling module, in its new (``pooling_mode``) or old (one flag each) form."""
    mode = config.get("pooling_mode")
    if mode is not None:
        return [mode] if isinstance(mode, str) else [str(part) for part in mode]
    names = {
        "pooling_mode_cls_token": "cls",
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_max_tokens": "max",
        "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
        "pooling_mode_weightedmean_tokens": "weightedmean",
        "pooling_mode_lasttoken": "lasttoken",
    }
    return [name for key, name in names.items() if config.get(key)]


def _torch_reason(folder: Path, modules: list[tuple[str, str]]) -> str:
    unusual = [kind for kind, _ in modules if kind not in {"Transformer", "Pooling", "Normalize"}]
    if unusual:
        return f"module {unusual[0]}"
    if modules and modules[0] != ("Transformer", ""):
        return "the transformer is not in the model's main folder"
    if read_object(folder / "sentence_bert_config.json").get("do_lower_case"):
        return "lower-casing before the tokenizer"
    if "auto_map" in read_object(folder / "config.json"):
        return "code of its own"
    return ""


def _dimension(path: Path, model: dict[str, Any]) -> int:
    for key in ("hidden_size", "d_model", "dim", "n_embd"):
        if isinstance(model.get(key), int):
            return int(model[key])
    raise DataError(f"{path} does not say how long a vector is (hidden_size)", hint="fetch the model again")


def longest_input(folder: Path, model: Mapping[str, Any]) -> int:
    """The sentence-transformers limit, or the smaller one of tokenizer and position table."""
    own = read_object(folder / "sentence_bert_config.json").get("max_seq_length")
    if isinstance(own, int) and own > 0:
        return own
    limits = [read_object(folder / "tokenizer_config.json").get("model_max_length"), _positions(model)]
    known = [int(limit) for limit in limits if isinstance(limit, (int, float)) and 0 < limit < 1_000_000]
    return min(known, default=_DEFAULT_MAX_TOKENS)


def _positions(model: Mapping[str, Any]) -> int | None:
    positions = model.get("max_position_embeddings")
    if not isinstance(positions, int):
        return None
    # RoBERTa and its kin count positions from the padding id plus one.
    offset = 2 if model.get("model_type") in {"roberta", "xlm-roberta", "camembert", "mpnet"} else 0
    return positions - offset


def _prompts(files: ModelFiles) -> tuple[str, str]:
    """Query and document prompt, as ``encode_query`` and ``encode_document`` of sentence-transformers choose them."""
    config = read_object(files.folder / "config_sentence_transformers.json")
    prompts = config.get("prompts")
    if isinstance(prompts, dict) and any(prompts.values()):
        document = next((prompts[name] for name in ("document", "passage", "corpus") if prompts.get(name)), "")
        return str(prompts.get("query") or ""), str(document)
    for start, known in _KNOWN_PROMPTS.items():
        if files.name.startswith(start):
            return known
    return "", ""
