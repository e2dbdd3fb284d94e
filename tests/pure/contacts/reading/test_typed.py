"""Cells become typed values, or say why not."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.contacts.reading import typed
from esp.contacts.reading.typed import FieldType, Misfit


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("-5", -5),
        ("+7", 7),
        ("3.50", 3.5),
        ("3,5", 3.5),
        ("1,234", 1234),
        ("1,234.50", 1234.5),
        ("1.234,50", 1234.5),
        ("1.234.567", 1234567),
        ("1,234,567", 1234567),
        ("1 234", 1234),
        ("1'234.5", 1234.5),
        (".5", 0.5),
    ],
)
def test_numbers(text: str, value: float) -> None:
    assert typed.number(text) == value


@pytest.mark.parametrize(
    "text", ["", "x", "1e5", "nan", "inf", "0x1f", "١٢", "1" * 16, "1-2", "--1"]
)
def test_no_numbers(text: str) -> None:
    with pytest.raises(Misfit, match="number"):
        typed.number(text)


@pytest.mark.parametrize(
    ("text", "order", "value"),
    [
        ("1990-08-17", "mdy", date(1990, 8, 17)),
        ("1990/8/17", "dmy", date(1990, 8, 17)),
        ("17.08.1990", "mdy", date(1990, 8, 17)),
        ("07/08/1990", "dmy", date(1990, 8, 7)),
        ("07/08/1990", "mdy", date(1990, 7, 8)),
        ("7-8-1990", "dmy", date(1990, 8, 7)),
        ("1990-08-17T10:11:12Z", "dmy", date(1990, 8, 17)),
        ("17/08/1990 10:11 PM", "dmy", date(1990, 8, 17)),
    ],
)
def test_dates(text: str, order: str, value: date) -> None:
    assert typed.day(text, order) == value


@pytest.mark.parametrize(
    "text",
    ["", "17/08/90", "31.02.1990", "13/13/1990", "1990-08", "04/15", "17.08/1990", "1990-08-17x"],
)
def test_no_dates(text: str) -> None:
    with pytest.raises(Misfit, match="date"):
        typed.day(text, "dmy")


def test_moments_are_in_utc() -> None:
    assert typed.moment("2023-05-04 10:11:12", "dmy") == datetime(
        2023, 5, 4, 10, 11, 12, tzinfo=UTC
    )
    assert typed.moment("2023-05-04T10:11:12-05:00", "dmy").hour == 15
    assert typed.moment("04/05/2023", "dmy") == datetime(2023, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yes", "Ya", "TRUE", "1", "ja", " y "])
def test_yes(text: str) -> None:
    assert typed.boolean(text) is True


@pytest.mark.parametrize("text", ["no", "Tidak", "false", "0", "nein"])
def test_no(text: str) -> None:
    assert typed.boolean(text) is False


def test_choices_are_met_without_case() -> None:
    assert typed.typed(" red ", FieldType("choice", ("Red", "Blue")), "dmy") == "Red"
    with pytest.raises(Misfit, match="choice"):
        typed.typed("green", FieldType("choice", ("Red", "Blue")), "dmy")


@pytest.mark.parametrize(
    ("text", "value"),
    [("EN", "en"), ("pt_br", "pt-BR"), ("Deutsch", "de"), ("zh-hant-tw", "zh-Hant-TW")],
)
def test_languages(text: str, value: str) -> None:
    assert typed.language(text) == value


@pytest.mark.standard("FMT-04")
@given(st.text())
def test_no_control_character_gets_into_a_line(text: str) -> None:
    found = typed.line(text, 10_000)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in found)
    assert "\u202e" not in found
    found.encode()
    assert typed.line(found, 10_000) == found


def test_text_keeps_its_lines() -> None:
    assert typed.typed("one\r\ntwo\x00\rthree ", FieldType("text"), "dmy") == "one\ntwo\nthree"


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([], "text"),
        (["12", "3.5"], "number"),
        (["0812", "0813"], "text"),
        (["+62812"], "text"),
        (["yes", "no"], "boolean"),
        (["0", "1"], "number"),
        (["1990-08-17", "17.08.1990"], "date"),
        (["yes", "maybe"], "text"),
    ],
)
def test_the_type_of_a_new_field_is_guessed(cells: list[str], kind: str) -> None:
    assert typed.guess(cells) == kind
