"""Settings of reranking: a second, closer look at the first candidates."""

from typing import Annotated, Literal

from pydantic import Field

from ragcli.config.base import Settings
from ragcli.config.endpoint import EndpointSettings
from ragcli.config.index import EmbedderConfig, SentenceTransformersConfig

DEFAULT_CROSS_ENCODER = "cross-encoder/ms-marco-MiniLM-L-12-v2"
DEFAULT_RANKING_MODEL = "sentence-transformers/all-mpnet-base-v2"


class NoRerankerConfig(Settings):
    """The order of retrieval stands."""

    kind: Literal["none"] = "none"


class _Reranker(Settings):
    """What all rerankers share."""

    candidates: int = Field(default=50, ge=1, le=10_000)
    """How many of the first results are looked at again; those behind keep their order."""
    diversity: float = Field(default=0, ge=0, lt=1)
    """Share that unlikeness to the results above has in the order (MMR, Carbonell and Goldstein 1998); 0 for none.
    Needs an index with vectors."""


class _Scorer(_Reranker):
    """What all rerankers share that score a question with a text."""

    time_limit_ms: float | None = Field(default=None, gt=0)
    """A question that takes longer keeps the order of retrieval, and a warning says so. A batch has the sum of what its
    questions have; scores that were finished are kept for the next time."""
    first_stage_weight: float = Field(default=0, ge=0, le=1)
    """Share of the score of retrieval; both are normalised to [0, 1] over the candidates. At 0 the reranker's score
    stands alone and as it is."""


class CrossEncoderConfig(_Scorer):
    """A model that reads question and text together; any sentence-transformers CrossEncoder with one output."""

    kind: Literal["cross-encoder"] = "cross-encoder"
    model: str = DEFAULT_CROSS_ENCODER
    """Hub name, path of the model folder, or path of an ONNX file beside its tokenizer.json."""
    revision: str = ""
    """Hub revision (commit) to pin; empty takes the default branch."""
    runtime: Literal["auto", "onnx", "torch"] = "auto"
    """``auto``: torch on a GPU, otherwise ONNX where the export is exact, otherwise torch."""
    max_tokens: int | None = Field(default=None, ge=8)
    """Longest pair, special tokens included; the model's own limit unless set."""


class RankingModelConfig(_Scorer):
    """A second, larger embedder than the index's: the cosine of question and text."""

    kind: Literal["embedder"] = "embedder"
    embedder: EmbedderConfig = SentenceTransformersConfig.defaults(model=DEFAULT_RANKING_MODEL)


class RerankEndpointConfig(_Scorer, EndpointSettings):
    """A ``/rerank`` endpoint as Jina, Cohere, llama.cpp, vLLM and others have it.

    The key is read from RAGCLI_RERANKER_API_KEY.
    """

    kind: Literal["endpoint"] = "endpoint"
    model: str = "jina-reranker-v2-base-multilingual"
    base_url: str = "https://api.jina.ai/v1"
    """What stands before ``/rerank``."""
    batch_size: int = Field(default=100, ge=1, le=1000)
    """Texts per request; each request has one question."""
    timeout_s: float = Field(default=30.0, gt=0, le=3600)


class MmrConfig(_Reranker):
    """No other score, only diversity."""

    kind: Literal["mmr"] = "mmr"
    diversity: float = Field(default=0.3, ge=0, lt=1)
    """Share that unlikeness to the results above has in the order."""


ScorerConfig = CrossEncoderConfig | RankingModelConfig | RerankEndpointConfig
RerankConfig = Annotated[
    NoRerankerConfig | CrossEncoderConfig | RankingModelConfig | RerankEndpointConfig | MmrConfig,
    Field(discriminator="kind"),
]
