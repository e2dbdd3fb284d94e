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


def check(source: str) -> Problem | None:
    """The first reason to refuse `source`, if there is one."""
    if len(source) > MAX_SOURCE:
        return Problem(
            "error", "too-long", N_("The message is too long: 1 million characters is the most.")
        )
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
        return Problem(
            "error", "liquid-too-many", N_("There are too many merge tags: 3,000 is the most.")
        )
    for span in found:
        piece = source[span.start : span.end]
        if len(piece) > MAX_PIECE or re.search(r"\s{100}", piece):
            text = N_("This merge tag is too long.")
            return Problem("error", "liquid-too-long", text, *place(source, span.start))
    return _check_verbatim(source, found)


def _verbatim(source: str, found: list[Span], at: int) -> bool:
    """Whether index `at` lies between `raw` and `endraw`, where nothing is a merge tag."""
    before = [span.name(source) for span in found if span.start < at]
    marks = [name for name in before if name in ("raw", "endraw", "comment", "endcomment")]
    return bool(marks) and marks[-1] in ("raw", "comment")


def _check_verbatim(source: str, found: list[Span]) -> Problem | None:
    waiting: Span | None = None
    for span in found:
        name = span.name(source)
        if waiting is None and name in ("raw", "doc"):
            waiting = span
        elif waiting is not None and name == "end" + waiting.name(source):
            waiting = None
    if waiting is None:
        return None
    return Problem(
        "error",
        "liquid-unclosed",
        N_("The block “%(name)s” begins here and never ends."),
        *place(source, waiting.start),
        values={"name": waiting.name(source)},
    )
