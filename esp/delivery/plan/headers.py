"""(pure) Header lines: encoded-words, display names, folding, and no way to begin a new line."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache

LINE = 78
_WORD = 75
_MAX_ADDRESS = 256

# What would break a header, an envelope or a reader's eye: controls, separators and surrogates.
_BREAKING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ATOMS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
).fullmatch
_is_plain_name = re.compile(r"[A-Za-z0-9'-]+(?: [A-Za-z0-9'-]+)*").fullmatch
_FOLDABLE = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*").fullmatch
_ADDRESS = re.compile(r"[!#-'*+\-./0-9=?A-Z^_`a-z{|}~]+@[A-Za-z0-9.-]+").fullmatch
_INTERNATIONAL = re.compile(
    r"[!#-'*+\-./0-9=?A-Z^_`a-z{|}~\x80-\U0010ffff]+@[A-Za-z0-9.-]+"
).fullmatch
_QUOTED_ADDRESS = re.compile(r'"(?:[!#-\[\]-~ ]|\\[!-~ ])+"@[A-Za-z0-9.-]+').fullmatch
_Q_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
_Q = [chr(n) if n in _Q_SAFE else "_" if n == 32 else f"={n:02X}" for n in range(256)]


def breaks_header(text: str) -> bool:
    """CR, LF and NUL may not even be asked for in a setting or template of a header (FMT-04)."""
    return any(character in text for character in "\r\n\0")


def clean(text: str) -> str:
    """One line: whatever could end it or hide in it becomes a space."""
    # Nothing printable breaks a line; asking that costs a tenth of the search.
    return text.strip() if text.isprintable() else _BREAKING.sub(" ", text).strip()


def is_address(address: str) -> bool:
    """An addr-spec of ASCII that may stand in angle brackets as it is (no SMTPUTF8 needed)."""
    return len(address) <= _MAX_ADDRESS and bool(_ADDRESS(address) or _QUOTED_ADDRESS(address))


def is_international(address: str) -> bool:
    """One beyond ASCII before the @, which a header holds in UTF-8 and mail needs SMTPUTF8 for."""
    return (
        not address.isascii()
        and address.isprintable()
        and len(address.encode()) <= _MAX_ADDRESS
        and bool(_INTERNATIONAL(address))
    )


def unstructured(name: str, text: str) -> bytes:
    """`Name: text`, for Subject and its like, without the final CRLF."""
    text = clean(text)
    if text.isascii() and "=?" not in text:
        if len(name) + 2 + len(text) <= LINE:
            return f"{name}: {text}".encode()
        if _FOLDABLE(text):
            return _folded(f"{name}:", text)
    return f"{name}: {_cached_words(text, len(name) + 2)}".encode()


def mailbox(name: str, display_name: str, address: str) -> bytes:
    """`Name: Display <address>` with the address as it is, without the final CRLF."""
    if len(display_name) + len(address) <= 60 and _is_plain_name(display_name):
        return f"{name}: {display_name} <{address}>".encode()
    shown = phrase(display_name, len(name) + 2)
    if not shown:
        return f"{name}: {address}".encode()
    last = len(shown) - shown.rfind("\n") - 1 if "\n" in shown else len(name) + 2 + len(shown)
    gap = " " if last + len(address) + 3 <= LINE - 2 else "\r\n "
    return f"{name}: {shown}{gap}<{address}>".encode()


def phrase(text: str, column: int) -> str:
    """A display name beginning at `column`: atoms, a quoted string or encoded-words."""
    text = clean(text)
    if len(text) <= 60 and text.isascii() and "=?" not in text:
        if not text or _ATOMS(text):
            return text
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        if len(escaped) <= 60:
            return f'"{escaped}"'
    return _cached_words(text, column)


def _folded(start: str, text: str) -> bytes:
    lines, line = [], start
    for word in text.split(" "):
        if len(line) + 1 + len(word) > LINE and line != start:
            lines.append(line)
            line = ""
        line += " " + word
    return "\r\n".join([*lines, line]).encode()


def _words(text: str, column: int) -> str:
    """Encoded-words of 75 characters at most, on lines of 76 at most, of whole characters each."""
    room = min(_WORD, 76 - column)
    if len(text) <= room and len(whole := _word(text)) <= room:
        return whole
    words, chunk = [], ""
    for character in text:
        if len(_word(chunk + character)) > room and chunk:
            words.append(_word(chunk))
            chunk, room = "", _WORD
        chunk += character
    words.append(_word(chunk))
    return "\r\n ".join(words)


_cached_words = lru_cache(maxsize=4096)(_words)


def _word(text: str) -> str:
    raw = text.encode("utf-8", "replace")
    quoted = "".join([_Q[byte] for byte in raw])
    based = b64encode(raw).decode()
    if len(quoted) <= len(based):
        return f"=?utf-8?q?{quoted}?="
    return f"=?utf-8?b?{based}?="
