"""(pure) The first rows of a contact file and what its columns probably are."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO

from esp.contacts.reading.headers import suggest
from esp.contacts.reading.mapping import Mapping
from esp.contacts.reading.rows import read_rows
from esp.contacts.reading.shape import Dialect, Row
from esp.contacts.reading.sniff import looks_like_header
from esp.errors import N_, Invalid

# What is looked at for types and JSON keys, beyond the rows that are shown.
_LOOK = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """`header` has "" for a column without a name; `mapping` is None if a person must say what
    the columns are. Import with this `dialect`: for a workbook only the rows show the header."""

    dialect: Dialect
    header: list[str]
    rows: list[Row]
    mapping: Mapping | None


def preview(
    stream: BinaryIO, dialect: Dialect, n: int = 20, fields: AnyMapping[str, str] | None = None
) -> Preview:
    """Read the header and up to `n` rows; `fields` are the account's own, key to label."""
    rows = list(islice(read_rows(stream, replace(dialect, has_header=False), None), _LOOK + 1))
    if not rows:
        raise Invalid(N_("The file is empty."), place="file")
    if dialect.kind == "xlsx":
        dialect = replace(dialect, has_header=looks_like_header(rows[0].values))
    names = rows.pop(0).values if dialect.has_header else []
    width = max([len(names), *(len(row.values) for row in rows if not row.problem)])
    header = [name.strip() for name in names] + [""] * (width - len(names))
    sample = [row.values for row in rows if not row.problem]
    return Preview(dialect, header, rows[:n], suggest(header, fields or {}, sample))
