"""Everything that shapes what is made of the files of a source, and its fingerprints."""

from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import assert_never, get_args

from ragcli.config.fingerprint import fingerprint
from ragcli.config.index import (
    EmbedderConfig,
    HashingEmbedderConfig,
    NoEmbedderConfig,
    OpenAIEmbedderConfig,
    SentenceTransformersConfig,
)
from ragcli.config.ingest import AutoChunkerConfig, ChunkerConfig, LimitsConfig, LoadersConfig, SourceConfig
from ragcli.config.models import ModelsConfig
from ragcli.config.settings import Config
from ragcli.ingest.chunkers import Chunker
from ragcli.ingest.sources import Source, configured_sources
from ragcli.records import DocumentType, Metadata
from ragcli.workspace.ledger import Ledger

INGEST_VERSION = 4
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
        embedder = (self.embedder,) if _reads_meaning(self.chunker) else _shaping(self.embedder)
        return fingerprint(INGEST_VERSION, self.chunker, self.tokenizer, embedder)


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


def outdated_sources(config: Config, ledger: Ledger) -> list[str]:
    """Names of the sources that an ingest run with this configuration would read anew, because it has other settings.

    A source that the configuration does not list is held against the common settings.
    """
    configured, outdated = configured_sources(config.ingest), []
    read = ledger.settings_by_source()
    for row in ledger.sources().values():
        source = configured.get(row.name)
        if source is None:
            root = Path(row.root)
            source = Source(row.name, root, row.origin, SourceConfig.defaults(path=root))
        recipe = recipe_of(config, source)
        # Of a file that was given by itself, nobody remembers as what type it was to be read.
        fitting = {recipe.settings(type) for type in (None, *get_args(DocumentType))}
        if not read.get(row.name, set()) <= fitting:
            outdated.append(row.name)
    return outdated


def chunker_of(recipe: Recipe) -> Chunker:
    """The chunker of a recipe, with the token counter and the embedder's limit it needs."""
    from ragcli.ingest.chunkers.build import build_chunker
    from ragcli.models.build import build_embedder, token_limit
    from ragcli.models.tokens import build_token_counter

    counter = build_token_counter(recipe.tokenizer, recipe.embedder, recipe.models)
    limit = token_limit(recipe.embedder, recipe.models)
    embedder = cache(partial(build_embedder, recipe.embedder, recipe.models))  # opened only where vectors are asked for
    return build_chunker(recipe.chunker, counter, limit, lambda texts: embedder().embed_documents(texts))


def _reads_meaning(chunker: ChunkerConfig) -> bool:
    """Whether the embedder's vectors decide where a document is cut."""
    parts = (chunker.prose, chunker.structured) if isinstance(chunker, AutoChunkerConfig) else (chunker,)
    return any(getattr(part, "breakpoints", "none") == "semantic" for part in parts)


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
