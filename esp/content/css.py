"""(pure) Style sheets that must still win after the other rules have become style attributes."""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"(/\*.*?(?:\*/|\Z)|\"[^\"\n]{0,2000}\"|'[^'\n]{0,2000}'|url\([^)]{0,2000}\)|[{};])", re.DOTALL
)
_DECLARATION = re.compile(r"\s*(?:/\*.*?\*/\s*)*[-\w]+\s*:", re.DOTALL)
_PSEUDO = re.compile(r":{1,2}[a-z-]+")
_GROUPS = ("@supports", "@layer", "@container", "@scope")


def insist(css: str) -> str:
    """`css` with `!important` on what stands in media queries and at pseudo-classes.

    A style attribute beats every rule that is not important, so that a phone's rule of the same
    property would never be seen again.
    """
    result: list[str] = []
    kinds: list[str] = []
    current = ""
    for piece in _PIECE.split(css):
        if piece == "{":
            kinds.append(_kind(current, kinds))
            result.append(current + piece)
            current = ""
        elif piece in ("}", ";"):
            strong = bool(kinds) and kinds[-1] == "strong"
            result.append((_important(current) if strong else current) + piece)
            current = ""
            if piece == "}" and kinds:
                kinds.pop()
        else:
            current += piece
    return "".join([*result, current])


def _kind(prelude: str, kinds: list[str]) -> str:
    words = re.sub(r"/\*.*?\*/", "", prelude, flags=re.DOTALL).strip().lower()
    if words.startswith("@media"):
        return "media"
    if words.startswith(_GROUPS):
        return kinds[-1] if kinds else "plain"
    if words.startswith("@") or (kinds and kinds[-1] == "other"):
        return "other"
    if "media" in kinds or _PSEUDO.search(words):
        return "strong"
    return "plain"


def _important(declaration: str) -> str:
    body = declaration.rstrip()
    if (
        not _DECLARATION.match(body)
        or "!important" in body.lower().replace("! ", "!")
        or body.count("(") != body.count(")")
    ):
        return declaration
    return f"{body} !important{declaration[len(body) :]}"
