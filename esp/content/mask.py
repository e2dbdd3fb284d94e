"""(pure) Hide from HTML tools what they would move, escape or drop, and bring it back unchanged.

HTML parsers move `{% for %}` out of tables, escape braces in addresses and make revealed
conditional comments real ones. In text a comment stands for such a piece, elsewhere an inert word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from esp.content.markup import RAW_TEXT, Comment, Tag, tokens
from esp.content.spans import Span, shadow, spans

# Serialisers escape these attributes' values as addresses; others they only quote.
_ADDRESSES = frozenset({"href", "src", "action", "name", "background", "srcset", "poster"})
_SAFE_ADDRESS = re.compile(r"(?:[A-Za-z0-9\-._~@/:=?;#%,+]|&amp;)*")


@dataclass(frozen=True)
class Masked:
    """`text` with words that begin with `prefix` in place of the `originals`."""

    text: str
    originals: tuple[str, ...]
    prefix: str


@dataclass(frozen=True, slots=True)
class _Region:
    start: int
    end: int
    # c: a comment, s: a comment in CSS, w: a bare word, a: an attribute of its own
    form: str


def mask(source: str, *, raw_text: frozenset[str] = RAW_TEXT) -> Masked:
    """`source` with its Liquid, comments and odd addresses replaced by inert words."""
    prefix = _prefix(source)
    originals: list[str] = []
    pieces: list[str] = []
    position = 0
    for region in _regions(source, raw_text):
        pieces.append(source[position : region.start])
        pieces.append(_word(source, region, f"{prefix}{len(originals)}"))
        originals.append(source[region.start : region.end])
        position = region.end
    pieces.append(source[position:])
    return Masked("".join(pieces), tuple(originals), prefix)


def unmask(text: str, masked: Masked) -> str:
    """`text` with each word replaced by its original, wherever a tool has put it."""
    p = masked.prefix
    words = re.compile(
        rf"<!--{p}(\d+)c-->|/\*{p}(\d+)s\*/|{p}(\d+)w|( ?){p}(\d+)([nlrb])(?:=\"\")?( ?)"
    )

    def original(found: re.Match[str]) -> str:
        number = found[1] or found[2] or found[3]
        if number is not None:
            return masked.originals[int(number)]
        before = "" if found[6] in "lb" else found[4]
        after = "" if found[6] in "rb" else found[7]
        return before + masked.originals[int(found[5])] + after

    return words.sub(original, text)


def _prefix(source: str) -> str:
    lower = source.lower()
    number = 0
    while f"lq{number}x" in lower:
        number += 1
    return f"lq{number}x"


def _word(source: str, region: _Region, name: str) -> str:
    match region.form:
        case "c":
            return f"<!--{name}c-->"
        case "s":
            return f"/*{name}s*/"
        case "w":
            return f"{name}w"
    left = not source[region.start - 1 : region.start].isspace()
    right = not (source[region.end : region.end + 1] or ">").isspace()
    letter = {(True, True): "b", (True, False): "l", (False, True): "r"}.get((left, right), "n")
    return f'{" " * left}{name}{letter}=""{" " * right}'


def _regions(source: str, raw_text: frozenset[str]) -> Iterator[_Region]:
    """What is to be replaced, in order and without overlap."""
    waiting = _Waiting(list(spans(source)))
    for token in tokens(shadow(source), raw_text=raw_text):
        for span in waiting.until(token.start):
            yield _Region(span.start, span.end, "c")
        inside = waiting.until(token.end)
        if isinstance(token, Comment):
            if token.real or inside or not _is_doctype(source, token):
                yield _Region(token.start, max([token.end, *(s.end for s in inside)]), "c")
            continue
        yield from _in_tag(source, token, inside)
        if token.inner:
            style = token.name in ("style", "mj-style")
            for span in waiting.until(token.inner[1]):
                form = "s" if style and span.kind == "tag" else "w"
                yield _Region(span.start, span.end, form)
    for span in waiting.until(len(source)):
        yield _Region(span.start, span.end, "c")


class _Waiting:
    """Spans not yet placed."""

    def __init__(self, all_spans: list[Span]) -> None:
        self._spans = all_spans
        self._next = 0

    def until(self, end: int) -> list[Span]:
        first = self._next
        while self._next < len(self._spans) and self._spans[self._next].start < end:
            self._next += 1
        return self._spans[first : self._next]


def _is_doctype(source: str, comment: Comment) -> bool:
    return source[comment.start : comment.start + 9].lower() == "<!doctype"


def _in_tag(source: str, tag: Tag, inside: list[Span]) -> Iterator[_Region]:
    name_end = tag.start + 1 + tag.closing + len(tag.name)
    if inside and (tag.closing or inside[0].start < name_end or inside[-1].end > tag.end):
        yield _Region(tag.start, max(tag.end, inside[-1].end), "c")
        return
    found: list[_Region] = []
    rest = list(inside)
    for attribute in tag.attributes:
        start, end = attribute.value_start, attribute.value_end
        own = [s for s in inside if start <= s.start and s.end <= end]
        rest = [s for s in rest if s not in own]
        if own and attribute.name == "style":
            begin = source.index(
                source[attribute.start : attribute.end].lstrip(" \t\r\n\f/"), attribute.start
            )
            found.append(_Region(begin, attribute.end, "a"))
        elif attribute.name in _ADDRESSES and not _SAFE_ADDRESS.fullmatch(source, start, end):
            found.append(_Region(start, end, "w"))
        else:
            found.extend(_Region(s.start, s.end, "w") for s in own)
    if rest:
        # From the first to the last as one: parsers drop the second of two attributes in branches.
        begin, end = rest[0].start, rest[-1].end
        touched = [r for r in found if r.end > begin and r.start < end]
        begin, end = (
            min([begin, *(r.start for r in touched)]),
            max([end, *(r.end for r in touched)]),
        )
        found = [r for r in found if r not in touched]
        form = "w" if source[tag.start : begin].rstrip().endswith("=") else "a"
        found.append(_Region(begin, end, form))
    yield from sorted(found, key=lambda region: region.start)
