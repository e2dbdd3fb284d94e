"""(pure) A tolerant HTML tokenizer that knows the place of every tag and attribute, in linear time.

It changes nothing: callers cut and paste the source by the places it gives.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

RAW_TEXT = frozenset({"script", "style", "title", "textarea"})
VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()  # noqa: SIM905 - reads as a list
)
_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_SPACE = re.compile(r"[\s/]+")
_ATTRIBUTE = re.compile(
    r"([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"'][^\s>]*)))?"
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """Attribute `name` (lower case); the value's characters are `value_start` to `value_end`.

    `start` includes the white space before it. A name alone has an empty value and no `quote`.
    """

    name: str
    start: int
    end: int
    value_start: int
    value_end: int
    quote: str

    def value(self, source: str) -> str:
        return source[self.value_start : self.value_end]


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag, or an end tag when `closing`; `inner` is where the raw text after it is."""

    name: str
    start: int
    end: int
    closing: bool
    attributes: tuple[Attribute, ...]
    self_closing: bool = False
    inner: tuple[int, int] | None = None

    def attribute(self, name: str) -> Attribute | None:
        return next((a for a in self.attributes if a.name == name), None)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, or a declaration such as a doctype or `<![if …]>` when not `real`."""

    start: int
    end: int
    real: bool


def tokens(source: str, *, raw_text: frozenset[str] = RAW_TEXT) -> Iterator[Tag | Comment]:
    """Tags and comments of `source` in order; all between them is text."""
    position = 0
    while (start := source.find("<", position)) >= 0:
        token = _comment(source, start) or _tag(source, start)
        if token is None:
            position = start + 1
            continue
        position = token.end
        if isinstance(token, Tag) and token.name in raw_text and not token.closing:
            closer = re.compile(rf"</{re.escape(token.name)}(?=[\s/>])", re.IGNORECASE | re.ASCII)
            found = closer.search(source, token.end)
            position = found.start() if found else len(source)
            token = Tag(
                token.name,
                token.start,
                token.end,
                False,
                token.attributes,
                token.self_closing,
                (token.end, position),
            )
        yield token


def unfinished(source: str) -> int | None:
    """The index of the last tag, comment or raw text if it never ends and so swallows the rest."""
    last = next(iter(deque(tokens(source), maxlen=1)), None)
    if last is None:
        return None
    if isinstance(last, Comment):
        closed = source.endswith("-->" if last.real else ">", last.start, last.end)
        return None if closed else last.start
    if last.inner and last.inner[1] == len(source):
        return last.start
    return None if source[last.end - 1] == ">" else last.start


def tags(source: str) -> Iterator[Tag]:
    """Tags of `source` in order, those in comments not among them."""
    return (token for token in tokens(source) if isinstance(token, Tag))


def _comment(source: str, start: int) -> Comment | None:
    if source.startswith("<!--", start):
        end = source.find("-->", start + 2)
        return Comment(start, len(source) if end < 0 else end + 3, True)
    following = source[start + 1 : start + 3]
    bogus_end_tag = following[:1] == "/" and not following[1:].isalpha()
    if following[:1] in ("!", "?") or (bogus_end_tag and following[1:]):
        end = source.find(">", start)
        return Comment(start, len(source) if end < 0 else end + 1, False)
    return None


def _tag(source: str, start: int) -> Tag | None:
    closing = source.startswith("/", start + 1)
    name = _NAME.match(source, start + 1 + closing)
    if name is None:
        return None
    position = name.end()
    attributes: list[Attribute] = []
    while position < len(source):
        begin = position
        space = _SPACE.match(source, position)
        position = space.end() if space else position
        if position >= len(source):
            break
        if source[position] == ">":
            own_end = source[position - 1] == "/"
            return Tag(name[0].lower(), start, position + 1, closing, tuple(attributes), own_end)
        found = _ATTRIBUTE.match(source, position)
        if found is None:
            position += 1
            continue
        attributes.append(_attribute(found, begin))
        position = found.end()
    return Tag(name[0].lower(), start, len(source), closing, tuple(attributes))


def _attribute(found: re.Match[str], begin: int) -> Attribute:
    for group, quote in ((2, '"'), (3, "'"), (4, "")):
        if found[group] is not None:
            value_start, value_end = found.span(group)
            return Attribute(found[1].lower(), begin, found.end(), value_start, value_end, quote)
    return Attribute(found[1].lower(), begin, found.end(), found.end(), found.end(), "")
