"""(pure) A raw message as people read it: headers, text, HTML, source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

# A line of a source that is longer is no text for people.
LONGEST_SOURCE = 2_000_000
# Ours by its path: an account's pixels may come from a host of its own.
_PIXEL = re.compile(r"""<img\b[^>]*\ssrc=["'][^"']*/o/[^"'/]+\.gif["'][^>]*>""", re.IGNORECASE)


@dataclass(frozen=True)
class Letter:
    """`headers` in their order, decoded and unfolded; a part that is None is not there."""

    headers: tuple[tuple[str, str], ...]
    html: str | None
    text: str | None
    source: str

    def header(self, name: str) -> str:
        """The first of this name, or nothing."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), "")

    @property
    def one_click(self) -> str | None:
        """Where a one-click unsubscribe is posted to (RFC 8058), if the message allows it."""
        if self.header("List-Unsubscribe-Post").strip() != "List-Unsubscribe=One-Click":
            return None
        found = re.search(r"<(https?://[^<>\s]+)>", self.header("List-Unsubscribe"))
        return found[1] if found else None


def has_pixel(html: str) -> bool:
    """Whether looking at it is counted as an open."""
    return _PIXEL.search(html) is not None


def without_pixel(html: str) -> str:
    """The same, for a look that is not counted."""
    return _PIXEL.sub("", html)


def read(raw: bytes) -> Letter:
    """Whatever arrived can be read; what is broken shows as it is."""
    message = message_from_bytes(raw, policy=policy.default)
    return Letter(
        headers=tuple(_headers(message)),
        html=_part(message, "html"),
        text=_part(message, "plain"),
        source=raw[:LONGEST_SOURCE].decode("utf-8", "replace").replace("\r\n", "\n"),
    )


def _headers(message: EmailMessage) -> Iterator[tuple[str, str]]:
    for name, raw in message.raw_items():
        try:
            value = str(message.policy.header_fetch_parse(name, raw))
        except Exception:  # the library's parser breaks in many ways on hostile headers
            value = str(raw)
        yield name, " ".join(value.split())


def _part(message: EmailMessage, subtype: str) -> str | None:
    try:
        body = message.get_body((subtype,))
        return None if body is None else str(body.get_content())
    except Exception:  # as above: an unknown charset, broken base64, a part that isn't one
        return None
