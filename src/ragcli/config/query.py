"""Settings of retrieval."""

from typing import Annotated, Literal

from pydantic import Field

from ragcli.config.answer import AnswererConfig, ExtractiveAnswererConfig
from ragcli.config.base import Settings
from ragcli.config.expand import ExpandConfig, NoExpansionConfig
from ragcli.config.narrow import NarrowConfig, NoNarrowingConfig, NoSurroundingsConfig, SurroundingsConfig
from ragcli.config.pack import PackConfig
from ragcli.config.rerank import NoRerankerConfig, RerankConfig


class RrfConfig(Settings):
    """Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009)."""

    kind: Literal["rrf"] = "rrf"
    k: int = Field(default=60, ge=1)
    dense_weight: float = Field(default=0.5, ge=0, le=1)
    """Share of the dense arm; 0.5 is the plain rule."""


class MinMaxConfig(Settings):
    """Convex combination of scores normalised to [0, 1] per arm and query; each arm scores what the other one finds."""

    kind: Literal["minmax"] = "minmax"
    dense_weight: float = Field(default=0.6, ge=0, le=1)
    """Share of the dense arm; docs/quality.md has the figures it follows from."""


class DbsfConfig(Settings):
    """Distribution-based score fusion: normalised by mean and three standard deviations."""

    kind: Literal["dbsf"] = "dbsf"
    dense_weight: float = Field(default=0.5, ge=0, le=1)


FusionConfig = Annotated[RrfConfig | MinMaxConfig | DbsfConfig, Field(discriminator="kind")]

Strategy = Literal["dense", "lexical", "hybrid", "auto"]


class QueryConfig(Settings):
    """From a question to ranked hits, and on to an answer."""

    strategy: Strategy = "hybrid"
    """An index without vectors or without a lexical part serves what it has when this is ``hybrid`` or ``auto``.
    ``auto`` asks for identifiers, codes and quoted phrases by words alone, and everything else both ways."""
    top_k: int = Field(default=10, ge=1, le=10_000)
    """How many results."""
    candidates: int = Field(default=100, ge=1, le=100_000)
    """How many results of each arm are considered before fusion."""
    expand: ExpandConfig = NoExpansionConfig.defaults()
    narrow: NarrowConfig = NoNarrowingConfig.defaults()
    fusion: FusionConfig = MinMaxConfig.defaults()
    rerank: RerankConfig = NoRerankerConfig.defaults()
    group_by: Literal["chunk", "document"] = "chunk"
    """``document`` keeps the best chunk of each document."""
    surroundings: SurroundingsConfig = NoSurroundingsConfig.defaults()
    where: tuple[str, ...] = ()
    """Metadata filters such as ``type=markdown``; all must hold."""
    require_fresh: bool = True
    """Refuse to answer (status 5) from an index that lacks ingested changes. Otherwise, and while a run is at work or
    was cut short, and after a rollback, it is a warning."""
    pack: PackConfig = PackConfig.defaults()
    answer: AnswererConfig = ExtractiveAnswererConfig.defaults()
