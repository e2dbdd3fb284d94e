"""(pure) The plain text of an HTML mail, with its merge tags and its links."""

from __future__ import annotations

import re

import inscriptis
from inscriptis.css_profiles import STRICT_CSS_PROFILE
from inscriptis.html_properties import Display
from inscriptis.model.config import ParserConfig
from inscriptis.model.html_element import HtmlElement
from inscriptis.model.tag import CustomHtmlTagHandlerMapping

from esp.content.links import decode
from esp.content.liquid import check
from esp.content.markup import Tag, tokens
from esp.content.spans import Span, shadow, spans

_BLOCKS = ("table", "tbody", "thead", "tfoot", "tr", "td", "th")
_SKIPPED = frozenset({"script", "style", "title"})
# What people can use outside the mail; of the first group only what follows is shown.
_SCHEME = re.compile(r"(mailto:|tel:)|https?://|\{\{", re.IGNORECASE)
_WORD = re.compile(r"lqt(\d+)([ot])e")


def from_html(html: str) -> str:
    """The text part of `html`: layout tables flattened, links as “text (address)”."""
    reader = _Reader(html)
    flat = reader.flatten()
    for convert in (_by_inscriptis, _by_stripping):
        try:
            text = convert(flat)
        except (RecursionError, ValueError, LookupError, AttributeError, TypeError, AssertionError):
            continue
        result = _tidy(reader.restore(_tidy(text)))
        if not check(result):
            return result
    return ""


class _Reader:
    """Rewrites the HTML so that words stand for Liquid and addresses, and puts them back."""

    def __init__(self, html: str) -> None:
        # The same letters from outside would be taken for a word of ours.
        self._html = _WORD.sub("", html)
        self._originals: list[str] = []
        self._target: str | None = None
        self._since = 0

    def flatten(self) -> str:
        html = self._html
        dark = shadow(html)
        all_spans = list(spans(html))
        pieces: list[str] = []
        position = number = 0
        for token in tokens(dark):
            while number < len(all_spans) and all_spans[number].start < token.start:
                position = self._text(pieces, position, all_spans[number])
                number += 1
            pieces.append(html[position : token.start])
            position = token.end
            while number < len(all_spans) and all_spans[number].start < token.end:
                number += 1
            if not isinstance(token, Tag):
                continue
            if token.name in _SKIPPED and token.inner:
                while number < len(all_spans) and all_spans[number].start < token.inner[1]:
                    number += 1
                position = token.inner[1]
            pieces.extend(self._tag(token, dark, pieces))
        for span in all_spans[number:]:
            position = self._text(pieces, position, span)
        return "".join([*pieces, html[position:]])

    def _text(self, pieces: list[str], position: int, span: Span) -> int:
        pieces.append(self._html[position : span.start])
        pieces.append(self._word(self._html[span.start : span.end], span.kind[0]))
        return max(position, span.end)

    def _word(self, original: str, kind: str) -> str:
        self._originals.append(original)
        return f"lqt{len(self._originals) - 1}{kind}e"

    def _tag(self, tag: Tag, dark: str, pieces: list[str]) -> list[str]:
        html = self._html
        if tag.name == "a":
            closed = [self._address(pieces)]
            if not tag.closing:
                href = tag.attribute("href")
                self._target = decode(href.value(html)).strip() if href else None
                self._since = len(pieces)
            return closed
        if tag.name == "img":
            alt = tag.attribute("alt")
            text = decode(alt.value(html)).strip() if alt else ""
            return [f" {self._word(text, 'o')} "] if text else []
        return [dark[tag.start : tag.end]]

    def _address(self, pieces: list[str]) -> str:
        """What is put where a link ends: its address, unless it is what was just read."""
        target, self._target = self._target, None
        scheme = _SCHEME.match(target or "")
        if not target or not scheme:
            return ""
        if scheme[1]:
            target = target[scheme.end() :].partition("?")[0]
        shown = self.restore("".join(pieces[self._since :])).strip()
        return "" if target in shown else f" ({self._word(target, 'o')})"

    def restore(self, text: str) -> str:
        # What the author wrote as characters must not become Liquid now.
        text = text.replace("{{", "{ {").replace("{%", "{ %")
        return _WORD.sub(lambda found: self._originals[int(found[1])], text)


def _by_inscriptis(html: str) -> str:
    css = STRICT_CSS_PROFILE.copy()
    for name in _BLOCKS:
        css[name] = HtmlElement(display=Display.block)
    plain = CustomHtmlTagHandlerMapping(
        start_tag_mapping=dict.fromkeys(("table", "tr", "td", "th")),
        end_tag_mapping=dict.fromkeys(("table", "td", "th")),
    )
    config = ParserConfig(css=css, custom_html_tag_handler_mapping=plain)
    return str(inscriptis.get_text(html, config))


def _by_stripping(html: str) -> str:
    """The words in their order and nothing else, for documents that no tree can be made of."""
    pieces: list[str] = []
    position = 0
    for token in tokens(html):
        pieces.append(html[position : token.start])
        pieces.append("\n" if isinstance(token, Tag) else "")
        position = token.end
    return decode("".join([*pieces, html[position:]]))


def _tidy(text: str) -> str:
    lines: list[str] = []
    held = ""
    for line in text.splitlines():
        line = line.replace("\xa0", " ").replace("\u200c", "").replace("\u034f", "").strip()
        only_logic = line and not re.sub(r"lqt\d+te", "", line).strip()
        if only_logic:
            # On a line of its own it would leave an empty line in every mail.
            held += line
        elif line or held or (lines and lines[-1]):
            lines.append(held + line)
            held = ""
    return "\n".join([*lines, *([held] if held else [])]).strip() + "\n" if lines or held else ""
