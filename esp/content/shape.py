"""(pure) What a template must look like before the Liquid library may see it.

Some of the library's expressions take quadratic time where a tag is not closed or full of
spaces.
"""

from __future__ import annotations

import re

from esp.content.problems import Problem, place
from esp.content.spans import Span, spans, unclosed
from esp.errors import N_

MAX_SOURCE = 1_000_000
MAX_PIECES = 3_000
MAX_LIQUID = 150_000
MAX_PIECE = 2_000

_VERBATIM = ("raw", "doc", "comment")
_BLOCKS = (*_VERBATIM, "capture", "case", "for", "if", "ifchanged", "tablerow", "unless")


def check(source: str) -> Problem | None:
    """The first reason to refuse `source`, if there is one."""
    if len(source) > MAX_SOURCE:
        return Problem(
            "error", "too-long", N_("The message is too long: 1 million characters is the most.")
        )
    if source.count("{{") + source.count("{%") > 2 * MAX_PIECES:
        return _too_many()
    at = unclosed(source)
    found = list(spans(source))
    if at is not None and not _verbatim(source, found, at):
        return Problem(
            "error",
            "liquid-unclosed",
            N_("A merge tag begins here and never ends: “%(closer)s” is missing."),
            *place(source, at),
            values={"closer": "}}" if source[at + 1] == "{" else "%}"},
        )
    liquid_length = sum(span.end - span.start for span in found)
    if len(found) > MAX_PIECES or liquid_length > MAX_LIQUID:
        return _too_many()
    for span in found:
        piece = source[span.start : span.end]
        if len(piece) > MAX_PIECE or re.search(r"\s{100}", piece):
            text = N_("This merge tag is too long.")
            return Problem("error", "liquid-too-long", text, *place(source, span.start))
    return _check_blocks(source, found)


def _verbatim(source: str, found: list[Span], at: int) -> bool:
    """Whether index `at` lies between `raw` and `endraw`, where nothing is a merge tag."""
    before = [span.name(source) for span in found if span.start < at]
    marks = [name for name in before if name in ("raw", "endraw", "comment", "endcomment")]
    return bool(marks) and marks[-1] in ("raw", "comment")


def _check_blocks(source: str, found: list[Span]) -> Problem | None:
    """The innermost block that is never ended; the library tells no place for it."""
    waiting: list[tuple[str, Span]] = []
    for span in found:
        name = span.name(source)
        inside = waiting[-1][0] if waiting else ""
        if inside in _VERBATIM and name not in ("end" + inside, "comment"):
            continue
        if name in _BLOCKS and (name == "comment" or inside not in _VERBATIM):
            waiting.append((name, span))
        elif name == "end" + inside and inside:
            waiting.pop()
    if not waiting:
        return None
    name, span = waiting[-1]
    text = N_("The block “%(name)s” begins here and never ends.")
    where = place(source, span.start)
    return Problem("error", "liquid-unclosed", text, *where, values={"name": name})


def _too_many() -> Problem:
    text = N_("There are too many merge tags: 3,000 is the most.")
    return Problem("error", "liquid-too-many", text)
