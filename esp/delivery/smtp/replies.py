"""(pure) Reads the replies of an SMTP server, whatever it sends, within fixed bounds."""

from __future__ import annotations

import re
from typing import NamedTuple

from esp.delivery.smtp.envelope import Kind, Outcome, Stage
from esp.errors import N_

# RFC 5321 §4.5.3.1.5 asks for 512; some receivers explain themselves at length.
MAX_LINE = 4096
MAX_LINES = 128
MAX_TEXT = 1000
# Of so many lines that a server has sent before it is remembered how they were read.
_REMEMBERED = 32

_CODES = {b"%d" % code: code for code in range(200, 600)}
_KINDS: dict[int, Kind] = {2: "sent", 4: "deferred", 5: "failed"}
_ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?=\s|$)\s*")
# A reply that is one line of printable ASCII, as nearly all are: enhanced code and text.
_ORDINARY = re.compile(
    rb"(?:([245]\.\d{1,3}\.\d{1,3})(?: +|\Z))?((?:[!-~](?:[ -~]{0,900}[!-~])?)?)"
).fullmatch


class Reply(NamedTuple):
    """One reply; `lines` are the octets after the code and its separator."""

    code: int
    lines: tuple[bytes, ...]


class ReplyReader:
    """Turns octets in any chunks into replies; after `broken` is set it reads nothing more."""

    __slots__ = ("_known", "_lines", "_rest", "broken")

    def __init__(self) -> None:
        self._known: dict[bytes, Reply] = {}
        self._rest = b""
        self._lines: list[bytes] = []
        self.broken = ""

    @property
    def pending(self) -> bool:
        """Whether a part of a reply has been read."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """The replies completed by `data`, those before a malformed line included."""
        replies: list[Reply] = []
        if self.broken:
            return replies
        if self._rest:
            data = self._rest + data
        # A bare LF ends a line too: strictness here would protect nobody.
        lines = data.split(b"\n")
        self._rest = lines.pop()
        known = self._known
        for line in lines:
            # To MAIL, RCPT and DATA a server says the same each time.
            found = known.get(line)
            if found is not None and not self._lines:
                replies.append(found)
                continue
            code = _CODES.get(line[:3])
            if code is None or len(line) > MAX_LINE:
                self._break(line)
                return replies
            mark = line[3:4]
            if mark == b" " or mark == b"\r" or not mark:
                text = line[4:-1] if line.endswith(b"\r") else line[4:]
                if self._lines:
                    if self._lines[0][:3] != line[:3]:
                        self.broken = N_("The lines of a reply have different codes.")
                        return replies
                    texts = (*(one[4:].rstrip(b"\r") for one in self._lines), text)
                    self._lines = []
                    replies.append(Reply(code, texts))
                else:
                    replies.append(reply := Reply(code, (text,)))
                    if len(known) < _REMEMBERED and len(line) < 100:
                        known[line] = reply
            elif mark == b"-" and len(self._lines) < MAX_LINES:
                self._lines.append(line)
            else:
                self._break(line)
                return replies
        if len(self._rest) > MAX_LINE:
            self._break(self._rest)
        return replies

    def _break(self, line: bytes) -> None:
        if len(line) > MAX_LINE or len(self._lines) >= MAX_LINES:
            self.broken = N_("A reply is too long.")
        else:
            self.broken = N_("A reply is malformed.")


def printable(lines: tuple[bytes, ...]) -> tuple[str, ...]:
    """The lines as text that is safe to store and to show."""
    texts = []
    for line in lines:
        text = line[:MAX_TEXT].decode("utf-8", "replace")
        if not text.isprintable():
            text = "".join(char if char.isprintable() else " " for char in text)
        texts.append(text.strip())
    return tuple(texts)


def classify(reply: Reply, stage: Stage) -> Outcome:
    """The meaning of a reply by its first digit; the enhanced code never overrides it (SMTP-10).

    A 3yz where none is due counts as deferred.
    """
    code, lines = reply
    first = code // 100
    if first == 2 and len(lines) == 1 and (ordinary := _ORDINARY(lines[0])):
        found, said = ordinary.groups()
        if found is None or found[0] == 50:
            return Outcome("sent", code, found.decode() if found else "", said.decode(), stage)
    texts = printable(lines)
    enhanced = ""
    match = _ENHANCED.match(texts[0])
    if match and match[1] == str(first):
        enhanced = match[0].rstrip()
        texts = tuple(
            text[len(enhanced) :].lstrip() if text.startswith(enhanced) else text for text in texts
        )
    text = texts[0] if len(texts) == 1 else " ".join(texts)[:MAX_TEXT]
    kind = _KINDS.get(first, "deferred")
    if code == 552 and stage == "rcpt" and "too many recipients" in text.lower():
        kind = "deferred"  # RFC 5321 §4.5.3.1.10: old servers say 552 where 452 is meant
    return Outcome(kind, code, enhanced, text, stage)
