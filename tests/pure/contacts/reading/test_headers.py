"""The header rows that other systems write are recognised, each by a file as they export it."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from esp.contacts.reading.apply import Mapped, Rejected, applying
from esp.contacts.reading.headers import field_key, suggest
from esp.contacts.reading.preview import Preview, preview
from esp.contacts.reading.rows import read_rows
from esp.contacts.reading.sniff import sniff

SAMPLES = Path(__file__).parents[3] / "samples" / "csv"


def take(name: str) -> tuple[dict[str, str], list[Mapped]]:
    """(header to target, the contacts) of a sample, with the mapping that is suggested."""
    data = (SAMPLES / name).read_bytes()
    shown = preview(io.BytesIO(data), sniff(data, name))
    return targets(shown), contacts(data, shown)


def targets(shown: Preview) -> dict[str, str]:
    assert shown.mapping
    return dict(zip(shown.header, shown.mapping.columns, strict=True))


def contacts(data: bytes, shown: Preview) -> list[Mapped]:
    assert shown.mapping
    to_contact = applying(shown.mapping, shown.mapping.field_types({}))
    found = [to_contact(row) for row in read_rows(io.BytesIO(data), shown.dialect, None)]
    assert not [row for row in found if isinstance(row, Rejected)]
    return [row for row in found if isinstance(row, Mapped)]


def test_mailchimp() -> None:
    columns, (ann, bob) = take("mailchimp-subscribed.csv")
    assert columns["Email Address"] == "email"
    # Month and day only: no date.
    assert columns["Birthday"] == "new:birthday:text"
    assert columns["MEMBER_RATING"] == columns["LEID"] == "ignore"
    assert ann.values == {
        "first_name": "Ann",
        "last_name": "Lee",
        "street": "1 Long Road  London  SW1A 1AA  GB",
        "time_zone": "europe/london",
        "country": "GB",
        "region": "ENG",
    }
    assert ann.tags == ("vip", "shop")
    assert ann.opted_in_at == datetime(2023, 5, 4, 10, 11, 12, tzinfo=UTC)
    assert ann.opted_in_ip == "192.0.2.7"
    assert (ann.status, bob.status) == ("", "")


@pytest.mark.parametrize(
    ("name", "status"),
    [("mailchimp-unsubscribed.csv", "unsubscribed"), ("mailchimp-cleaned.csv", "bounced")],
)
def test_mailchimp_s_other_two_files_never_subscribe_anybody(name: str, status: str) -> None:
    _, (contact,) = take(name)
    assert contact.status == status


def test_brevo() -> None:
    columns, (ann, bob) = take("brevo.csv")
    assert columns["EXT_ID"] == "external_id"
    assert columns["ADDED_TIME"] == columns["MODIFIED_TIME"] == "ignore"
    assert (ann.email, ann.external_id) == ("ann@example.com", "C-1")
    assert ann.values == {
        "first_name": "Ann",
        "last_name": "Lee",
        "phone": "447700900123",
        "occupation": "Baker",
    }
    assert (ann.status, bob.status) == ("", "unsubscribed")


def test_hubspot() -> None:
    columns, people = take("hubspot.csv")
    assert columns["Record ID"] == "external_id"
    assert columns["Contact owner"] == columns["Lead Status"] == "ignore"
    assert columns["Number of Employees"] == "new:number_of_employees:number"
    assert people[0].values == {
        "first_name": "Ann",
        "last_name": "Lee",
        "phone": "+44 7700 900123",
        "company": "Lee Ltd",
        "occupation": "Baker",
    }
    assert [person.status for person in people] == ["", "unsubscribed", "bounced"]


def test_listmonk() -> None:
    columns, (ann, bob) = take("listmonk.csv")
    assert columns == {
        "uuid": "ignore",
        "email": "email",
        "name": "name",
        "attributes": "attributes",
        "status": "status",
        "created_at": "ignore",
        "updated_at": "ignore",
    }
    assert ann.values == {"first_name": "Ann", "last_name": "Lee", "city": "London"}
    assert ann.fields == {"age": 29, "vip": True, "langs": '["en","id"]'}
    assert (ann.status, bob.status) == ("subscribed", "blocked")


def test_activecampaign() -> None:
    columns, people = take("activecampaign.csv")
    assert columns["Shoe size"] == "new:shoe_size:number"
    ann = people[0]
    assert ann.external_id == "7"
    assert ann.values == {
        "first_name": "Ann",
        "last_name": "Lee",
        "phone": "+447700900123",
        "company": "Lee Ltd",
        "occupation": "Baker",
    }
    assert ann.fields == {"shoe_size": 38.5}
    assert ann.tags == ("vip", "shop")
    assert ann.opted_in_at == datetime(2023, 5, 4, 10, 11, 12, tzinfo=UTC)
    assert [person.status for person in people] == ["subscribed", "unsubscribed", "pending"]


def test_mautic() -> None:
    columns, (ann,) = take("mautic.csv")
    assert columns["title"] == "new:title:text"
    assert columns["points"] == "ignore"
    assert ann.values == {
        "first_name": "Ann",
        "last_name": "Lee",
        "company": "Lee Ltd",
        "occupation": "Baker",
        "phone": "+447700900123",
        "street": "1 Long Road, Upper Flat",
        "city": "London",
        "postal_code": "SW1A 1AA",
        "country": "United Kingdom",
        "language": "en-GB",
        "time_zone": "Europe/London",
    }


def test_indonesian_names() -> None:
    _, (siti,) = take("indonesian.csv")
    assert siti.values == {
        "first_name": "Siti",
        "last_name": "Nurhaliza Putri",
        "phone": "0812 3456 789",
        "birth_date": date(1990, 8, 17),
        "sex": "female",
        "city": "Bandung",
        "postal_code": "40111",
        "occupation": "Guru",
    }


def test_german_names() -> None:
    _, (joerg,) = take("german.csv")
    assert joerg.values == {
        "first_name": "Jörg",
        "last_name": "Müller",
        "birth_date": date(1980, 2, 1),
        "street": "Hauptstraße 1",
        "postal_code": "01067",
        "city": "Dresden",
        "country": "Deutschland",
        "sex": "male",
    }


def test_upper_case_duplicates_are_one_address() -> None:
    _, people = take("upper-case-duplicates.csv")
    assert [person.email for person in people] == ["ann@example.com"] * 3 + ["bob@example.com"]


def test_an_account_s_own_fields_are_found_by_key_and_label() -> None:
    fields = {"shoe_size": "Shoe size", "favourite": "Lieblingsfarbe"}
    found = suggest(["E-mail", "SHOE-SIZE", "lieblingsfarbe", "Pet", "", "pet"], fields)
    assert found
    assert found.columns == (
        "email",
        "field:shoe_size",
        "field:favourite",
        "new:pet:text",
        "ignore",
        "new:pet_2:text",
    )


def test_without_a_header_the_addresses_show_their_column() -> None:
    found = suggest(["", ""], {}, [["Ann", "ann@example.com"], ["Bob", "bob@example.com"]])
    assert found
    assert found.columns == ("new:column_1:text", "email")


def test_an_identifier_that_is_not_distinct_is_none() -> None:
    rows = [["7", "a@example.com"], ["7", "b@example.com"]]
    found = suggest(["id", "email"], {}, rows)
    assert found
    assert found.columns == ("new:id:number", "email")


def test_a_file_without_addresses_is_left_to_a_person() -> None:
    assert suggest(["colour", "size"], {}, [["red", "7"]]) is None


def test_the_order_of_dates_shows_in_the_rows() -> None:
    rows = [["a@example.com", "12/24/1990"], ["b@example.com", "01/02/1990"]]
    found = suggest(["email", "birthday"], {}, rows)
    assert found
    assert (found.columns[1], found.date_order) == ("birth_date", "mdy")


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("Shoe size (EU)", "shoe_size_eu"),
        ("Größe", "grosse"),
        ("2nd name", "f_2nd_name"),
        ("例", ""),
        ("x" * 60, "x" * 40),
    ],
)
def test_keys_of_new_fields(label: str, key: str) -> None:
    assert field_key(label) == key
