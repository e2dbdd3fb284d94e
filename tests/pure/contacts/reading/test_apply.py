"""A row and a mapping make a contact, or a rejected line with its reason."""

from __future__ import annotations

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.contacts.reading import rejected
from esp.contacts.reading.apply import REASONS, Mapped, Rejected, applying, split_name
from esp.contacts.reading.mapping import Mapping
from esp.contacts.reading.shape import Checkpoint, Row
from esp.contacts.reading.typed import FieldType
from esp.errors import Invalid

FIELDS = {
    "age": FieldType("number"),
    "since": FieldType("date"),
    "vip": FieldType("boolean"),
    "colour": FieldType("choice", ("Red", "Blue")),
    "note": FieldType("text"),
}


def apply(values: dict[str, str], **options: object) -> Mapped | Rejected:
    mapping = Mapping(tuple(values), **options)  # type: ignore[arg-type]
    row = Row(7, list(values.values()), Checkpoint(0, 7))
    return applying(mapping, mapping.field_types(FIELDS))(row)


def mapped(values: dict[str, str], **options: object) -> Mapped:
    found = apply(values, **options)
    assert isinstance(found, Mapped)
    return found


def test_typed_fields() -> None:
    found = mapped(
        {
            "email": " Ann@Example.com\n",
            "field:age": "29",
            "field:since": "02/01/2020",
            "field:vip": "ya",
            "field:colour": "RED",
            "field:note": "=1+1",
        }
    )
    assert found.email == "ann@example.com"
    assert found.fields == {
        "age": 29,
        "since": "2020-01-02",
        "vip": True,
        "colour": "Red",
        "note": "=1+1",
    }


def test_an_empty_cell_has_no_entry() -> None:
    found = mapped({"email": "a@x.com", "first_name": " ", "field:age": ""})
    assert (found.values, found.fields) == ({}, {})


def test_an_identifier_is_enough() -> None:
    found = mapped({"email": "", "external_id": " C-1 "})
    assert (found.email, found.external_id) == (None, "C-1")


@pytest.mark.parametrize(
    ("values", "reason", "target"),
    [
        ({"email": "ann"}, "address:no_at", "email"),
        ({"email": "a@x.com; b@x.com"}, "address:several", "email"),
        ({"email": ""}, "nobody", "email"),
        ({"email": "a@x.com", "first_name": "x" * 101}, "long", "first_name"),
        ({"email": "a@x.com", "name": "x" * 150}, "long", "name"),
        ({"email": "a@x.com", "birth_date": "soon"}, "date", "birth_date"),
        ({"email": "a@x.com", "sex": "?"}, "sex", "sex"),
        ({"email": "a@x.com", "language": "klingonese"}, "language", "language"),
        ({"email": "a@x.com", "field:age": "old"}, "number", "field:age"),
        ({"email": "a@x.com", "field:vip": "perhaps"}, "boolean", "field:vip"),
        ({"email": "a@x.com", "field:colour": "green"}, "choice", "field:colour"),
        ({"email": "a@x.com", "attributes": "[1]"}, "json", "attributes"),
        ({"email": "a@x.com", "attributes": "[" * 40_000}, "json", "attributes"),
        # Nobody is subscribed by a word that is not understood.
        ({"email": "a@x.com", "status": "dunno"}, "status", "status"),
    ],
)
def test_rejected_with_a_reason(values: dict[str, str], reason: str, target: str) -> None:
    assert apply(values) == Rejected(7, reason, target, list(values.values()))
    assert reason in REASONS


def test_a_row_that_could_not_be_read_is_rejected_as_such() -> None:
    mapping = Mapping(("email",))
    row = Row(3, ['"x'], Checkpoint(0, 3), "quote")
    assert applying(mapping, {})(row) == Rejected(3, "quote", "", ['"x'])


def test_a_short_row_is_a_row_with_empty_cells() -> None:
    mapping = Mapping(("email", "city"))
    found = applying(mapping, {})(Row(2, ["a@x.com"], Checkpoint(0, 2)))
    assert isinstance(found, Mapped)
    assert found.values == {}


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"status": "Subscribed"}, "subscribed"),
        ({"status": "Non-Subscribed"}, "unsubscribed"),
        ({"status": "cleaned"}, "bounced"),
        ({"status": "blocklisted"}, "blocked"),
        ({"status": "spam complaint"}, "complained"),
        ({"status": "active", "opted_out": "2024-01-02"}, "unsubscribed"),
        ({"status": "active", "opted_out": "no", "bounced": ""}, "subscribed"),
        ({"status": "unsubscribed", "bounced": "550 no such user"}, "bounced"),
        ({"opted_in": "no"}, "unsubscribed"),
        ({"opted_in": "yes"}, ""),
        ({}, ""),
    ],
)
def test_the_worst_that_a_file_says_about_somebody_counts(
    values: dict[str, str], status: str
) -> None:
    assert mapped({"email": "a@x.com", **values}).status == status


def test_an_unreadable_time_of_consent_is_left_out() -> None:
    assert mapped({"email": "a@x.com", "opted_in_at": "some day"}).opted_in_at is None


def test_the_keys_of_a_json_column() -> None:
    found = mapped(
        {"email": "a@x.com", "attributes": '{"Age": 29, "town": "Bonn", "x": 1, "n": null}'},
        attributes=(("Age", "field:age"), ("town", "city"), ("n", "field:note")),
    )
    assert (found.values, found.fields) == ({"city": "Bonn"}, {"age": 29})


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ann Lee", ("Ann", "Lee")),
        ("Lee, Ann", ("Ann", "Lee")),
        ("Siti Nurhaliza Putri", ("Siti", "Nurhaliza Putri")),
        ("Sukarno", ("Sukarno", "")),
        ("Lee,", ("Lee", "")),
        ("Ann\x00\nLee", ("Ann", "Lee")),
    ],
)
def test_names_are_split(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


def test_names_of_their_own_columns_win() -> None:
    found = mapped({"email": "a@x.com", "name": "A. Lee", "first_name": "Ann"})
    assert found.values == {"first_name": "Ann"}


@pytest.mark.parametrize(
    "columns",
    [
        ("first_name",),
        ("email", "email"),
        ("email", "field:age", "new:age:number"),
        ("email", "password"),
        ("email", "field:Age"),
        ("email", "new:age:money"),
    ],
)
def test_mappings_that_are_refused(columns: tuple[str, ...]) -> None:
    with pytest.raises(Invalid):
        Mapping(columns)


def test_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Invalid, match="no field shoe"):
        Mapping(("email", "field:shoe")).field_types(FIELDS)


def test_a_mapping_survives_its_json() -> None:
    mapping = Mapping(("email", "ignore", "new:age:number"), (("a", "field:b"),), "mdy")
    assert Mapping.from_json(mapping.to_json()) == mapping
    assert mapping.new_fields() == [("age", "number")]


def test_programs_may_name_columns_by_header_or_index() -> None:
    header = ["Mail", "Shoe size", "City"]
    data = {"columns": {" mail ": "email", "2": "city"}}
    assert Mapping.from_json(data, header).columns == ("email", "ignore", "city")
    with pytest.raises(Invalid, match="no column Colour"):
        Mapping.from_json({"columns": {"Colour": "city"}}, header)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
)


@given(_json | st.fixed_dictionaries({"columns": _json, "attributes": _json, "date_order": _json}))
def test_any_json_is_a_mapping_or_invalid(data: object) -> None:
    with suppress(Invalid):
        Mapping.from_json(data, ["email"])


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("\t=1", "'\t=1"),
        ("＝1", "'＝1"),
        ("-2+3", "'-2+3"),
        ("-5", "-5"),
        ("+62 812 3456", "+62 812 3456"),
        ("ann@example.com", "ann@example.com"),
        ("", ""),
    ],
)
def test_exported_cells_are_no_formulas(cell: str, written: str) -> None:
    assert rejected.safe_cell(cell) == written


def test_the_file_of_rejected_lines() -> None:
    data = rejected.head(["E-mail", "=Evil"], str.upper)
    data += rejected.line(7, "address:no_at", ["ann", "=1+1"], str.upper)
    data += rejected.line(9, "quote", ['"x\ny'], str)
    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))) == [
        ["ROW", "REASON", "E-mail", "'=Evil"],
        ["7", "THE ADDRESS HAS NO @.", "ann", "'=1+1"],
        ["9", "A quotation mark is opened and never closed.", '"x\ny'],
    ]
