"""(pure) Sender and subject of a raw message, read leniently: for a list, not for a decision."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header

_LONGEST_HEAD = 65536
_LONGEST = 500
_HEADERS = {
    name: re.compile(rb"^%b:[ \t]*([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)" % name.encode(), re.I | re.M)
    for name in ("From", "Subject")
}


def sender_and_subject(raw: bytes) -> tuple[str, str]:
    """Decoded and on one line each; empty where there is none."""
    head = raw[:_LONGEST_HEAD]
    end = re.search(rb"\r?\n\r?\n", head)
    head = head[: end.start()] if end else head
    return _shown(head, "From"), _shown(head, "Subject")


def _shown(head: bytes, name: str) -> str:
    found = _HEADERS[name].search(head)
    if found is None:
        return ""
    written = re.sub(r"\r?\n[ \t]", " ", found[1].decode("utf-8", "replace"))
    try:
        text = str(make_header(decode_header(written)))
    except (HeaderParseError, LookupError, ValueError):
        text = written
    return " ".join(text.replace("\0", "").split())[:_LONGEST]
