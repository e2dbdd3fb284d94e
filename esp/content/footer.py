"""(pure) What a mail must have around its content: preheader, required footer, open pixel."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from esp.content.liquid import variables
from esp.content.markup import Comment, Tag, tokens
from esp.content.spans import escaped, shadow, spans

UNSUBSCRIBE = "unsubscribe_url"
ADDRESS = "account.postal_address"
REQUIRED = (UNSUBSCRIBE, ADDRESS)

# Keeps what follows out of the line that an inbox shows.
_PADDING = "&#847;&zwnj;&nbsp;" * 60
_HIDDEN = (
    "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;"
    "mso-hide:all;"
)
_PIXEL = (
    '<img src="{{ pixel_url }}" width="1" height="1" alt="" role="presentation" '
    'style="display:block;width:1px;height:1px;border:0;">'
)
_FOOTER = """<table role="presentation" width="100%" border="0" cellpadding="0" cellspacing="0">\
<tr><td align="center" style="padding:24px 16px 32px;font-family:-apple-system,'Segoe UI',Roboto,\
Helvetica,Arial,sans-serif;font-size:13px;line-height:20px;color:#6b7280;">\
<div style="max-width:600px;margin:0 auto;">"""
_FOOTER_END = "</div></td></tr></table>"
_LINK = '<a href="{{ %s }}" style="color:#6b7280;text-decoration:underline;">%s</a>'


@dataclass(frozen=True)
class FooterTexts:
    """The footer's words in the language of the mail."""

    view: str
    preferences: str
    unsubscribe: str


def missing(html: str | None, text: str) -> tuple[str, ...]:
    """Those of REQUIRED that a reader of either part would not see (16 CFR 316.5)."""
    parts = [text] if html is None else [_visible(html), text]
    used = [variables(part) for part in parts]
    return tuple(path for path in REQUIRED if not all(path in paths for paths in used))


def with_footer(html: str, texts: FooterTexts) -> str:
    """`html` with what it lacks of the required footer put at the end of its body."""
    lacking = missing(None, _visible(html))
    if not lacking:
        return html
    lines: list[str] = []
    if UNSUBSCRIBE in lacking:
        links = (
            _LINK % (path, escape(word))
            for path, word in (
                ("view_url", texts.view),
                ("preferences_url", texts.preferences),
                (UNSUBSCRIBE, texts.unsubscribe),
            )
        )
        lines.append(" &nbsp;·&nbsp; ".join(links))
    if ADDRESS in lacking:
        lines.append("{{ account.name }}<br>{{ account.postal_address | newline_to_br }}")
    return _before_end(html, _FOOTER + "<br><br>".join(lines) + _FOOTER_END)


def with_text_footer(text: str, texts: FooterTexts) -> str:
    """The same for plain text."""
    lacking = missing(None, text)
    lines: list[str] = []
    if UNSUBSCRIBE in lacking:
        lines += [
            f"{texts.view}: {{{{ view_url }}}}",
            f"{texts.preferences}: {{{{ preferences_url }}}}",
            f"{texts.unsubscribe}: {{{{ {UNSUBSCRIBE} }}}}",
        ]
    if ADDRESS in lacking:
        lines += ["", "{{ account.name }}", f"{{{{ {ADDRESS} }}}}"]
    # RFC 3676 §4.3: two dashes and a space begin what is no more of the message.
    return text.rstrip() + "\n\n-- \n" + "\n".join(lines).strip() + "\n" if lines else text


def with_preheader(html: str, preheader: str) -> str:
    """`html` that begins with a hidden `preheader`, Liquid and otherwise plain text."""
    if not preheader.strip():
        return html
    hidden = f'<span style="{_HIDDEN}">{escaped(preheader.strip())}{_PADDING}</span>'
    place = next((t.end for t in _tags(html) if t.name == "body" and not t.closing), None)
    if place is None:
        heads = [t.end for t in _tags(html) if t.name == "head" and t.closing]
        place = heads[0] if heads else 0
    return html[:place] + hidden + html[place:]


def with_pixel(html: str) -> str:
    """`html` with the picture that tells of an opening as the last thing of its body."""
    return _before_end(html, _PIXEL)


def _tags(html: str) -> list[Tag]:
    return [token for token in tokens(shadow(html)) if isinstance(token, Tag)]


def _before_end(html: str, piece: str) -> str:
    ends = {t.name: t.start for t in _tags(html) if t.closing and t.name in ("body", "html")}
    place = ends.get("body", ends.get("html", len(html)))
    return html[:place] + piece + html[place:]


def _visible(html: str) -> str:
    """`html` without its comments: a footer in a comment is none."""
    pieces: list[str] = []
    position = 0
    for token in tokens(shadow(html)):
        if isinstance(token, Comment):
            pieces.append(html[position : token.start])
            # A block that a comment cuts in two would be no Liquid any more.
            pieces.extend(html[s.start : s.end] for s in _logic(html, token))
            position = token.end
    return "".join([*pieces, html[position:]])


def _logic(html: str, comment: Comment) -> list[_Place]:
    part = html[comment.start : comment.end]
    return [
        _Place(comment.start + s.start, comment.start + s.end)
        for s in spans(part)
        if s.kind == "tag"
    ]


@dataclass(frozen=True, slots=True)
class _Place:
    start: int
    end: int
