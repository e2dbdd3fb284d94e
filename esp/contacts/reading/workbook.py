"""(pure) The rows of an XLSX workbook's first visible sheet, after a look for what would burst."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import BinaryIO

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from esp.contacts.reading.shape import COLUMNS, ROWS, Checkpoint, Row
from esp.errors import N_, Invalid

Cell = int | float | str | bool | time | date | datetime | timedelta

_SHEET_BYTES = 1 << 30
_STRINGS_BYTES = 1 << 28
# The parser holds a rectangle of some 80 bytes a cell, however few cells are filled.
_CELLS = 10_000_000
_MEMBERS = 10_000
_CHUNK = 1 << 20
_TAG_BYTES = 1 << 16
_CELL = re.compile(
    rb"<(?:\w+:)?(?:c|row)\s[^<>]*?\br\s*=\s*[\"']([A-Z]{0,9})([0-9]{1,20})[\"']", re.IGNORECASE
)

_NOT_XLSX = N_("This is not an XLSX file that can be read. Save it again, or as CSV, please.")
_TOO_BIG = N_("This XLSX file is too big when unpacked. Save it as CSV, please.")


def workbook_rows(stream: BinaryIO, start: Checkpoint | None) -> Iterator[Row]:
    """Rows after `start`, the header included; a formula comes through as its last value."""
    _inspect(stream)
    done = start.offset if start else 0
    for number, values in enumerate(islice(_cells(stream), done, None), done + 1):
        texts = [value if isinstance(value, str) else _text(value) for value in values]
        if any(map(str.strip, texts)):
            yield Row(number, texts, Checkpoint(number, number))


def _inspect(stream: BinaryIO) -> None:
    """Refuse zip bombs and sheets with a cell in a far corner, before anything is held."""
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(members) > _MEMBERS or len(set(names)) < len(names):
                raise Invalid(_NOT_XLSX, place="file")
            if "xl/workbook.xml" not in names:
                raise Invalid(_NOT_XLSX, place="file")
            _inspect_sizes(members)
            for member in members:
                if member.filename.lower().endswith((".xml", ".rels")):
                    _inspect_member(archive, member)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise Invalid(_NOT_XLSX, place="file") from error


def _inspect_sizes(members: list[zipfile.ZipInfo]) -> None:
    text = [m for m in members if m.filename.lower().endswith((".xml", ".rels"))]
    if sum(member.file_size for member in text) > _SHEET_BYTES:
        raise Invalid(_TOO_BIG, place="file")
    others = [member for member in text if "/worksheets/" not in member.filename.lower()]
    if sum(member.file_size for member in others) > _STRINGS_BYTES:
        raise Invalid(_TOO_BIG, place="file")


def _inspect_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Unpack once, which also shows that the stated size is true, and measure a sheet."""
    is_sheet = "/worksheets/" in member.filename.lower()
    last_row = last_column = cells = 0
    rest = b""
    with archive.open(member) as unpacked:
        while chunk := unpacked.read(_CHUNK):
            if not is_sheet:
                continue
            text = rest + chunk
            for letters, digits in _CELL.findall(text):
                last_row = max(last_row, int(digits))
                last_column = max(last_column, _column(letters))
            cells += chunk.count(b"<c") + chunk.count(b":c")
            # A tag may stand across two chunks.
            rest = text[max(text.rfind(b"<"), text.rfind(b">")) :]
            if len(rest) > _TAG_BYTES and rest.startswith(b"<"):
                raise Invalid(_NOT_XLSX, place="file")
            rest = rest if rest.startswith(b"<") else b""
    if last_row > ROWS or last_column > 16_384:
        raise Invalid(_NOT_XLSX, place="file")
    if last_column > COLUMNS:
        raise Invalid(
            N_("The sheet has more than %(columns)s columns."), place="file", columns=COLUMNS
        )
    if max(last_row * last_column, cells) > _CELLS:
        raise Invalid(_TOO_BIG, place="file")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _cells(stream: BinaryIO) -> Iterator[list[Cell]]:
    """The rows of the first visible sheet, from its first line, empty ones included."""
    stream.seek(0)
    try:
        book = CalamineWorkbook.from_filelike(stream)
        shown = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
        if not shown:
            raise Invalid(N_("The workbook has no sheet with rows."), place="file")
        return book.get_sheet_by_name(shown[0]).iter_rows()
    except Invalid:
        raise
    except BaseException as error:
        # A panic of the parser is a BaseException of its own.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise Invalid(_NOT_XLSX, place="file") from error
        raise


def _text(value: Cell) -> str:
    """What a person sees in the cell, near enough to be parsed again."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
