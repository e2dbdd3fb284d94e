"""What a test takes out of a mail: its links, its pixel, its one-click address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from html import unescape


@dataclass(frozen=True)
class Mail:
    """A mail as its reader's program has it."""

    to: str
    subject: str
    html: str
    text: str
    one_click: str

    @property
    def pixel(self) -> str:
        return self._one(r'<img[^>]+src="([^"]*/o/[^"]+)"')

    @property
    def unsubscribe_page(self) -> str:
        return self._one(r'href="([^"]*/u/[^"]+)"')

    @property
    def preferences(self) -> str:
        return self._one(r'href="([^"]*/p/[^"]+)"')

    @property
    def clicks(self) -> list[str]:
        """The links that are counted, each once, in order."""
        return list(dict.fromkeys(map(unescape, re.findall(r'href="([^"]*/c/[^"]+)"', self.html))))

    def _one(self, pattern: str) -> str:
        found = re.search(pattern, self.html)
        assert found, (pattern, self.html)
        return unescape(found[1])


def read(raw: bytes) -> Mail:
    message = message_from_bytes(raw, policy=default)
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    header = message.get("List-Unsubscribe", "")
    one_click = re.search(r"<(https?://[^>]+)>", header)
    return Mail(
        message["To"].addresses[0].addr_spec,
        str(message["Subject"]),
        html.get_content() if html else "",
        text.get_content() if text else "",
        one_click[1] if one_click else "",
    )
