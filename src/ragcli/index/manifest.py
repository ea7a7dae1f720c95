"""The manifest of a generation: what it was made of, with what, and what its files must be."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ragcli.errors import IndexCorruptError, IndexStaleError
from ragcli.index.vectors.store import VectorsState

MANIFEST = "manifest.json"
CHUNKS = "chunks.npy"
VECTORS = "vectors"
LEXICAL = "lexical"
SUMMARIES = "summaries"
FORMAT = 1
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileState:
    """Size and SHA-256 of a file."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class EmbedderState:
    """The model that made the vectors."""

    kind: str
    name: str
    fingerprint: str
    dimension: int


@dataclass(frozen=True, slots=True)
class LexicalState:
    """What the lexical files hold: how many chunks were deleted since they were last built from nothing."""

    dead: int


@dataclass(frozen=True, slots=True)
class SummariesState:
    """What the files of summaries hold: how many documents, and their vectors, if there are any."""

    documents: int
    vectors: VectorsState | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a generation that can be said without opening it.

    Attributes:
        parent: The generation it was made from; empty for one that was built from nothing.
        created: When, ISO 8601 in UTC.
        ragcli: Version of ragcli that made it.
        chunks: How many chunk rows it has.
        added: How many of them the parent did not have.
        removed: How many the parent had and it has not.
        state: What the catalog was when it was made (see ``state.catalog_state``).
        fingerprints: Of ``config`` (the index settings), ``model``, ``chunker`` and ``corpus``.
        embedder: None without vectors.
        vectors: None without vectors.
        lexical: None without a lexical index.
        settings: The index settings that shaped the files, by section: ``vectors``, ``context``, ``lexical``.
        timings_s: Seconds spent per stage.
        files: Every file but the manifest, by path relative to the generation.
        summaries: None without summaries of documents.
    """

    parent: str
    created: str
    ragcli: str
    chunks: int
    added: int
    removed: int
    state: str
    fingerprints: Mapping[str, str]
    embedder: EmbedderState | None
    vectors: VectorsState | None
    lexical: LexicalState | None
    settings: Mapping[str, Mapping[str, Any]]
    timings_s: Mapping[str, float]
    files: Mapping[str, FileState]
    summaries: SummariesState | None = None

    @property
    def bytes(self) -> int:
        """Size of all files; hard-linked ones count in every generation that has them."""
        return sum(file.bytes for file in self.files.values())


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write the manifest of a generation being built."""
    text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1, ensure_ascii=False)
    (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a generation.

    Raises:
        FileNotFoundError: there is none: the generation was removed, or damaged.
        IndexCorruptError: it cannot be understood.
        IndexStaleError: it was written by a newer ragcli.
    """
    path = directory / MANIFEST
    try:
        fields = json.loads(path.read_text("utf-8"))
        version = fields.pop("format")
        if version != FORMAT:
            raise IndexStaleError(
                f"generation {directory.name} has format {version}, this ragcli reads {FORMAT}",
                hint="upgrade ragcli, or ragcli index --full",
            )
        return _manifest(fields)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexCorruptError(f"{path} is damaged: {error}", hint="ragcli doctor") from error


def _manifest(fields: dict[str, Any]) -> Manifest:
    embedder, vectors, lexical = (fields.pop(name) for name in ("embedder", "vectors", "lexical"))
    summaries = fields.pop("summaries", None)  # older ones do not say
    files = {path: FileState(**file) for path, file in fields.pop("files").items()}
    return Manifest(
        **fields,
        embedder=None if embedder is None else EmbedderState(**embedder),
        vectors=None if vectors is None else VectorsState(**vectors),
        lexical=None if lexical is None else LexicalState(**lexical),
        files=files,
        summaries=None if summaries is None else _summaries(summaries),
    )


def _summaries(fields: dict[str, Any]) -> SummariesState:
    vectors = fields["vectors"]
    return SummariesState(fields["documents"], None if vectors is None else VectorsState(**vectors))


def file_states(directory: Path, parent: Path | None, known: Mapping[str, FileState]) -> dict[str, FileState]:
    """Size and checksum of every file below ``directory`` but the manifest.

    Args:
        directory: The generation being built.
        parent: The generation it took files over from by hard links.
        known: The parent's checksums: a file that is the parent's own is not read again.
    """
    states = {}
    for relative in sorted(_files(directory)):
        path = directory / relative
        inherited = known.get(relative)
        if parent is not None and inherited is not None and _same_file(path, parent / relative):
            states[relative] = inherited
        else:
            states[relative] = file_state(path)
    return states


def _files(directory: Path) -> Iterator[str]:
    for path in directory.rglob("*"):
        if path.is_file() and path.name != MANIFEST:
            yield path.relative_to(directory).as_posix()


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False


def file_state(path: Path) -> FileState:
    """Size and checksum of a file."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return FileState(size, digest.hexdigest())


def damaged_files(directory: Path, manifest: Manifest) -> list[str]:
    """What is wrong with the files of a generation, one line each; reads all of them."""
    problems = []
    for relative, expected in manifest.files.items():
        path = directory / relative
        try:
            found = file_state(path)
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
            continue
        if found.bytes != expected.bytes:
            problems.append(f"{path}: {found.bytes:,} bytes instead of {expected.bytes:,}")
        elif found != expected:
            problems.append(f"{path}: the checksum is wrong")
    return problems
