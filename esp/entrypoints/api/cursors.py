"""(pure) Pages of a collection: an opaque cursor says where the last one ended."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

_NUMBER = re.compile(rb"[0-9]{1,18}").fullmatch


class Numbered(Protocol):
    """A row with a number of its own."""

    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=Numbered)


def encode(number: int) -> str:
    """The cursor after the row with this number."""
    return base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def decode(cursor: str) -> int:
    """The number in it; ValueError for what `encode` never made."""
    try:
        told = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("This cursor is none of ours.") from error
    if not _NUMBER(told):
        raise ValueError("This cursor is none of ours.")
    return int(told)


def cut(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], str | None]:
    """The page and the cursor after it, of rows that were asked for with `limit` + 1."""
    page = rows[:limit]
    return page, encode(page[-1].id) if len(rows) > limit else None


def page_of(rows: Iterable[Row], after: int | None, limit: int) -> tuple[Sequence[Row], str | None]:
    """A page of a collection that is small enough to be read whole, in the order of its numbers."""
    rest = sorted((row for row in rows if row.id > (after or 0)), key=lambda row: row.id)
    return cut(rest, limit)
