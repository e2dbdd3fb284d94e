"""(pure) The physical lines of a text file, in bounded memory, each with its length in bytes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from esp.contacts.reading.shape import LINE_BYTES
from esp.errors import N_, Invalid

Line = tuple[str, int]

_CHUNK = 1 << 18
_PIECES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def lines(stream: BinaryIO, encoding: str) -> Iterator[Line]:
    """(text with its line end, bytes in the file) from where `stream` stands; CR, LF and CRLF end
    a line. Raises Invalid for a line of more than LINE_BYTES."""
    if encoding.startswith("utf-16"):
        return _wide(stream, encoding)
    return _narrow(stream, _tolerant(encoding))


def _narrow(stream: BinaryIO, decode: Callable[[bytes], str]) -> Iterator[Line]:
    rest = b""
    while chunk := stream.read(_CHUNK):
        found = (rest + chunk).splitlines(keepends=True)
        # Its end may not have come yet, also the LF of a CRLF.
        rest = found.pop()
        for raw in found:
            yield decode(raw), len(raw)
        _bounded(len(rest))
    # A held back CR may hide behind the last line: "a\r" stays one line.
    if rest:
        yield decode(rest), len(rest)


def _wide(stream: BinaryIO, encoding: str) -> Iterator[Line]:
    # "replace" keeps two bytes for each code unit, so lengths stay true.
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    rest = ""
    while True:
        chunk = stream.read(_CHUNK)
        found = _PIECES.findall(rest + decoder.decode(chunk, final=not chunk))
        rest = found.pop() if found and chunk else ""
        for text in found:
            yield text, len(text.encode(encoding))
        if not chunk:
            return
        _bounded(2 * len(rest))


def _bounded(size: int) -> None:
    if size > LINE_BYTES:
        raise Invalid(
            N_("A line is longer than one megabyte. This is not a table of contacts."), place="file"
        )


def _tolerant(encoding: str) -> Callable[[bytes], str]:
    """Decode without an error: what the sample did not show is read as Windows text."""

    def decode(raw: bytes) -> str:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            try:
                return raw.decode("cp1252")
            except UnicodeDecodeError:
                return raw.decode("latin-1")

    return decode
