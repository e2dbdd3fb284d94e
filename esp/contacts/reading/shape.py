"""(pure) How a contact file is written, where reading stands in it, and what one row is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple, Self

from esp.errors import N_, Invalid

# A physical line longer than this is not a contact file: reading stops.
LINE_BYTES = 1 << 20
# What a broken quotation mark may swallow before its line is given up.
RECORD_BYTES = 1 << 20
RECORD_LINES = 2000
COLUMNS = 500
# A spreadsheet has no more.
ROWS = 1_048_576


@dataclass(frozen=True, slots=True)
class Dialect:
    """`offset` bytes (byte order mark, `sep=` line) stand before the first row; `encoding` never
    names a byte order mark."""

    kind: str  # csv, xlsx
    encoding: str = "utf-8"
    delimiter: str = ","
    quotechar: str = '"'
    has_header: bool = True
    skip_space: bool = False
    offset: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        if data.get("kind") not in {"csv", "xlsx"} or not set(data) <= known:
            raise Invalid(N_("This is not the form of a contact file."), place="dialect")
        return cls(**data)


class Checkpoint(NamedTuple):
    """The place after a row: a byte offset (CSV) or a count of rows (XLSX); that row's number."""

    offset: int
    number: int


class Row(NamedTuple):
    """`number` is what a spreadsheet shows beside the row; reading goes on after `checkpoint`.

    `problem` is a reason (see mapping.REASONS) if the row could not be read; then `values` is the
    start of the raw line.
    """

    number: int
    values: list[str]
    checkpoint: Checkpoint
    problem: str | None = None
