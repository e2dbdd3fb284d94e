"""(pure) The subject where a message quotes it: filled for the person, as the subject itself is."""

from __future__ import annotations

import re

from esp.content.spans import escaped, spans

_QUOTED = re.compile(r"\{\{-?\s*broadcast\.subject\s*-?\}\}")


def quote_subject(source: str, subject: str, *, html: bool) -> str:
    """`source` with the Liquid of `subject` in place of `{{ broadcast.subject }}`.

    A subject without Liquid is a value like any other, and left to be filled in as one.
    """
    subject = _QUOTED.sub("", subject)
    if not any(spans(subject)):
        return source
    shown = escaped(subject) if html else subject
    return _QUOTED.sub(lambda _: shown, source)
