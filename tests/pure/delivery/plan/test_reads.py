"""What a message needs to know of a contact: no more than this is read for each recipient."""

from __future__ import annotations

import pytest

from esp.contacts.merge import COLUMNS, columns_for, contact_data, partial_data
from esp.delivery.plan import compile_plan
from tests.pure.delivery.plan.plans import SETTINGS, Prepared

READS = {
    "nothing": ("Hello", ()),
    "one name": ("Hello {{ contact.first_name }}", ("first_name",)),
    "with filters": (
        "{{ contact.city | upcase }} {{ contact.phone | default: contact.email }}",
        ("city", "email", "phone"),
    ),
    "a field of one's own": ("{{ contact.fields.shoe_size }}", ("fields",)),
    "another thing": ("{{ account.name }}", ()),
    "all of it": ("{{ contact }}", None),
    "a condition": ("{% if contact.vip %}Hello{% endif %}", None),
    "a path in brackets": ("{{ contact['city'] }}", None),
    "a date": ("{{ contact.birth_date | date: '%d' }}", None),
}


@pytest.mark.parametrize("place", ["subject", "text", "html"])
@pytest.mark.parametrize("name", READS)
def test_reads(name: str, place: str) -> None:
    source, names = READS[name]
    found = compile_plan(Prepared(**{place: source}), SETTINGS).reads("contact")
    assert found == (None if names is None else frozenset(names))


@pytest.mark.parametrize("names", [None, (), ("city",), ("fields", "email", "name", "no_column")])
def test_the_part_of_a_contact_is_that_of_the_whole(names: tuple[str, ...] | None) -> None:
    row = {column: f"a {column}" for column in COLUMNS} | {"fields": {"shoe_size": 42}}
    columns = columns_for(names)
    part = partial_data(columns, [row[column] for column in columns])
    whole = contact_data(row)
    assert part == {key: whole[key] for key in part}
    assert set(part) >= {"name", *(COLUMNS if names is None else names)} - {"no_column"}


def test_a_contact_without_fields_or_names() -> None:
    empty = partial_data(COLUMNS, [None] * len(COLUMNS))
    assert (empty["name"], empty["fields"]) == ("", {})
