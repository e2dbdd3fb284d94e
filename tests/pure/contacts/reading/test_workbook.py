"""XLSX workbooks: cells as a person sees them, and nothing that bursts."""

from __future__ import annotations

import io
import random
import zipfile
from contextlib import suppress
from datetime import date, datetime, time

import openpyxl
import pytest

from esp.contacts.reading.preview import preview
from esp.contacts.reading.rows import read_rows
from esp.contacts.reading.sniff import sniff
from esp.errors import Invalid


def workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_sheet(data: bytes, sheet: bytes) -> bytes:
    """The same workbook with another first sheet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = sheet if name == "xl/worksheets/sheet1.xml" else old.read(name)
            new.writestr(name, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def sheet_of(cells: str) -> bytes:
    return (
        '<?xml version="1.0"?><worksheet '
        'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{cells}</sheetData></worksheet>"
    ).encode()


def read(data: bytes) -> list[tuple[int, list[str]]]:
    shown = preview(io.BytesIO(data), sniff(data, "x.xlsx"))
    return [(r.number, r.values) for r in read_rows(io.BytesIO(data), shown.dialect, None)]


def test_cells_come_as_a_person_sees_them() -> None:
    data = workbook(
        [
            ["email", "value"],
            ["int@example.com", 6281234567890],
            ["float@example.com", 1.5],
            ["date@example.com", date(1990, 8, 17)],
            ["moment@example.com", datetime.fromisoformat("2020-01-02T03:04:05")],
            ["time@example.com", time(3, 4)],
            ["yes@example.com", True],
            [None, None],
            ["none@example.com", None],
        ]
    )
    assert read(data) == [
        (2, ["int@example.com", "6281234567890"]),
        (3, ["float@example.com", "1.5"]),
        (4, ["date@example.com", "1990-08-17"]),
        (5, ["moment@example.com", "2020-01-02 03:04:05"]),
        (6, ["time@example.com", "03:04:00"]),
        (7, ["yes@example.com", "true"]),
        (9, ["none@example.com", ""]),
    ]


def test_a_formula_comes_as_its_last_value_and_rows_keep_their_numbers() -> None:
    cells = (
        '<row r="4"><c r="B4" t="str"><v>email</v></c><c r="C4" t="str"><v>age</v></c></row>'
        '<row r="6"><c r="B6" t="str"><f>"ann@"&amp;"example.com"</f><v>ann@example.com</v></c>'
        '<c r="C6"><f>40+2</f><v>42</v></c></row>'
    )
    assert read(with_sheet(workbook([["x"]]), sheet_of(cells))) == [(6, ["ann@example.com", "42"])]


def test_a_sheet_without_a_header_loses_no_row() -> None:
    data = workbook([["ann@example.com", "Ann"], ["bob@example.com", "Bob"]])
    assert [number for number, _ in read(data)] == [1, 2]


def test_reading_goes_on_at_any_checkpoint() -> None:
    data = workbook([["email"], *([f"u{i}@example.com"] if i % 3 else [None] for i in range(20))])
    dialect = preview(io.BytesIO(data), sniff(data, "x.xlsx")).dialect
    whole = list(read_rows(io.BytesIO(data), dialect, None))
    for index, row in enumerate(whole):
        again = list(read_rows(io.BytesIO(data), dialect, row.checkpoint))
        assert again == whole[index + 1 :]


def cell(place: str, attribute: str = "") -> str:
    return f'<row><c {attribute} r="{place}"><v>1</v></c></row>'


@pytest.mark.parametrize(
    "cells",
    [
        cell("A1") + cell("XFD1048576"),
        cell("A1") + cell("zz1"),
        cell("A1") + cell("A99999999"),
        cell("A1") + cell("AA1000000"),
        "<row>" + "<c/>" * 10_000_001 + "</row>",
        cell("XFD1", attribute=f'x="{"y" * 100_000}"'),
    ],
    ids=["corner", "wide", "deep", "rectangle", "unnumbered", "long-tag"],
)
def test_a_sheet_that_would_burst_is_refused(cells: str) -> None:
    data = with_sheet(workbook([["x"]]), sheet_of(cells))
    with pytest.raises(Invalid):
        read(data)


def test_a_zip_bomb_is_refused_by_its_size() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/sharedStrings.xml", "w") as member:
            for _ in range(257):
                member.write(b" " * (1 << 20))
    with pytest.raises(Invalid, match="too big"):
        read(out.getvalue())


def test_damaged_workbooks_are_refused_with_a_sentence() -> None:
    good = workbook([["email"], ["ann@example.com"]])
    chance = random.Random(1)
    for _ in range(150):
        data = bytearray(good)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        with suppress(Invalid):
            read(bytes(data[: chance.choice([len(data), chance.randrange(4, len(data))])]))


def test_another_zip_is_not_a_workbook() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    with pytest.raises(Invalid, match="not an XLSX"):
        read(out.getvalue())
