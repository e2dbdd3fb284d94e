"""(pure) Where the Liquid in a text is, found in linear time whatever the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal

_CLOSER = {"{{": "}}", "{%": "%}"}


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` are one output `{{ … }}` or one tag `{% … %}`."""

    kind: Literal["output", "tag"]
    start: int
    end: int

    def name(self, source: str) -> str:
        """The tag's name; empty for an output."""
        if self.kind == "output":
            return ""
        words = source[self.start + 2 : self.end - 2].lstrip("-").split(None, 1)
        return words[0].rstrip("-") if words else ""


def spans(source: str) -> Iterator[Span]:
    """Each piece of Liquid in order; an opener without its closer is text."""
    position = 0
    # Where each opener comes next; one that comes no more, or has no closer any more, is left out,
    # since looking for it again each time would be quadratic.
    following = {opener: source.find(opener) for opener in _CLOSER}
    while True:
        for opener, at in tuple(following.items()):
            if 0 <= at < position:
                at = following[opener] = source.find(opener, position)
            if at < 0:
                del following[opener]
        if not following:
            return
        opener = min(following, key=following.__getitem__)
        start = following[opener]
        end = source.find(_CLOSER[opener], start + 2)
        if end < 0:
            del following[opener]
            continue
        yield Span("output" if opener == "{{" else "tag", start, end + 2)
        position = end + 2


def unclosed(source: str) -> int | None:
    """The index of the first opener that is never closed, if there is one."""
    position = 0
    for span in (*spans(source), None):
        # In `{{%` the second brace belongs to both, and a later `}}` would make it an output.
        stop = span.start + 1 if span else len(source)
        found = [at for o in _CLOSER if (at := source.find(o, position, stop)) >= 0]
        if found:
            return min(found)
        if span:
            position = span.end
    return None


def shadow(source: str, *, output: str = "q", tag: str = " ") -> str:
    """`source` with each character of an output or tag replaced by one filler character.

    Every index means the same place in both.
    """
    pieces: list[str] = []
    position = 0
    for span in spans(source):
        pieces.append(source[position : span.start])
        pieces.append((output if span.kind == "output" else tag) * (span.end - span.start))
        position = span.end
    pieces.append(source[position:])
    return "".join(pieces)


def escaped(text: str) -> str:
    """Plain `text` as HTML, its Liquid as it is."""
    pieces: list[str] = []
    position = 0
    for span in spans(text):
        pieces += (escape(text[position : span.start]), text[span.start : span.end])
        position = span.end
    return "".join([*pieces, escape(text[position:])])
