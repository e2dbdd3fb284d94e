"""(pure) Quoted-printable that is ready for DATA and equal to its own relaxed DKIM form.

Besides what RFC 2045 asks for, tabs, every second space of a run and spaces before a line's end or
a slot are encoded, and so are a leading dot and the F of a leading "From ". Nothing on the way has
a reason to touch such lines (RFC 5321 §4.5.2, RFC 6376 §3.4.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from esp.tokens import MAX_LENGTH

Slot = tuple[str, int]
"""A kind of slot and its number among them."""

# A line of at most 73 characters still holds 76 with an encoded first one and a soft break.
_LINE = 71
UNBROKEN = 73

_ENCODED = {bytes([byte]): b"=%02X" % byte for byte in range(256)} | {b"  ": b" =20", b" ": b"=20"}
# Pairs of spaces; a single space only before the end of a line or of the value.
_TO_ENCODE = re.compile(rb"  | (?=\n|\Z)|[^\n !-<>-~]")
_is_plain = re.compile(r"(?!From )[!-\-/-<>-~][!-<>-~]*(?: [!-<>-~]+)*").fullmatch
_NEWLINES = re.compile(r"\r\n?")


def encode_value(value: str) -> bytes:
    """`value` as it stands between two soft breaks, starting at the first column."""
    if len(value) <= UNBROKEN:
        return value.encode() if _is_plain(value) else _encode_again(value)
    return _encode(value)


def _encode(value: str) -> bytes:
    if "\r" in value:
        value = _NEWLINES.sub("\n", value)
    # A lone surrogate, which JSON can smuggle in, has no UTF-8.
    raw = value.encode("utf-8", "replace")
    encoded = _TO_ENCODE.sub(lambda match: _ENCODED[match[0]], raw)
    if len(encoded) > UNBROKEN:
        encoded = b"\n".join([_wrapped(line) for line in encoded.split(b"\n")])
    if encoded.startswith((b".", b"From ")):
        encoded = _ENCODED[encoded[:1]] + encoded[1:]
    encoded = encoded.replace(b"\n.", b"\n=2E").replace(b"\nFrom ", b"\n=46rom ")
    return encoded.replace(b"\n", b"\r\n")


# Names and places come again and again.
_encode_again = lru_cache(maxsize=4096)(_encode)


def _wrapped(line: bytes) -> bytes:
    if len(line) <= UNBROKEN:
        return line
    pieces, at = [], 0
    while len(line) - at > UNBROKEN:
        end = at + _LINE
        if line[end - 1] == 61:
            end -= 1
        elif line[end - 2] == 61:
            end -= 2
        pieces.append(line[at:end])
        at = end
    return b"=\n".join([*pieces, line[at:]])


class Writer:
    """Lays out what is known before there is a recipient, with room for what is not.

    `segments` holds encoded bytes and, between them, the slots.
    """

    def __init__(self) -> None:
        self.segments: list[bytes | Slot] = []
        self._pending: list[str] = []
        self._line = bytearray()
        self._column = 0
        self._after_slot = False

    def text(self, text: str) -> None:
        self._pending.append(text)

    def token(self, slot: Slot) -> None:
        """A slot for a token: short, and never in need of encoding, so it needs no line."""
        self._flush()
        if self._after_slot or self._column + MAX_LENGTH > 75:
            self._soft_break()
        self._cut(slot)
        self._column += MAX_LENGTH

    def slot(self, slot: Slot) -> None:
        """A slot for a value in the form of `encode_value`, alone between two soft breaks."""
        self._flush()
        if self._column or self._after_slot:
            self._soft_break()
        self._cut(slot)
        self._column = 0
        self._after_slot = True

    def raw(self, lines: bytes) -> None:
        """Whole lines of structure (boundaries, headers of parts) that begin a line."""
        self._flush()
        if self._column or self._after_slot:
            self._line += b"\r\n"
        self._line += lines
        self._column = 0
        self._after_slot = False

    def finish(self) -> list[bytes | Slot]:
        self._flush()
        self._cut()
        return self.segments

    def _cut(self, *slot: Slot) -> None:
        if self._line:
            self.segments.append(bytes(self._line))
            self._line.clear()
        self.segments.extend(slot)

    def _soft_break(self) -> None:
        self._line += b"=\r\n"
        self._column = 0
        self._after_slot = False

    def _flush(self) -> None:
        text = _NEWLINES.sub("\n", "".join(self._pending))
        self._pending.clear()
        if not text:
            return
        data = text.encode("utf-8", "replace")
        if self._after_slot and not data.startswith(b"\n"):
            self._soft_break()
        for unit in _units(data):
            if unit == b"\n":
                self._line += b"\r\n"
                self._column = 0
                self._after_slot = False
                continue
            if self._column + len(unit) > 75:
                self._soft_break()
            # Not looking as far as "From ", this encodes a few F more than it must.
            first = self._column == 0 and unit in (b".", b"F")
            self._line += _ENCODED[unit] if first else unit
            self._column += 3 if first else len(unit)


def _units(data: bytes) -> Iterable[bytes]:
    """One character or escape at a time."""
    encoded = _TO_ENCODE.sub(lambda match: _ENCODED[match[0]], data)
    return (match[0] for match in re.finditer(rb"=..|[^=]", encoded, re.DOTALL))
