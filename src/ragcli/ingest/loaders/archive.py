"""Zip archives from strangers: looked through before any library opens them."""

import io
import zipfile
import zlib

from ragcli.errors import DataError

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_CHUNK_BYTES = 1 << 20
_MAX_ENTRIES = 50_000
_MAX_NESTING = 3
_MAX_RATIO = 250
_RATIO_FREE_BYTES = 32 * 2**20
_MAX_XML_PART_BYTES = 256 * 2**20
_ARCHIVES = (".zip", ".docx", ".pptx", ".xlsx", ".xlsm", ".epub", ".jar", ".odt", ".ods", ".odp")
_FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY")
_OVERLAP = 16


def open_archive(data: bytes, max_unpacked_bytes: int, what: str, *, doctypes: bool = False) -> zipfile.ZipFile:
    """A zip archive that is whole, not encrypted, and no bomb.

    Every entry is unpacked once, streamed and thrown away: sizes are what they turn out to be, not what is declared.

    Args:
        data: The file.
        max_unpacked_bytes: Most that all entries together may unpack to, archives in the archive included.
        what: The format as a person calls it.
        doctypes: Whether XML parts may declare a document type (and with it entities), as EPUB's pages do.

    Raises:
        DataError: It is none of that.
    """
    _refuse_foreign(data, what)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        raise DataError(f"truncated or damaged {what}: {error}") from error
    _Inspection(max_unpacked_bytes, what, doctypes).inspect(archive, depth=1)
    return archive


def _refuse_foreign(data: bytes, what: str) -> None:
    if not data:
        raise DataError(f"empty file, not {what}")
    if data.startswith(_OLE):
        if _ENCRYPTED_PACKAGE in data:
            raise DataError(f"password protected {what}", hint="save it without a password")
        raise DataError(f"old binary Office format, not {what}", hint="save it in the current format")
    if not data.startswith(b"PK"):
        raise DataError(f"not {what}: it is no zip archive")


class _Inspection:
    """Sums up what an archive and the archives in it unpack to."""

    def __init__(self, max_unpacked_bytes: int, what: str, doctypes: bool) -> None:
        self._left = max_unpacked_bytes
        self._limit = max_unpacked_bytes
        self._what = what
        self._doctypes = doctypes

    def inspect(self, archive: zipfile.ZipFile, depth: int) -> None:
        entries = archive.infolist()
        if len(entries) > _MAX_ENTRIES:
            raise DataError(f"zip bomb: {len(entries)} entries in one {self._what}")
        declared = sum(entry.file_size for entry in entries)
        if declared > self._left:
            raise self._bomb(declared)
        for entry in entries:
            self._check_entry(archive, entry)
            if entry.filename.lower().endswith(_ARCHIVES) and not entry.is_dir():
                self._inspect_nested(archive.read(entry), depth + 1)

    def _inspect_nested(self, data: bytes, depth: int) -> None:
        if depth > _MAX_NESTING:
            raise DataError(f"zip bomb: archives nested more than {_MAX_NESTING} deep")
        try:
            nested = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
            return  # an attachment that no loader opens
        self.inspect(nested, depth)

    def _check_entry(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        if entry.flag_bits & 0x1:
            raise DataError(f"password protected {self._what}", hint="save it without a password")
        if entry.file_size > _RATIO_FREE_BYTES and entry.file_size > _MAX_RATIO * max(1, entry.compress_size):
            raise DataError(f"zip bomb: {entry.filename!r} unpacks {entry.compress_size} to {entry.file_size} bytes")
        is_xml = entry.filename.lower().endswith((".xml", ".rels"))
        if is_xml and entry.file_size > _MAX_XML_PART_BYTES:
            raise DataError(f"too large: {entry.filename!r} alone unpacks to {entry.file_size} bytes")
        try:
            self._read_through(archive, entry, look=is_xml and not self._doctypes)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
            raise DataError(f"damaged {self._what}: {entry.filename!r} does not unpack ({error})") from error

    def _read_through(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, *, look: bool) -> None:
        tail = b""
        with archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                self._left -= len(chunk)
                if self._left < 0:
                    raise self._bomb(self._limit - self._left)
                if look:
                    window = tail + chunk.replace(b"\0", b"")  # UTF-16 hides the words behind zero bytes
                    if any(word in window for word in _FORBIDDEN):
                        raise DataError(f"refused: {entry.filename!r} declares XML entities")
                    tail = window[-_OVERLAP:]

    def _bomb(self, size: int) -> DataError:
        return DataError(
            f"zip bomb: unpacks to {size} bytes or more, {self._limit} are allowed",
            hint="raise ingest.limits.max_unpacked_bytes to take it",
        )
