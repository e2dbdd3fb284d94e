"""(pure) Links found in a template and replaced by tracked ones; every other character stays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.entities import html5
from urllib.parse import quote

from esp.content.liquid import local_names
from esp.content.markup import Attribute, Tag, tokens
from esp.content.spans import shadow, spans

_ENTITY = re.compile(r"&(?:#(\d{1,7});?|#[xX]([0-9a-fA-F]{1,6});?|([A-Za-z][A-Za-z0-9]{1,31})(;?))")
_HTTP = re.compile(r"https?://", re.IGNORECASE)
_HOST = re.compile(r"[^/?#\\\s]+")
_IN_TEXT = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_ENDS_BLOCK = re.compile(r"\{%-?\s*(?:end|else|elsif|when)")
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_LABEL_LENGTH = 200


@dataclass(frozen=True)
class Link:
    """Target number `index`: `target` is Liquid for the address, `label` what people see of it."""

    index: int
    target: str
    label: str


@dataclass(frozen=True)
class Rewritten:
    """`source` with `{{ click_N }}` in place of each target, N an index of `links`."""

    source: str
    links: tuple[Link, ...]

    @property
    def html(self) -> str:
        return self.source


@dataclass
class _Found:
    attribute: Attribute
    target: str
    label: str = ""


def rewrite(
    html_template: str, utm: Mapping[str, str] | None = None, *, track: bool = True
) -> Rewritten:
    """The HTML with its web links tracked, and with `utm` parameters where a link has none.

    Links of another scheme, with a host only known for each person, or marked `data-no-track`
    stay as they are; the mark goes.
    """
    local = local_names(html_template)
    table = _Table(())
    edits: list[tuple[int, int, str]] = []
    for tag, label in _anchors(html_template):
        edits += _without_mark(html_template, tag)
        attribute = tag.attribute("href")
        if attribute is None or (track and tag.attribute("data-no-track")):
            continue
        target = decode(attribute.value(html_template)).strip()
        if not _trackable(target, local):
            continue
        target = _with_utm(target, utm or {})
        if track:
            value = f"{{{{ click_{table.index(target, label)} }}}}"
        elif utm:
            value = _escape(target)
        else:
            continue
        edge = "" if attribute.quote else '"'
        edits.append((attribute.value_start, attribute.value_end, edge + value + edge))
    return Rewritten(_edited(html_template, edits), table.links())


def rewrite_text(
    text: str, links: Sequence[Link] = (), utm: Mapping[str, str] | None = None
) -> Rewritten:
    """The same for bare addresses in plain text; `links` are those of the HTML."""
    local = local_names(text)
    table = _Table(links)
    edits: list[tuple[int, int, str]] = []
    dark = shadow(text, output="q", tag=" ")
    for found in _IN_TEXT.finditer(dark):
        end = found.start() + len(_trimmed(found[0]))
        follower = text[end : end + 40]
        if follower.startswith("{%") and not _ENDS_BLOCK.match(follower):
            continue
        # A brace right before ours would be read as part of it.
        if text.endswith("{", 0, found.start()):
            continue
        target = text[found.start() : end]
        if _trackable(target, local):
            number = table.index(_with_utm(target, utm or {}), "")
            edits.append((found.start(), end, f"{{{{ click_{number} }}}}"))
    return Rewritten(_edited(text, edits), table.links())


def decode(value: str) -> str:
    """An attribute's value with its character references decoded, but never inside Liquid."""
    pieces: list[str] = []
    position = 0
    for span in spans(value):
        pieces.append(_ENTITY.sub(_character, value[position : span.start]))
        pieces.append(value[span.start : span.end])
        position = span.end
    pieces.append(_ENTITY.sub(_character, value[position:]))
    return "".join(pieces)


def _character(found: re.Match[str]) -> str:
    if found[3] is None:
        number = int(found[1]) if found[1] else int(found[2], 16)
        valid = 0 < number < 0x110000 and not 0xD800 <= number < 0xE000
        return chr(number) if valid else "\ufffd"
    # In an attribute `&copy=1` is a parameter, not a sign (HTML, 13.2.5.73).
    if not found[4] and found.string[found.end() : found.end() + 1] == "=":
        return found[0]
    return html5.get(found[3] + found[4], found[0])


class _Table:
    def __init__(self, links: Sequence[Link]) -> None:
        self._indexes = {link.target: link.index for link in links}
        self._labels = [link.label for link in links]

    def index(self, target: str, label: str) -> int:
        number = self._indexes.setdefault(target, len(self._indexes))
        if number == len(self._labels):
            self._labels.append(label)
        self._labels[number] = self._labels[number] or label
        return number

    def links(self) -> tuple[Link, ...]:
        return tuple(Link(i, t, self._labels[i]) for t, i in self._indexes.items())


def _anchors(html: str) -> list[tuple[Tag, str]]:
    """Each `a` and `area` with its text, or the alternative text of its picture."""
    found: list[tuple[Tag, list[str], list[str]]] = []
    current: tuple[Tag, list[str], list[str]] | None = None
    position = 0
    for token in tokens(shadow(html)):
        if current:
            current[1].append(html[position : token.start])
        position = token.end
        if not isinstance(token, Tag):
            continue
        if token.name in ("a", "area") and not token.closing:
            alt = token.attribute("alt")
            found.append((token, [], [alt.value(html)] if alt else []))
            current = found[-1] if token.name == "a" else current
        elif token.name == "a":
            current = None
        elif token.name == "img" and current and (alt := token.attribute("alt")):
            current[2].append(alt.value(html))
    return [(tag, _label(text) or _label(alts)) for tag, text, alts in found]


def _label(pieces: list[str]) -> str:
    return " ".join(decode(" ".join(pieces)).split())[:_LABEL_LENGTH]


def _without_mark(html: str, tag: Tag) -> list[tuple[int, int, str]]:
    mark = tag.attribute("data-no-track")
    # Inside a condition in the tag the mark cannot be cut alone.
    if mark is None or "{" in html[mark.start : mark.end]:
        return []
    return [(mark.start, mark.end, "")]


def _trackable(target: str, local: set[str]) -> bool:
    scheme = _HTTP.match(target)
    if scheme is None:
        return False
    dark = shadow(target, output="{", tag="{")
    host = _HOST.match(dark, scheme.end())
    if host is None or "{" in host[0]:
        return False
    # A name of a loop means nothing where the target is looked up.
    return not any(
        name in local
        for span in spans(target)
        for name in _NAME.findall(target[span.start : span.end])
    )


def _with_utm(target: str, utm: Mapping[str, str]) -> str:
    dark = shadow(target)
    cut = dark.find("#")
    cut = len(target) if cut < 0 else cut
    query = dark[:cut].partition("?")[2]
    there = {pair.partition("=")[0] for pair in query.split("&")}
    added = [f"{name}={quote(value, safe='')}" for name, value in utm.items() if name not in there]
    if not added:
        return target
    join = "&" if query else "" if dark[:cut].endswith("?") else "?"
    return target[:cut] + join + "&".join(added) + target[cut:]


def _escape(target: str) -> str:
    pieces: list[str] = []
    position = 0
    for span in [*spans(target), None]:
        text = target[position : span.start if span else None]
        pieces.append(text.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#39;"))
        if span:
            pieces.append(target[span.start : span.end])
            position = span.end
    return "".join(pieces)


def _trimmed(address: str) -> str:
    """An address in a sentence, without the sentence's own signs at its end."""
    while address and address[-1] in ".,;:!?'*)]}>":
        opener = {")": "(", "]": "[", "}": "{"}.get(address[-1])
        if opener and address.count(opener) >= address.count(address[-1]):
            break
        address = address[:-1]
    return address


def _edited(source: str, edits: list[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, text in sorted(edits):
        pieces += (source[position:start], text)
        position = end
    return "".join([*pieces, source[position:]])
