"""Bytes to text, in one place: every text format is decoded and normalised here."""

import codecs
import re

from ragcli.errors import DataError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What encodings are in practice when a page claims the narrower name (WHATWG Encoding Standard, section 4.2).
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
_SAMPLE_BYTES = 64 * 1024
_CONTROLS = bytes(set(range(0x20)) - {0x08, 0x09, 0x0A, 0x0C, 0x0D, 0x1B}) + b"\x7f"
_MAX_CONTROL_SHARE = 0.01
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
_ISO_2022_JP = re.compile(rb"\x1b\$[@B]")
_WESTERN = frozenset(
    "àâäáãåæçéèêëíìîïñóòôöõøœúùûüýÿßÀÂÄÁÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÖÕØŒÚÙÛÜÝŸðÐþÞ“”„«»—…•·°§©®™€£¿¡"
    "\u00a0\u00b4\u2013\u2018\u2019\u201a"  # no-break space, acute, en dash, single quotes
)
_MAX_WESTERN_SHARE = 0.25
_NOT_WESTERN = ("cp1250", "cp1254", "cp1257", "iso8859_2")


def decode(data: bytes, declared: str = "") -> str:
    r"""The text of a file: no byte order mark, ``\n`` line ends only, no lone surrogates.

    Order: byte order mark, seven-bit Japanese, UTF-8, the declared encoding, a guess.

    Args:
        data: The file.
        declared: Encoding that the file itself names, if any; not trusted before UTF-8, which does not fit by chance.

    Raises:
        DataError: The bytes are binary, or in no encoding that can be recognised.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return normalise(_decode_strictly(data[len(mark) :], encoding))
    refuse_binary(data)
    encodings = ("iso2022_jp_2", "utf-8") if _ISO_2022_JP.search(data) else ("utf-8",)  # it would pass as ASCII
    for encoding in encodings:
        try:
            return normalise(data.decode(encoding))
        except UnicodeDecodeError:
            pass
    return normalise(_decode_other(data, declared))


def normalise(text: str) -> str:
    r"""Line ends become ``\n``; lone surrogates, which no encoder accepts, become U+FFFD."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def refuse_binary(data: bytes) -> None:
    """Raises ``DataError`` when the bytes cannot be text in any encoding without zero bytes."""
    position = data.find(b"\0")
    if position >= 0:
        raise DataError(f"binary content, not text: a zero byte at offset {position}")
    sample = data[:_SAMPLE_BYTES]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > _MAX_CONTROL_SHARE * len(sample):
        raise DataError(f"binary content, not text: {controls} control characters in the first {len(sample)} bytes")


def _decode_strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"damaged text: starts as {encoding} but breaks at byte {error.start}") from error


def _decode_other(data: bytes, declared: str) -> str:
    encoding = _known_encoding(declared)
    if encoding:
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, ValueError):
            pass  # pages often name an encoding they are not in
    return data.decode(_guess(_sample(data)), "replace")


def _known_encoding(name: str) -> str:
    """Python's name of a text encoding, widened as browsers do; empty when there is no such encoding."""
    try:
        info = codecs.lookup(name.strip())
    except (LookupError, ValueError):
        return ""
    if info.name in {"utf-7", "utf-16", "utf-16-le", "utf-16-be", "punycode", "idna"} or not getattr(
        info, "_is_text_encoding", True
    ):
        return ""
    return _WIDER.get(info.name, info.name)


def _sample(data: bytes) -> bytes:
    """A part of the file that shows its encoding: whole lines from the first non-ASCII byte on."""
    first = _HIGH_BYTE.search(data)
    if len(data) <= _SAMPLE_BYTES or first is None:
        return data[:_SAMPLE_BYTES]
    start = data.rfind(b"\n", max(0, first.start() - 4096), first.start()) + 1 or first.start()
    sample = data[start : start + _SAMPLE_BYTES]
    end = max(sample.rfind(b"\n"), sample.rfind(b" "))  # neither is ever half of a character
    return sample[: end + 1] if end > 0 else sample


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, enable_fallback=False).best()
    central_european = best is not None and best.encoding in _NOT_WESTERN and best.coherence > 0.3
    if not central_european and _is_western(sample):
        return "cp1252"
    if best is None:
        raise DataError("text in an encoding that cannot be recognised", hint="convert the file to UTF-8")
    return "cp932" if best.encoding == "shift_jis" else str(best.encoding)


def _is_western(sample: bytes) -> bool:
    """Whether the sample reads as Western European; a statistical guess errs on few accented letters."""
    high = sample.translate(None, bytes(range(0x80)))
    if len(high) > _MAX_WESTERN_SHARE * len(sample):
        return False
    try:
        letters = high.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return set(letters) <= _WESTERN
