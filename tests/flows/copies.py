"""A copy of a broadcast as its reader has it, and what readers do with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property

from selectolax.lexbor import LexborHTMLParser

from tests.flows.wire import ask


@dataclass(frozen=True)
class Copy:
    """A mail with both parts; its own links are those that this installation made."""

    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)

    @cached_property
    def html(self) -> str:
        return self._part("html")

    @cached_property
    def text(self) -> str:
        return self._part("plain")

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """Where the links of the HTML part lead, each once."""
        return hrefs(self.html)

    @cached_property
    def clicks(self) -> tuple[str, ...]:
        """Addresses of the tracked links."""
        return tuple(url for url in self.addresses if re.search(r"/c/[^/]+/\d+$", url))

    @cached_property
    def pixel(self) -> str:
        """Address of the picture that tells that the mail was opened."""
        pictures = LexborHTMLParser(self.html).css("img[src]")
        found = [src for one in pictures if "/o/" in (src := one.attributes["src"] or "")]
        assert len(found) == 1, found
        return found[0]

    @cached_property
    def one_click(self) -> str:
        """Where a mail program's own button posts to (RFC 8058)."""
        assert self.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        found = re.search(r"<(https?://[^<>\s]+)>", self.message["List-Unsubscribe"])
        assert found, self.message["List-Unsubscribe"]
        return found[1]

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None, kind
        return str(part.get_content())


def hrefs(html: str) -> tuple[str, ...]:
    """The targets of all links, each once."""
    found = (one.attributes["href"] or "" for one in LexborHTMLParser(html).css("a[href]"))
    return tuple(dict.fromkeys(found))


def open_mail(copy: Copy) -> None:
    """As a mail program does that shows pictures."""
    answer = ask("GET", copy.pixel)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/gif")


def follow(url: str) -> str:
    """Click; where it leads, which is not visited."""
    answer = ask("GET", url)
    assert answer.status == 302, (url, answer.status)
    return str(answer.headers["Location"])


def look_at(url: str) -> str | None:
    """As scanners do: HEAD; where it would lead."""
    answer = ask("HEAD", url)
    assert answer.status in (200, 302), (url, answer.status)
    return answer.headers["Location"]
