"""(pure) Which encoding a contact file is in, from its first bytes."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from esp.errors import N_, Invalid

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Encodings in which line ends and quotation marks are single ASCII bytes.
_OTHERS = [
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1258",
    "koi8_r",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "gb18030",
    "big5",
]
# Words of Latin script have an accent here and there; other scripts have whole words above ASCII.
_LONG_RUN = re.compile(rb"[\x80-\xff]{4}")
_GUESS_BYTES = 1 << 15
# Mac Roman's accented letters are here, where Windows has punctuation and a few capitals.
_MAC_LETTERS = re.compile(rb"(?<=[A-Za-z])[\x81\x83-\x89\x8b\x8d\x8f\x90\x95\x98\x99\x9b\x9d]")
_WINDOWS_LETTERS = re.compile(rb"[\xc0-\xff]")


def detect(sample: bytes) -> tuple[str, int]:
    """(encoding, length of the byte order mark)."""
    if sample.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Invalid(N_("The file is in UTF-32. Save it as UTF-8, please."), place="file")
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding, len(mark)
    return _without_mark(sample), 0


def _without_mark(sample: bytes) -> str:
    wide = _utf_16(sample)
    if wide:
        return wide
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return _eight_bit(sample)
    return "utf-8"


def _utf_16(sample: bytes) -> str | None:
    """UTF-16 shows by zeros in every second byte: a contact file has @, digits and delimiters."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = max(len(sample) // 2, 1)
    if odd / half > 0.2 and even / half < 0.02:
        return "utf-16-le"
    if even / half > 0.2 and odd / half < 0.02:
        return "utf-16-be"
    return None


def _eight_bit(sample: bytes) -> str:
    start = max(sample.find(found[0]) - 2000, 0) if (found := _LONG_RUN.search(sample)) else None
    if start is not None:
        try:
            best = from_bytes(sample[start : start + _GUESS_BYTES], cp_isolation=_OTHERS).best()
        except (ValueError, LookupError, OSError):
            best = None
        if best:
            return best.encoding
    only_cr = b"\r" in sample and b"\n" not in sample
    if only_cr and len(_MAC_LETTERS.findall(sample)) > len(_WINDOWS_LETTERS.findall(sample)):
        return "mac_roman"
    # Windows writes cp1252, of which Latin-1 is the part that both share.
    return "cp1252"
