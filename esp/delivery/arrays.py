"""(pure) Arrays as PostgreSQL reads them: a thousand values in one parameter, made in no time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


def numbers(values: Iterable[int]) -> str:
    """For integer[] and its like."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str]) -> str:
    """For text[]; the values hold no NUL."""
    quoted = list(values)
    whole = "".join(quoted)
    if "\\" in whole or '"' in whole:
        quoted = [value.replace("\\", "\\\\").replace('"', '\\"') for value in quoted]
    return '{"' + '","'.join(quoted) + '"}' if quoted else "{}"


def seconds(values: Iterable[datetime | None]) -> str:
    """For double precision[], to be read with to_timestamp()."""
    return (
        "{" + ",".join(["NULL" if one is None else repr(one.timestamp()) for one in values]) + "}"
    )
