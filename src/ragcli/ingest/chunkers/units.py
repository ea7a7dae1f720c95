"""What the chunkers that pack units share: sizes, breakpoints, and the way from units to chunks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from ragcli.config.ingest import ProseChunkerConfig, StructuredChunkerConfig
from ragcli.ingest.chunkers.breadcrumbs import Breadcrumbs
from ragcli.ingest.chunkers.cohesion import Meaning, meaning_of
from ragcli.ingest.chunkers.packing import Sizes, Unit, chunks_of
from ragcli.ingest.chunkers.ruler import Ruler
from ragcli.models import TokenCounter
from ragcli.records import Chunk, Document


class UnitChunker(ABC):
    """Packs the units of a document, whatever they are, into chunks of even size.

    Args:
        config: Wanted and least size, and whether title and headings are embedded with a chunk.
        counter: What a token is.
        limit: Longest chunk the embedder takes, prefix included.
        embed: Vectors of texts by the embedder, for semantic breakpoints.
    """

    def __init__(
        self,
        config: ProseChunkerConfig | StructuredChunkerConfig,
        counter: TokenCounter,
        limit: int | None,
        embed: Meaning | None = None,
    ) -> None:
        self._counter = counter
        self._embed = embed
        self._breakpoints = config.breakpoints
        self._breadcrumb = config.breadcrumb
        self._sizes = Sizes.of(config.size_tokens, config.min_tokens, limit)

    def chunk(self, document: Document) -> list[Chunk]:
        """Chunks that share no text and leave out nothing but white space."""
        ruler = Ruler(document.text, self._counter)
        crumbs = Breadcrumbs(document, self._counter, self._sizes.limit) if self._breadcrumb else None
        units = list(self._units(document, ruler, crumbs))
        meaning = meaning_of(self._breakpoints, self._embed)
        return chunks_of(document, units, ruler, self._counter, self._sizes, meaning)

    @abstractmethod
    def _units(self, document: Document, ruler: Ruler, crumbs: Breadcrumbs | None) -> Iterator[Unit]:
        """What is never cut, in order; ``crumbs`` are what is repeated above it."""
