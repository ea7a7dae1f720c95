"""What a cross-encoder's own files say about how it is to be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ragcli.config.models import ModelsConfig
from ragcli.config.rerank import DEFAULT_CROSS_ENCODER, CrossEncoderConfig
from ragcli.errors import DataError, MissingModelError
from ragcli.models.card import longest_input, read_object
from ragcli.models.files import digest
from ragcli.models.fingerprints import hash_parts
from ragcli.models.locate import PACKAGED, ModelFiles, locate, weight_files

Activation: TypeAlias = Literal["identity", "sigmoid"]

# Counted up when the same files and settings come to give other scores.
_VERSION = 1
_HINT = f"give a sentence-transformers CrossEncoder with one output, such as {DEFAULT_CROSS_ENCODER}"
_CLASSIFIER = "ForSequenceClassification"
# Models whose packaged copy carries no settings give their scores as they are.
_KNOWN_IDENTITY = "cross-encoder/ms-marco-"


@dataclass(frozen=True, slots=True)
class PairCard:
    """Everything but the weights that shapes a cross-encoder's scores.

    Attributes:
        settings: The model's config.json; empty for an ONNX file without one.
        max_tokens: Longest pair, special tokens included.
        activation: What makes a score of the model's output.
        torch_reason: Why only sentence-transformers itself can run the model; empty when ONNX can.
    """

    files: ModelFiles
    weights: Path
    tokenizer: Path
    settings: Mapping[str, Any]
    max_tokens: int
    activation: Activation
    torch_reason: str

    @property
    def ready_onnx(self) -> bool:
        """Whether the weights are published as ONNX."""
        return self.weights.suffix == ".onnx"

    def shaping_paths(self) -> list[Path]:
        """Tokenizer and weights."""
        paths = [self.tokenizer, self.weights, *sorted(self.weights.parent.glob(f"{self.weights.name}[._]data"))]
        return paths + (sorted(self.files.folder.glob("*.safetensors")) if self.weights.suffix == ".json" else [])

    def fingerprint(self, models: ModelsConfig) -> str:
        """Identity of weights, tokenizer, limit and activation; the same for every exact runtime."""
        digests = [digest(path, models) for path in self.shaping_paths()]
        return hash_parts("cross-encoder", _VERSION, digests, self.max_tokens, self.activation, self.torch_reason)


def find_card(config: CrossEncoderConfig, models: ModelsConfig) -> PairCard:
    """Find a model and read its files.

    Raises:
        MissingModelError: It is nowhere on this machine and cannot be fetched.
        DataError: Its files are damaged, or it is no cross-encoder with one output.
    """
    path = Path(config.model).expanduser()
    if path.suffix == ".onnx" and path.is_file():
        if not (path.parent / "tokenizer.json").is_file():
            raise MissingModelError(f"there is no tokenizer.json beside {path}", hint=_HINT)
        return _read(ModelFiles(str(path.resolve()), path.parent, "path"), path, config)
    try:
        files = locate(config.model, config.revision, models)
    except MissingModelError as error:
        if config.model == DEFAULT_CROSS_ENCODER:
            raise
        raise MissingModelError(error.message, hint=f"{error.hint}; {DEFAULT_CROSS_ENCODER} needs no hub") from error
    return read_pair_card(files, config)


def read_pair_card(files: ModelFiles, config: CrossEncoderConfig | None = None) -> PairCard:
    """Read the files of a model that was found; the limit is its own unless configured.

    Raises:
        DataError: They are damaged, or it is no cross-encoder with one output.
    """
    return _read(files, next(weight_files(files.folder)), config or CrossEncoderConfig())


def is_cross_encoder(files: ModelFiles) -> bool:
    """Whether a model reads pairs, by what its own files say; of a packaged copy, by what it is known for."""
    if files.name in PACKAGED:
        return PACKAGED[files.name].task == "cross-encoder"
    return _architecture(read_object(files.folder / "config.json")).endswith(_CLASSIFIER)


def _read(files: ModelFiles, weights: Path, config: CrossEncoderConfig) -> PairCard:
    settings = read_object(files.folder / "config.json")
    _check(files.name, settings)
    activation, reason = _activation(files.name, settings)
    return PairCard(
        files=files,
        weights=weights,
        tokenizer=files.folder / "tokenizer.json",
        settings=settings,
        max_tokens=config.max_tokens or longest_input(files.folder, settings),
        activation=activation,
        torch_reason=reason or ("code of its own" if "auto_map" in settings else ""),
    )


def _check(name: str, settings: Mapping[str, Any]) -> None:
    if not settings:
        return  # an ONNX file alone: what it gives is checked when it runs
    kind = _architecture(settings)
    if not kind.endswith(_CLASSIFIER):
        raise DataError(f"{name!r} is no cross-encoder: its architecture is {kind or 'not told'}", hint=_HINT)
    labels = len(settings["id2label"]) if "id2label" in settings else int(settings.get("num_labels", 2))
    if labels != 1:
        raise DataError(f"{name!r} gives {labels} numbers a pair, and ranking needs one", hint=_HINT)


def _architecture(settings: Mapping[str, Any]) -> str:
    kinds = settings.get("architectures")
    return str(kinds[0]) if isinstance(kinds, list) and kinds else ""


def _activation(name: str, settings: Mapping[str, Any]) -> tuple[Activation, str]:
    """The activation as sentence-transformers chooses it, and why it needs torch if it does."""
    own = settings.get("sentence_transformers")
    path = own.get("activation_fn") if isinstance(own, Mapping) else None
    path = path or settings.get("sbert_ce_default_activation_function")
    if path is None:
        known = not settings and (name.startswith(_KNOWN_IDENTITY) or Path(name).suffix == ".onnx")
        return ("identity" if known else "sigmoid"), ""
    match str(path).rsplit(".", 1)[-1]:
        case "Identity":
            return "identity", ""
        case "Sigmoid":
            return "sigmoid", ""
        case other:
            return "identity", f"activation {other}"
