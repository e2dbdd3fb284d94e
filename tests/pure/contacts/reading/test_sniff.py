"""How a contact file is written is guessed from its first bytes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.contacts.reading.preview import preview
from esp.contacts.reading.rows import read_rows
from esp.contacts.reading.shape import Dialect
from esp.contacts.reading.sniff import sniff
from esp.errors import Invalid

SAMPLES = Path(__file__).parents[3] / "samples" / "csv"

# Every one of these files holds the same table.
SAME_TABLE = [
    ("bom.csv", "utf-8", ","),
    ("utf-16-le-bom.csv", "utf-16-le", "\t"),
    ("utf-16-be-bom.csv", "utf-16-be", ","),
    ("utf-16-le.csv", "utf-16-le", ","),
    ("utf-16-be.csv", "utf-16-be", ","),
    ("latin-1.csv", "cp1252", ","),
    ("cr-only.csv", "utf-8", ","),
    ("cr-only-mac-roman.csv", "mac_roman", ","),
    ("semicolons.csv", "cp1252", ";"),
    ("tabs.tsv", "utf-8", "\t"),
    ("bars.csv", "utf-8", "|"),
    ("sep-line.csv", "utf-8", ";"),
]


def read(name: str) -> tuple[Dialect, list[str], list[tuple[int, list[str]]]]:
    data = (SAMPLES / name).read_bytes()
    dialect = sniff(data, name)
    shown = preview(io.BytesIO(data), dialect)
    rows = read_rows(io.BytesIO(data), shown.dialect, None)
    return dialect, shown.header, [(row.number, row.values) for row in rows]


@pytest.mark.parametrize(("name", "encoding", "delimiter"), SAME_TABLE)
def test_the_same_table_in_every_form(name: str, encoding: str, delimiter: str) -> None:
    dialect, header, rows = read(name)
    assert (dialect.encoding, dialect.delimiter) == (encoding, delimiter)
    assert header == ["Email", "First name", "City"]
    assert rows == [
        (2, ["ann@example.com", "Zoë", "Köln"]),
        (3, ["bob@example.com", "Bob", "São Paulo"]),
    ]


def test_other_scripts_are_told_from_latin() -> None:
    dialect, header, rows = read("cyrillic-1251.csv")
    assert dialect.encoding == "cp1251"
    assert header == ["Email", "Имя", "Город"]
    assert rows[0] == (2, ["u0@example.com", "Екатерина", "Новосибирск"])


def test_a_file_without_a_header_loses_no_row() -> None:
    dialect, header, rows = read("no-header.csv")
    assert not dialect.has_header
    assert header == ["", ""]
    assert rows == [(1, ["ann@example.com", "Ann"]), (2, ["bob@example.com", "Bob"])]


def test_quotation_marks_after_a_space() -> None:
    _, header, rows = read("spaced-quotes.csv")
    assert header == ["email", "first_name", "city"]
    assert rows == [(2, ["ann@example.com", "Ann, the first", "Bonn"])]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("email;tags\na@x.com;one,two\nb@x.com;one,two\n", ";"),
        ("email,tags\na@x.com,one;two\nb@x.com,one;two\n", ","),
        ('email\tname\na@x.com\t"Doe, Jane"\n', "\t"),
        ("email\na@x.com\nb@x.com\n", ","),
        ('email,note\na@x.com,"a;b;c;d"\nb@x.com,"a;b;c;d"\n', ","),
    ],
)
def test_delimiters(text: str, delimiter: str) -> None:
    assert sniff(text.encode(), "x.csv").delimiter == delimiter


def test_single_quotation_marks() -> None:
    sample = b"'email','name'\n'a@x.com','Doe, Jane'\n'b@x.com','Roe, Jim'\n"
    assert sniff(sample, "x.csv").quotechar == "'"


@pytest.mark.parametrize(
    "sample",
    [
        b"",
        b"\r\n\r\n",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"%PDF-1.7\n",
        b"\xff\xfe\x00\x00e\x00",
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(sample: bytes) -> None:
    with pytest.raises(Invalid):
        sniff(sample, "x.csv")


def test_a_dialect_survives_its_json() -> None:
    dialect = Dialect(kind="csv", encoding="cp1252", delimiter=";", offset=7, skip_space=True)
    assert Dialect.from_json(dialect.to_json()) == dialect
    with pytest.raises(Invalid):
        Dialect.from_json({"kind": "exe"})


@given(
    st.one_of(st.binary(), st.text().map(str.encode), st.text().map(lambda t: t.encode("utf-16")))
)
def test_random_bytes_are_rows_or_invalid(data: bytes) -> None:
    try:
        dialect = sniff(data, "x.csv")
        preview(io.BytesIO(data), dialect)
        list(read_rows(io.BytesIO(data), dialect, None))
    except Invalid:
        pass
