"""Build the cross-encoder that a configuration asks for."""

from typing import TYPE_CHECKING, assert_never

from ragcli.config.models import ModelsConfig
from ragcli.config.rerank import CrossEncoderConfig, RankingModelConfig, RerankEndpointConfig, ScorerConfig
from ragcli.errors import BackendError, ConfigError
from ragcli.models import CrossEncoder
from ragcli.models.build import build_embedder, gpu

if TYPE_CHECKING:
    from ragcli.models.cross_encoders.card import PairCard


def build_cross_encoder(config: ScorerConfig, models: ModelsConfig) -> CrossEncoder:
    """Whatever scores pairs. Files are found and, once, exported; sessions open on first use.

    Raises:
        ConfigError: The embedder that should score is none.
        MissingModelError: The model is nowhere on this machine.
        DataError: It is no cross-encoder.
        BackendError: The runtime asked for cannot run the model.
    """
    match config:
        case CrossEncoderConfig():
            return _local(config, models)
        case RankingModelConfig():
            if config.embedder.kind == "none":
                raise ConfigError(
                    "query.rerank.embedder.kind is 'none': there is nothing that scores", hint="name an embedder"
                )
            from ragcli.models.cross_encoders.bi_encoder import BiEncoder

            return BiEncoder(build_embedder(config.embedder, models))
        case RerankEndpointConfig():
            from ragcli.models.cross_encoders.endpoint import EndpointCrossEncoder

            return EndpointCrossEncoder(config)
        case _:
            assert_never(config)


def _local(config: CrossEncoderConfig, models: ModelsConfig) -> CrossEncoder:
    from ragcli.models.cross_encoders.card import find_card

    card = find_card(config, models)
    if config.runtime == "torch" or (config.runtime == "auto" and gpu() and not card.ready_onnx):
        return _torch(card, models)
    from ragcli.models.cross_encoders.graph import ensure_graph

    graph = ensure_graph(card, models)
    if graph.path is not None:
        from ragcli.models.cross_encoders.onnx import OnnxCrossEncoder

        return OnnxCrossEncoder(card, graph, models)
    if config.runtime == "onnx":
        raise BackendError(
            f"{config.model!r} cannot run on ONNX exactly: {graph.reason}",
            hint="set query.rerank.runtime to auto or torch",
        )
    return _torch(card, models)


def _torch(card: "PairCard", models: ModelsConfig) -> CrossEncoder:
    if card.ready_onnx:
        raise BackendError(f"{card.files.name!r} is published as ONNX only", hint="set query.rerank.runtime to auto")
    from ragcli.models.cross_encoders.torch import TorchCrossEncoder

    return TorchCrossEncoder(card, card.fingerprint(models), models.threads, gpu() or "cpu")
