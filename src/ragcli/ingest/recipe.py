"""Everything that shapes what is made of the files of a source, and its fingerprints."""

from dataclasses import dataclass, field
from typing import assert_never

from ragcli.config.fingerprint import fingerprint
from ragcli.config.index import (
    EmbedderConfig,
    HashingEmbedderConfig,
    NoEmbedderConfig,
    OpenAIEmbedderConfig,
    SentenceTransformersConfig,
)
from ragcli.config.ingest import ChunkerConfig, LimitsConfig, LoadersConfig
from ragcli.config.models import ModelsConfig
from ragcli.config.settings import Config
from ragcli.ingest.chunkers import Chunker
from ragcli.ingest.sources import Source
from ragcli.records import DocumentType, Metadata

INGEST_VERSION = 1
"""Raised whenever a loader or chunker makes something else of the same file: everything is then read anew."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that shapes what is made of the files of a source."""

    source: str
    chunker: ChunkerConfig
    loaders: LoadersConfig
    limits: LimitsConfig
    tokenizer: str
    embedder: EmbedderConfig
    models: ModelsConfig = field(default_factory=ModelsConfig)
    metadata: Metadata = field(default_factory=dict)

    def settings(self, type: DocumentType | None) -> str:
        """Fingerprint of all of it: a file read under another one is read again."""
        return fingerprint(self.cutting(), self.loaders, self.limits, dict(self.metadata), type)

    def cutting(self) -> str:
        """Fingerprint of what decides how a document is cut: a document cut under the same one keeps its chunks."""
        return fingerprint(INGEST_VERSION, self.chunker, self.tokenizer, _shaping(self.embedder))


def recipe_of(config: Config, source: Source) -> Recipe:
    """The recipe of a source: its own settings where it has some, the common ones otherwise."""
    ingest = config.ingest
    return Recipe(
        source=source.name,
        chunker=source.settings.chunker or ingest.chunker,
        loaders=source.settings.loaders or ingest.loaders,
        limits=ingest.limits,
        tokenizer=ingest.tokenizer,
        embedder=config.index.embedder,
        models=config.models,
        metadata=source.settings.metadata,
    )


def chunker_of(recipe: Recipe) -> Chunker:
    """The chunker of a recipe, with the token counter and the embedder's limit it needs."""
    from ragcli.ingest.chunkers.build import build_chunker
    from ragcli.models.build import token_limit
    from ragcli.models.tokens import build_token_counter

    counter = build_token_counter(recipe.tokenizer, recipe.embedder, recipe.models)
    return build_chunker(recipe.chunker, counter, token_limit(recipe.embedder, recipe.models))


def _shaping(embedder: EmbedderConfig) -> tuple[object, ...]:
    """What of an embedder's settings decides on tokens and their limit; read without opening the model."""
    match embedder:
        case SentenceTransformersConfig():
            return (
                embedder.kind,
                embedder.model,
                embedder.revision,
                embedder.max_tokens,
                embedder.document_prefix,
            )
        case OpenAIEmbedderConfig():
            return (embedder.kind, embedder.model, embedder.max_tokens)
        case HashingEmbedderConfig() | NoEmbedderConfig():
            return ("words",)
        case _:
            assert_never(embedder)
