"""(pure) The relaxed forms of header fields and bodies (RFC 6376 §3.4.2, §3.4.4)."""

from __future__ import annotations

import re
from functools import lru_cache

_SPACE = re.compile(rb"[ \t]+")
_BEFORE_A_FIELD = re.compile(rb"\r\n(?![ \t])")


def split(message: bytes) -> tuple[list[bytes], bytes]:
    """Header fields as they are, without their last CRLF, and the body."""
    head, _, body = message.partition(b"\r\n\r\n")
    return _BEFORE_A_FIELD.split(head), body


# What is the same in all copies of a message is found here; what is not, soon makes room.
@lru_cache(maxsize=512)
def relaxed_field(field: bytes) -> tuple[bytes, bytes]:
    """A field's name in small letters, and `name:value` with its CRLF; b"" for what is no field."""
    name, colon, value = field.partition(b":")
    name = name.rstrip(b" \t").lower()
    if not colon or not name:
        return b"", b""
    value = _SPACE.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name, b"%b:%b\r\n" % (name, value)


def relaxed_body(body: bytes) -> bytes:
    """The body itself where it has this form already, as ours do."""
    if (
        body.endswith(b"\r\n")
        and not body.endswith(b"\r\n\r\n")
        and len(body) > 2
        and b"  " not in body
        and b"\t" not in body
        and b" \r\n" not in body
    ):
        return body
    body = _SPACE.sub(b" ", body + b"\r\n").replace(b" \r\n", b"\r\n")
    end = len(body)
    while body[end - 2 : end] == b"\r\n":
        end -= 2
    return body[:end] + b"\r\n" if end else b""
