"""(pure) Style sheets made style attributes, since many mail programs read nothing else."""

from __future__ import annotations

import logging
import re
from typing import Literal

import css_inline

from esp.content.css import insist
from esp.content.markup import VOID, Attribute, Tag, tags, tokens
from esp.content.mask import Masked, mask, unmask
from esp.content.spans import shadow
from esp.errors import N_, Invalid

Inliner = Literal["premailer", "css-inline"]

_MAX_DEPTH = 200
_MAX_CSS = 200_000
# Their end tags may be left out, so that they say nothing about depth.
_OPEN_ENDED = VOID | {"p", "li", "td", "th", "tr", "dt", "dd", "option", "tbody", "thead", "tfoot"}
_MARKABLE = re.compile(r"(<tbody)(?=[\s>])", re.IGNORECASE)
_STYLE = re.compile(r"""style\s*=\s*(["']?)(.*)\1\Z""", re.DOTALL | re.IGNORECASE)


def inline(html: str, inliner: Inliner = "premailer") -> str:
    """A whole document with its rules inlined; style sheets stay, for media queries and the like.

    Raises Invalid when the tool cannot read the document.
    """
    start, end = _document(html)
    if start == end:
        return html
    masked = mask(html[start:end])
    text, sheets = _mark_sheets(masked)
    try:
        made = (_premailer if inliner == "premailer" else _css_inline)(text)
    except Exception as error:
        # Third-party parsers on foreign input raise whatever they like.
        raise Invalid(
            N_("The styles could not be read: %(detail)s"), detail=str(error)[:200]
        ) from error
    made = _restore_sheets(made, masked, sheets)
    made = _join_styles(made, masked)
    return html[:start] + unmask(made, masked).strip() + html[end:]


def _document(html: str) -> tuple[int, int]:
    """The place of what the tools may see: without the doctype and what surrounds the document."""
    dark = shadow(html)
    first: Tag | None = None
    end = len(html)
    depth = css = 0
    for tag in tags(dark):
        first = first or tag
        css += tag.inner[1] - tag.inner[0] if tag.inner and tag.name == "style" else 0
        if tag.name not in _OPEN_ENDED and not tag.self_closing:
            depth += -1 if tag.closing else 1
        if depth > _MAX_DEPTH or css > _MAX_CSS:
            raise Invalid(N_("The styles could not be read: %(detail)s"), detail="too much of them")
        if tag.name == "html" and tag.closing:
            end = tag.end
    if first is None:
        return 0, 0
    return (first.start if first.name in ("html", "head", "body") else 0), end


def _premailer(html: str) -> str:
    # Here, not above: it brings lxml, cssutils and requests, and few processes ever inline.
    from premailer import Premailer

    tool = Premailer(
        html,
        allow_network=False,
        keep_style_tags=True,
        # Of the copies in style attributes only: the sheets themselves are put back as they were.
        strip_important=True,
        # Attributes that were there for old programs are better than what CSS would make of them.
        disable_basic_attributes=["align", "valign", "bgcolor", "width", "height"],
        disable_validation=True,
        cache_css_parsing=False,
        cssutils_logging_level=logging.CRITICAL + 1,
    )
    return str(tool.transform(pretty_print=False))


def _css_inline(html: str) -> str:
    tool = css_inline.CSSInliner(
        keep_style_tags=True,
        keep_link_tags=True,
        keep_at_rules=True,
        load_remote_stylesheets=False,
    )
    made = _without_implied(str(tool.inline(_MARKABLE.sub(r"\1 lqtbody", html))))
    pieces: list[str] = []
    position = 0
    for tag in tags(made):
        style = tag.attribute("style")
        if style:
            pieces.append(made[position : style.value_start])
            pieces.append(re.sub(r"\s*!\s*important", "", style.value(made)))
            position = style.value_end
    return "".join([*pieces, made[position:]])


def _without_implied(made: str) -> str:
    """`made` without the table bodies that HTML parsers add: loops would begin outside of them."""
    pieces: list[str] = []
    position = 0
    own: list[bool] = []
    for tag in tags(made):
        if tag.name != "tbody":
            continue
        mark = tag.attribute("lqtbody")
        if not tag.closing:
            own.append(mark is not None)
        kept = own[-1] if own else True
        if tag.closing and own:
            own.pop()
        start, end = (mark.start, mark.end) if mark else (tag.start, tag.end)
        if mark or not kept:
            pieces.append(made[position:start])
            position = end
    return "".join([*pieces, made[position:]])


def _mark_sheets(masked: Masked) -> tuple[str, list[str]]:
    """The text with a mark at the head of each style sheet, and the sheets as they were."""
    pieces: list[str] = []
    sheets: list[str] = []
    position = 0
    for tag in tags(masked.text):
        if tag.name == "style" and tag.inner:
            pieces.append(masked.text[position : tag.inner[0]])
            pieces.append(f"/*{masked.prefix}{len(sheets)}k*/")
            sheets.append(masked.text[slice(*tag.inner)])
            position = tag.inner[0]
    return "".join([*pieces, masked.text[position:]]), sheets


def _restore_sheets(made: str, masked: Masked, sheets: list[str]) -> str:
    mark = re.compile(rf"\s*/\*{masked.prefix}(\d+)k\*/")
    pieces: list[str] = []
    position = 0
    for tag in tags(made):
        if tag.name == "style" and tag.inner and (found := mark.match(made, *tag.inner)):
            pieces.append(made[position : tag.inner[0]])
            pieces.append(insist(sheets[int(found[1])]))
            position = tag.inner[1]
    return "".join([*pieces, made[position:]])


def _join_styles(made: str, masked: Masked) -> str:
    """Style attributes that hold Liquid were hidden whole; what was inlined is put before them."""
    hidden = re.compile(rf"{masked.prefix}(\d+)[nlrb]")
    pieces: list[str] = []
    position = 0
    for token in tokens(made):
        if not isinstance(token, Tag):
            continue
        own = token.attribute("style")
        for attribute in token.attributes:
            number = hidden.fullmatch(attribute.name)
            kept = _STYLE.match(masked.originals[int(number[1])]) if number else None
            if own is None or kept is None:
                continue
            joined = _joined(own.value(made), kept[2], kept[1] or '"')
            for part in sorted((own, attribute), key=_start):
                pieces.append(made[position : part.start])
                pieces.append(joined if part is own else "")
                position = part.end
            break
    return "".join([*pieces, made[position:]])


def _start(attribute: Attribute) -> int:
    return attribute.start


def _joined(inlined: str, kept: str, quote: str) -> str:
    escaped = inlined.replace('"', "&quot;").replace("'", "&#39;") if quote == "'" else inlined
    return f" style={quote}{escaped.rstrip('; ')};{kept}{quote}"
