"""Archives from strangers, made small: what matters is what they unpack to."""

import io
import struct
import zipfile

import pytest

from ragcli.errors import DataError
from ragcli.ingest.loaders import archive as module
from ragcli.ingest.loaders.archive import open_archive

MIB = 2**20


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def reason(data: bytes, limit: int = 8 * MIB, *, doctypes: bool = False) -> str:
    with pytest.raises(DataError) as caught:
        open_archive(data, limit, "DOCX", doctypes=doctypes)
    return caught.value.message


def test_an_honest_archive_is_opened() -> None:
    with open_archive(zipped({"a.xml": b"<a/>", "b/": b""}), 100, "DOCX") as archive:
        assert archive.read("a.xml") == b"<a/>"


def test_declared_sizes_are_added_up() -> None:
    data = zipped({f"{number}.bin": b"\0" * MIB for number in range(9)})
    assert reason(data) == "zip bomb: unpacks to 9437184 bytes or more, 8388608 are allowed"


def test_declared_sizes_are_not_believed() -> None:
    data = bytearray(zipped({"a.bin": b"\0" * 3 * MIB}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(mark) + offset, 10)
    # zipfile stops at the declared size; what comes out is checked against its sum
    assert "'a.bin' does not unpack" in reason(bytes(data))


def test_archives_in_archives_count() -> None:
    inner = zipped({"a": b"\0" * 5 * MIB})
    assert "zip bomb: unpacks to" in reason(zipped({"1.zip": inner, "2.docx": inner}))
    open_archive(zipped({"1.zip": inner, "2.docx": b"PK no archive"}), 8 * MIB, "DOCX").close()


def test_nesting_is_bounded() -> None:
    data = zipped({"a": b"x"})
    for _ in range(4):
        data = zipped({"inner.zip": data})
    assert reason(data) == "zip bomb: archives nested more than 3 deep"


def test_a_nested_archive_is_not_unpacked_into_memory_before_it_is_measured() -> None:
    huge = zipped({"inner.zip": b"\0" * 64 * MIB})
    assert "zip bomb" in reason(huge)


def test_a_ratio_no_text_reaches() -> None:
    data = zipped({"a.xml": b" " * 33 * MIB})
    assert "'a.xml' unpacks" in reason(data, 512 * MIB)


def test_the_number_of_entries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_ENTRIES", 3)
    assert reason(zipped({str(number): b"" for number in range(4)})) == "zip bomb: 4 entries in one DOCX"


def test_entries_that_overlap_count_each_time() -> None:
    data = zipped({"a": b"\0" * MIB})
    directory = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    copies = 200
    record = data[directory:end]
    total = struct.pack("<HHIIH", copies, copies, len(record) * copies, directory, 0)
    bomb = data[:directory] + record * copies + data[end : end + 8] + total
    assert reason(bomb) == "zip bomb: unpacks to 209715200 bytes or more, 8388608 are allowed"


def test_entities_are_refused_even_across_reads_and_encodings() -> None:
    early = b"<a>" + b" " * (MIB - 6) + b"<!ENTITY x 'y'>"
    for content in (b'<!DOCTYPE a [<!ENTITY l "l">]><a/>', early, "<!DOCTYPE a><a/>".encode("utf-16")):
        assert reason(zipped({"x.xml": content})) == "refused: 'x.xml' declares XML entities"
        open_archive(zipped({"x.xml": content}), 8 * MIB, "EPUB", doctypes=True).close()
        open_archive(zipped({"x.txt": content}), 8 * MIB, "DOCX").close()


def test_encrypted_entries() -> None:
    data = bytearray(zipped({"a.xml": b"<a/>"}))
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert reason(bytes(data)) == "password protected DOCX"


def test_damaged_entries() -> None:
    data = bytearray(zipped({"a.xml": bytes(range(256)) * 20}))
    data[60] ^= 0xFF
    assert "damaged DOCX: 'a.xml' does not unpack" in reason(bytes(data))
    whole = zipped({"a.xml": b"x" * 1000}, zipfile.ZIP_STORED)
    assert "truncated or damaged DOCX" in reason(whole[:500])
