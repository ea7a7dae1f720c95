"""The workspace on disk: catalog, generations, CURRENT and the writers' lock."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where the parts of a workspace are. Making one touches nothing on disk."""

    root: Path

    @property
    def catalog(self) -> Path:
        """SQLite database of documents, chunks and cached embeddings."""
        return self.root / "catalog.db"

    @property
    def generations(self) -> Path:
        """Folder with one subfolder per published generation."""
        return self.root / "generations"

    @property
    def current(self) -> Path:
        """File that holds the live generation's name."""
        return self.root / "CURRENT"

    @property
    def results(self) -> Path:
        """Folder with stored evaluations."""
        return self.root / "results"

    @property
    def scores(self) -> Path:
        """SQLite database of what rerankers said; a cache."""
        return self.root / "rerank.db"

    @property
    def words(self) -> Path:
        """Vectors of the corpus' words, for synonyms; a cache."""
        return self.root / "words.npz"

    @property
    def lock(self) -> Path:
        """File that the one writer holds."""
        return self.root / "lock"
