"""One file: read, recognised, loaded, cut, and made ready for the catalog. Runs in the process or in a worker."""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ragcli.errors import DataError, RagcliError
from ragcli.ingest.chunkers import Chunker
from ragcli.ingest.detect import HEAD_BYTES, SUPPORTED_SUFFIXES, detect_type, is_binary, refusal, suffix_of
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.opening import open_file
from ragcli.ingest.recipe import Recipe, chunker_of
from ragcli.records import Chunk, Document, DocumentType, document_id
from ragcli.workspace.catalog import DocumentRecord, document_record
from ragcli.workspace.ledger import FileState

_EMPTY = "there is no text in it"
_SURROGATES = re.compile("[\ud800-\udfff]")


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
        except DataError as error:
            return outcome._replace(reason=_why(error))
        except Exception as error:  # one hostile file, whatever it makes a parser raise, never stops the rest
            if isinstance(error, RagcliError):
                raise
            # Without a digest it is read again by the next run: the fault may lie in the circumstances, or the reader.
            return outcome._replace(reason=_why(error), digest="")

    def _content(self, task: FileTask) -> _Content:
        limit = self._recipe.limits.max_file_bytes
        if task.data is not None:
            if len(task.data) > limit:
                raise DataError(_too_large(len(task.data), limit))
            return _Content(task.data, task.mtime_ns)
        with open_file(task.location) as file:
            status = os.fstat(file.fileno())
            if status.st_size > limit:
                raise DataError(_too_large(status.st_size, limit))
            return _Content(file.read(limit), status.st_mtime_ns)

    def _parse(self, task: FileTask, content: _Content, outcome: FileOutcome) -> FileOutcome:
        found = self._detect(task, content)
        if found is None:
            return _refused(task, content, outcome)
        kept: list[str] = []
        records: list[DocumentRecord] = []
        documents = _Documents(self._recipe, RawFile(task.path, content.data, found), content.mtime_ns)
        for document in documents:
            version = self._version(document)
            if task.versions.get(document.id) == version:
                kept.append(document.id)
            else:
                records.append(document_record(document, self.cut(document), version))
        if not kept and not records:
            return outcome._replace(state="skipped", reason=_EMPTY)
        return outcome._replace(state="read", kept=tuple(kept), records=tuple(records))

    def documents(self, task: FileTask) -> Iterator[Document]:
        """The documents of a file, in file order.

        Raises:
            DataError: the file cannot be read, or there is no document in it.
        """
        try:
            content = self._content(task)
            found = self._detect(task, content)
            if found is None:
                head = content.data[:HEAD_BYTES]
                hint = "" if is_binary(head) else "--type reads it as a type of your choice"
                raise DataError(refusal(task.path, head), hint=hint)
            documents = _Documents(self._recipe, RawFile(task.path, content.data, found), content.mtime_ns)
            yield from documents
            if not documents.count:
                raise DataError(_EMPTY)
        except DataError as error:
            raise DataError(f"{task.path}: {error.message}", hint=error.hint) from error
        except OSError as error:
            raise DataError(f"{task.path}: {_why(error)}") from error

    def cut(self, document: Document) -> list[Chunk]:
        """The chunks of a document."""
        if self._chunker is None:
            self._chunker = chunker_of(self._recipe)
        return self._chunker.chunk(document)

    def _detect(self, task: FileTask, content: _Content) -> DocumentType | None:
        head = content.data[:HEAD_BYTES]
        found = task.type or detect_type(task.path, head)
        if found is None and task.data is not None and b"\0" not in head:
            return "text"  # standard input has no name that tells
        return found

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
        digest = hashlib.blake2b(repr(facts).encode("utf-8", "backslashreplace"), digest_size=16)
        digest.update(document.text.encode())
        return digest.digest()


class _Documents:
    """The documents of a file in file order, each with an identity of its own."""

    def __init__(self, recipe: Recipe, file: RawFile, mtime_ns: int) -> None:
        self._recipe = recipe
        self._file = file
        self._mtime_ns = mtime_ns
        self._seen: set[str] = set()

    @property
    def count(self) -> int:
        """How many there were so far."""
        return len(self._seen)

    def __iter__(self) -> Iterator[Document]:
        from ragcli.ingest.loaders.build import build_loader

        loader = build_loader(self._file.type, self._recipe.loaders, self._recipe.limits)
        for parsed in loader.load(self._file):
            if parsed.record in self._seen:
                raise DataError(f"two of its records are both called {parsed.record!r}")
            self._seen.add(parsed.record)
            yield self._document(parsed)

    def _document(self, parsed: Parsed) -> Document:
        path, record = self._file.path, parsed.record
        return Document(
            id=document_id(self._recipe.source, path, record),
            name=_clean(parsed.name) or (f"{path}#{_clean(record)}" if record else path),
            source=self._recipe.source,
            path=path,
            type=self._file.type,
            title=_clean(parsed.title) or path.rpartition("/")[2],
            text=_clean(parsed.text),
            blocks=parsed.blocks,
            pages=parsed.pages,
            language=parsed.language,
            metadata={**self._recipe.metadata, **parsed.metadata},
            modified_ns=self._mtime_ns,
        )


def _refused(task: FileTask, content: _Content, outcome: FileOutcome) -> FileOutcome:
    """A file of a foreign type is passed over, unless its name promised a document or it was one before."""
    failed = bool(task.versions) or suffix_of(task.path.rpartition("/")[2]) in SUPPORTED_SUFFIXES
    reason = refusal(task.path, content.data[:HEAD_BYTES])
    return outcome._replace(state="failed" if failed else "skipped", reason=reason)


def content_digest(data: bytes) -> str:
    """Digest by which equal files are recognised: 32 hexadecimal digits."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def file_digest(location: str) -> str:
    """Digest of a file's bytes; empty when it cannot be read. Never waits for a pipe, never follows a link."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open_file(location) as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


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
            return f"{error.message}; {error.hint}" if error.hint else error.message
        case OSError():
            return (error.strerror or str(error)).lower()
        case RecursionError():
            return "it is nested too deeply"
        case MemoryError():
            return "it needs more memory than there is"
        case _:
            return f"{type(error).__name__}: {error}"


def _too_large(size: int, limit: int) -> str:
    return f"it is larger than ingest.limits.max_file_bytes ({size:,} > {limit:,})"
