import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.errors import DataError
from ragcli.ingest.loaders.decode import decode, normalise

GERMAN = "Die Gr\u00f6\u00dfe der \u00dcbung h\u00e4ngt vom Ma\u00dfstab ab. Das kostet 5 \u20ac.\n"
FRENCH = "L\u2019\u00e9t\u00e9 pass\u00e9, o\u00f9 \u00e9tais-tu\u00a0? \u00c0 No\u00ebl, \u00e7a ira.\n"
JAPANESE = "\u4f50\u85e4\u592a\u90ce\u306f\u6771\u4eac\u306b\u4f4f\u3093\u3067\u3044\u307e\u3059\u3002" * 4
CYRILLIC = "Съешь ещё этих мягких булок, да выпей чаю. " * 4


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_byte_order_marks(mark: bytes, encoding: str) -> None:
    assert decode(mark + JAPANESE.encode(encoding)) == JAPANESE


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "cp1252"),
        (FRENCH, "cp1252"),
        ("caf\u00e9", "latin-1"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (CYRILLIC, "cp1251"),
        (CYRILLIC, "koi8_r"),
    ],
)
def test_encodings_without_a_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_escapes_of_a_terminal_are_not_japanese() -> None:
    text = "\x1b[1mcaf\u00e9\x1b(B\x1b[m " + "plain words " * 40
    assert decode(text.encode()) == text
    text = "\x1b$B caf\u00e9 " + "plain words " * 40
    assert decode(text.encode()) == text


def test_only_the_part_that_shows_the_encoding_is_looked_at() -> None:
    text = "plain ascii line\n" * 20_000 + JAPANESE
    assert decode(text.encode("cp932")) == text


def test_a_declared_encoding_decides_where_utf8_does_not_fit() -> None:
    assert decode("\u0141\u00f3d\u017a".encode("iso8859_2"), "iso-8859-2") == "\u0141\u00f3d\u017a"
    assert decode(b"\x93smart\x94 \x80", "iso-8859-1") == "\u201csmart\u201d \u20ac"  # as browsers read Latin-1
    assert decode("\u9ad9".encode("cp932"), "Shift_JIS") == "\u9ad9"  # likewise
    assert decode("\u00e9".encode(), "iso-8859-2") == "\u00e9"  # UTF-8 does not fit by chance
    assert decode("caf\u00e9".encode("cp1252"), "no-such-encoding") == "caf\u00e9"
    assert decode("caf\u00e9".encode("cp1252"), "utf-16") == "caf\u00e9"
    assert decode("caf\u00e9".encode("cp1252"), "base64") == "caf\u00e9"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"abc\0def", "binary content, not text: a zero byte at offset 3"),
        (bytes(range(1, 32)) * 30, "binary content, not text: 750 control characters in the first 930 bytes"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8\x41", "damaged text: starts as utf-16-le but breaks at byte 0"),
        (codecs.BOM_UTF8 + b"ab\xff", "damaged text: starts as utf-8 but breaks at byte 2"),
    ],
)
def test_what_is_no_text(data: bytes, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        decode(data)
    assert caught.value.message == reason


def test_line_ends_and_surrogates() -> None:
    assert normalise("a\r\nb\rc\n\r\n") == "a\nb\nc\n\n"
    assert normalise("\ud83d\ude00 \ud83d!") == "\U0001f600 \ufffd!"


@given(st.text())
def test_utf8_comes_back(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if "\0" not in text and sum(ord(letter) < 32 or letter == "\x7f" for letter in text) == 0 and "\x1b" not in text:
        assert decode(text.encode()) == expected
