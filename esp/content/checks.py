"""(pure) What is allowed and yet makes a mail worse: said as warnings."""

from __future__ import annotations

from collections.abc import Iterator

from esp.content.markup import Tag, tokens, unfinished
from esp.content.problems import Problem, place
from esp.content.spans import shadow
from esp.errors import N_

# Gmail cuts longer mails, and with them the footer.
CLIP_BYTES = 102 * 1024
_FEW_WORDS = 10


def warnings(source: str, html: str) -> Iterator[Problem]:
    """Warnings about `html`; lines are those of `source`, which it was made of."""
    size = len(html.encode("utf-8", "replace"))
    if size > CLIP_BYTES:
        text = N_(
            "The HTML is %(size)d kB long. Gmail cuts mails above 102 kB, and the footer with it."
        )
        yield _warning("too-large", text, size=size // 1024)
    images = [t for t in _tags(source) if t.name in ("img", "mj-image") and not t.closing]
    if images and _words(html) < _FEW_WORDS:
        text = N_(
            "The mail is nothing but pictures. Many people and filters will see nothing of it."
        )
        yield _warning("only-images", text)
    without = [t for t in images if t.attribute("alt") is None]
    if without:
        text = N_("Pictures without an alternative text: %(count)d. Say what they show.")
        line, column = place(source, without[0].start)
        values = {"count": len(without)}
        yield Problem("warning", "missing-alt", text, line, column, values)
    yield from _empty_links(source)


def unfinished_markup(source: str) -> Iterator[Problem]:
    """An error where a comment, tag or style sheet would swallow all that follows it."""
    at = unfinished(shadow(source))
    if at is not None:
        text = N_("What begins here (“%(piece)s”) never ends.")
        values = {"piece": source[at : at + 12].partition("\n")[0]}
        yield Problem("error", "html-unclosed", text, *place(source, at), values=values)


def unknown_tags(tags: tuple[str, ...]) -> Iterator[Problem]:
    """One warning for the merge tags of another product that became empty."""
    if tags:
        text = N_("These merge tags mean nothing here and became empty: %(tags)s")
        yield _warning("unknown-tags", text, tags=", ".join(tags))


def _empty_links(source: str) -> Iterator[Problem]:
    empty = [tag for tag in _tags(source) if _is_empty_link(source, tag)]
    if empty:
        text = N_("Links that lead nowhere: %(count)d.")
        where = place(source, empty[0].start)
        yield Problem("warning", "empty-link", text, *where, values={"count": len(empty)})


def _is_empty_link(source: str, tag: Tag) -> bool:
    if tag.closing or tag.name not in ("a", "mj-button"):
        return False
    href = tag.attribute("href")
    if href is None:
        return tag.attribute("name") is None and tag.attribute("id") is None
    return href.value(source).strip() in ("", "#")


def _words(html: str) -> int:
    """How many words people would see."""
    pieces: list[str] = []
    position = 0
    dark = shadow(html)
    for token in tokens(dark):
        pieces.append(dark[position : token.start])
        position = token.end
        if isinstance(token, Tag) and token.inner:
            position = token.inner[1]
    return len(" ".join([*pieces, dark[position:]]).replace("&nbsp;", " ").split())


def _tags(source: str) -> list[Tag]:
    """The tags of `source` but for MJML's default values, which show nothing."""
    found: list[Tag] = []
    defaults = False
    for token in tokens(shadow(source)):
        if isinstance(token, Tag):
            if token.name == "mj-attributes":
                defaults = not token.closing
            elif not defaults:
                found.append(token)
    return found


def _warning(code: str, text: str, **values: object) -> Problem:
    return Problem("warning", code, text, values=values)
