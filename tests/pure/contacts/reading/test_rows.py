"""Rows come one after the other, in bounded memory, and reading goes on at any of them."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.contacts.reading.rows import read_rows
from esp.contacts.reading.shape import LINE_BYTES, Dialect
from esp.contacts.reading.sniff import sniff
from esp.errors import Invalid

SAMPLES = Path(__file__).parents[3] / "samples" / "csv"
PLAIN = Dialect(kind="csv")


def read(data: bytes, dialect: Dialect = PLAIN) -> list[Any]:
    return list(read_rows(io.BytesIO(data), dialect, None))


def sample(name: str) -> list[tuple[int, list[str], str | None]]:
    data = (SAMPLES / name).read_bytes()
    return [(row.number, row.values, row.problem) for row in read(data, sniff(data, name))]


def test_quoted_newlines_and_empty_rows_keep_the_numbers_of_a_spreadsheet() -> None:
    assert sample("quoted-newlines.csv") == [
        (2, ["ann@example.com", "Ann", "1 Long Road\r\nUpper Flat, left\nLondon"], None),
        (4, ["bob@example.com", 'Bob "Bo" Lee', ""], None),
    ]


def test_formula_cells_come_through_as_text() -> None:
    assert [values for _, values, _ in sample("formula-cells.csv")] == [
        ["ann@example.com", '=HYPERLINK("http://evil.example","click")', "+62 812 3456"],
        ["bob@example.com", "@SUM(1+1)", "-5"],
        ["=1+1", "Eve", ""],
    ]


def test_an_unbalanced_quotation_mark_costs_its_own_line_only() -> None:
    assert sample("unbalanced-quote.csv") == [
        (2, ['ann@example.com,"Ann'], "quote"),
        (3, ["bob@example.com", "Bob"], None),
        (4, ["cleo@example.com", "Cleo"], None),
    ]


def test_nul_bytes_are_left_out() -> None:
    assert [values for _, values, _ in sample("nul-bytes.csv")] == [
        ["ann@example.com", "Ann"],
        ["bob@example.com", "Bob"],
    ]


def test_a_line_that_is_not_utf_8_after_all_is_read_as_windows_text() -> None:
    rows = read("email,name\na@x.com,Zoë\n".encode() + "b@x.com,Jörg\n".encode("cp1252"))
    assert [row.values[1] for row in rows] == ["Zoë", "Jörg"]


def test_a_row_with_too_many_columns_is_a_row_with_a_problem() -> None:
    rows = read(b"email\n" + b"," * 600 + b"x\n" + b"a@x.com\n")
    assert [(row.number, row.problem, len(row.values)) for row in rows] == [
        (2, "columns", 500),
        (3, None, 1),
    ]


def test_a_cell_that_is_too_long_is_a_row_with_a_problem() -> None:
    rows = read(b"email\n" + b"x" * 200_000 + b"\na@x.com\n")
    assert [(row.number, row.problem) for row in rows] == [(2, "long_line"), (3, None)]


class Endless(io.RawIOBase):
    """Two gigabytes of one line."""

    def __init__(self) -> None:
        self.left = 2 << 30

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset

    def read(self, size: int = -1) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return b"x" * size


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_an_endless_line_is_an_error_and_not_the_end_of_memory(encoding: str) -> None:
    stream = Endless()
    tracemalloc.start()
    try:
        with pytest.raises(Invalid, match="longer than one megabyte"):
            list(read_rows(stream, Dialect(kind="csv", encoding=encoding), None))  # type: ignore[arg-type]
        assert tracemalloc.get_traced_memory()[1] < 20 * LINE_BYTES
    finally:
        tracemalloc.stop()
    assert stream.left > 2_000_000_000


_cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
_cells = st.one_of(_cells, st.text(st.sampled_from(",;|\t\"'\r\n ab"), max_size=12))
_tables = st.lists(st.lists(_cells, min_size=1, max_size=5), max_size=12)
_dialects = st.builds(
    Dialect,
    kind=st.just("csv"),
    encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quotechar=st.sampled_from(['"', "'"]),
    has_header=st.booleans(),
)


def written(table: list[list[str]], dialect: Dialect, end: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(
        out,
        delimiter=dialect.delimiter,
        quotechar=dialect.quotechar,
        lineterminator=end,
        quoting=csv.QUOTE_ALL,
    ).writerows(table)
    return out.getvalue().encode(dialect.encoding)


@given(_tables, _dialects, st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_is_written_is_read(table: list[list[str]], dialect: Dialect, end: str) -> None:
    rows = read(written(table, dialect, end), dialect)
    numbered = [(n, row) for n, row in enumerate(table, 1) if any(map(str.strip, row))]
    expected = numbered[1:] if dialect.has_header else numbered
    assert [(row.number, row.values) for row in rows] == expected


@given(
    st.one_of(
        st.builds(written, _tables, st.just(PLAIN), st.sampled_from(["\n", "\r\n", "\r"])),
        st.text(st.sampled_from('ab,"\r\n é')).map(str.encode),
        st.binary(),
    ),
    st.sampled_from(["utf-8", "utf-16-le", "cp1252", "shift_jis"]),
)
def test_reading_goes_on_at_any_checkpoint(data: bytes, encoding: str) -> None:
    dialect = Dialect(kind="csv", encoding=encoding)
    whole = read(data, dialect)
    for index, row in enumerate(whole):
        assert list(read_rows(io.BytesIO(data), dialect, row.checkpoint)) == whole[index + 1 :]


def test_reading_goes_on_across_the_chunks_of_a_long_file() -> None:
    lines = [f'user{i}@example.com,"Name\r\n{i}é"' for i in range(30_000)]
    data = ("email,name\r\n" + "\r\n".join(lines)).encode()
    whole = read(data)
    assert len(whole) == 30_000
    assert whole[-1].values == ["user29999@example.com", "Name\r\n29999é"]
    for at in (0, 9_000, 20_001, 29_999):
        again = list(read_rows(io.BytesIO(data), PLAIN, whole[at].checkpoint))
        assert again == whole[at + 1 :]
