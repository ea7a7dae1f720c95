"""One file: read, recognised, loaded, cut, and made ready for the catalog. Runs in the process or in a worker."""

import json
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, assert_never

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
from ragcli.errors import DataError, RagcliError
from ragcli.ingest.chunkers import Chunker
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.records import Chunk, Document, DocumentType, Metadata, document_id
from ragcli.workspace.catalog import DocumentRecord, document_record
from ragcli.workspace.ledger import FileState

INGEST_VERSION = 1
"""Raised whenever a loader or chunker makes something else of the same file: everything is then read anew."""

_HEAD_BYTES = 65_536
_SURROGATES = re.compile("[\ud800-\udfff]")


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

    def settings(self, type: DocumentType | None) -> str:  # noqa: A002 - named after what it is
        """Fingerprint of all of it: a file read under another one is read again."""
        return fingerprint(self.cutting(), self.loaders, self.limits, dict(self.metadata), type)

    def cutting(self) -> str:
        """Fingerprint of what decides how a document is cut: a document cut under the same one keeps its chunks."""
        return fingerprint(INGEST_VERSION, self.chunker, self.tokenizer, _shaping(self.embedder))


class FileTask(NamedTuple):
    """A file to read.

    Attributes:
        location: What is opened; empty when ``data`` is given.
        versions: Document id to version of what is stored of the file.
    """

    path: str
    location: str
    mtime_ns: int
    type: DocumentType | None = None
    data: bytes | None = None
    versions: Mapping[str, bytes] = {}


class FileOutcome(NamedTuple):
    """What became of a file.

    Attributes:
        kept: Ids of documents that are as stored.
        records: New or changed documents, in file order.
        repeated: How many records had an id that another record of the file has too.
    """

    path: str
    size: int
    mtime_ns: int
    read_ns: int
    digest: str
    state: FileState
    reason: str = ""
    kept: tuple[str, ...] = ()
    records: tuple[DocumentRecord, ...] = ()
    repeated: int = 0


class _Content(NamedTuple):
    data: bytes
    mtime_ns: int


class Parser:
    """Reads the files of one source. Loaders, the token counter and the chunker are made when first needed."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._cutting = recipe.cutting()
        self._chunker: Chunker | None = None

    def read(self, task: FileTask) -> FileOutcome:
        """Read a file. Whatever is wrong with the file ends as a reason in the outcome.

        Raises:
            RagcliError: something is wrong that concerns every file, such as a missing model.
        """
        read_ns = time.time_ns()
        outcome = FileOutcome(task.path, 0, task.mtime_ns, read_ns, "", "failed")
        try:
            content = self._content(task)
        except (OSError, DataError) as error:
            return outcome._replace(reason=_why(error))
        outcome = outcome._replace(
            size=len(content.data), mtime_ns=content.mtime_ns, digest=content_digest(content.data)
        )
        try:
            return self._parse(task, content, outcome)
        except MemoryError:
            return outcome._replace(reason="it needs more memory than there is", digest="")
        except Exception as error:
            if isinstance(error, RagcliError) and not isinstance(error, DataError):
                raise
            return outcome._replace(reason=_why(error))  # one hostile file never stops the rest

    def _content(self, task: FileTask) -> _Content:
        limit = self._recipe.limits.max_file_bytes
        if task.data is not None:
            if len(task.data) > limit:
                raise DataError(_too_large(len(task.data), limit))
            return _Content(task.data, task.mtime_ns)
        # Opening a named pipe must not wait for a writer, and a link that appeared meanwhile is not followed.
        descriptor = os.open(task.location, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DataError("it is no longer a file")
            if status.st_size > limit:
                raise DataError(_too_large(status.st_size, limit))
            return _Content(file.read(limit), status.st_mtime_ns)

    def _parse(self, task: FileTask, content: _Content, outcome: FileOutcome) -> FileOutcome:
        from ragcli.ingest.detect import detect_type
        from ragcli.ingest.loaders.build import build_loader

        head = content.data[:_HEAD_BYTES]
        found = task.type or detect_type(task.path, head)
        if found is None and task.data is not None and b"\0" not in head:
            found = "text"  # standard input has no name that tells
        if found is None:
            # A document that turned into something else is a failure: what was there before stays.
            return outcome._replace(state="failed" if task.versions else "skipped", reason="no type that is supported")
        loader = build_loader(found, self._recipe.loaders, self._recipe.limits)
        kept: list[str] = []
        records: list[DocumentRecord] = []
        seen: dict[str, int] = {}
        for parsed in loader.load(RawFile(task.path, content.data, found)):
            count = seen[parsed.record] = seen.get(parsed.record, 0) + 1
            record = parsed.record if count == 1 else f"{parsed.record}#{count}"
            document = self._document(parsed, record, RawFile(task.path, b"", found), content.mtime_ns)
            version = self._version(document)
            if task.versions.get(document.id) == version:
                kept.append(document.id)
            else:
                records.append(document_record(document, self._cut(document), version))
        if not seen:
            return outcome._replace(state="skipped", reason="there is no text in it")
        repeated = sum(seen.values()) - len(seen)
        return outcome._replace(state="read", kept=tuple(kept), records=tuple(records), repeated=repeated)

    def _document(self, parsed: Parsed, record: str, file: RawFile, mtime_ns: int) -> Document:
        path = file.path
        return Document(
            id=document_id(self._recipe.source, path, record),
            name=_clean(parsed.name) or (f"{path}#{_clean(record)}" if record else path),
            source=self._recipe.source,
            path=path,
            type=file.type,
            title=_clean(parsed.title) or path.rpartition("/")[2],
            text=_clean(parsed.text),
            blocks=parsed.blocks,
            pages=parsed.pages,
            language=parsed.language,
            metadata={**self._recipe.metadata, **parsed.metadata},
            modified_ns=mtime_ns,
        )

    def _cut(self, document: Document) -> list[Chunk]:
        if self._chunker is None:
            self._chunker = build_recipe_chunker(self._recipe)
        return self._chunker.chunk(document)

    def _version(self, document: Document) -> bytes:
        """Digest of everything that shapes what is stored of a document, its modification time left out."""
        facts = (
            self._cutting,
            document.name,
            document.type,
            document.title,
            document.language,
            document.pages,
            json.dumps(document.metadata, sort_keys=True, default=dict),
            [(b.kind, b.start, b.end, b.level, b.header_end, b.language, b.title) for b in document.blocks],
        )
        digest = blake2b(repr(facts).encode("utf-8", "backslashreplace"), digest_size=16)
        digest.update(document.text.encode())
        return digest.digest()


def build_recipe_chunker(recipe: Recipe) -> Chunker:
    """The chunker of a recipe, with the token counter and the embedder's limit it needs."""
    from ragcli.ingest.chunkers.build import build_chunker
    from ragcli.models.build import token_limit
    from ragcli.models.tokens import build_token_counter

    counter = build_token_counter(recipe.tokenizer, recipe.embedder, recipe.models)
    return build_chunker(recipe.chunker, counter, token_limit(recipe.embedder, recipe.models))


def content_digest(data: bytes) -> str:
    """Digest by which equal files are recognised: 32 hexadecimal digits."""
    return blake2b(data, digest_size=16).hexdigest()


def file_digest(location: str) -> str:
    """Digest of a file's bytes; empty when it cannot be read. Never waits for a pipe, never follows a link."""
    digest = blake2b(digest_size=16)
    try:
        descriptor = os.open(location, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            for block in _blocks(file.fileno()):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def _blocks(descriptor: int) -> Iterator[bytes]:
    while block := os.read(descriptor, 2**20):
        yield block


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


def _clean(text: str) -> str:
    """Half surrogates, which no UTF-8 can hold, become U+FFFD; offsets stay."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text)
    return text


def _why(error: Exception) -> str:
    match error:
        case DataError():
            return error.message
        case OSError():
            return (error.strerror or str(error)).lower()
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return f"{type(error).__name__}: {error}"


def _too_large(size: int, limit: int) -> str:
    return f"it is larger than ingest.limits.max_file_bytes ({size:,} > {limit:,})"
