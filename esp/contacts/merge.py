"""(pure) What merge tags reach of a contact: the one vocabulary of templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Columns of the contact that a template may name as `contact.<column>`; its own fields are
# `contact.fields.<key>`, and `contact.name` is both names.
COLUMNS = (
    "email",
    "external_id",
    "first_name",
    "last_name",
    "language",
    "phone",
    "company",
    "occupation",
    "birth_date",
    "sex",
    "street",
    "city",
    "region",
    "postal_code",
    "country",
    "time_zone",
    "fields",
)


def contact_data(contact: Mapping[str, Any] | object, keys: Iterable[str] = ()) -> dict[str, Any]:
    """What `contact` is in a template. `contact` is a row of the table or a mapping.

    `keys` are those of the account's fields, so that one without a value is there and empty.
    """
    if isinstance(contact, Mapping):
        data = {column: contact.get(column) for column in COLUMNS}
    else:
        data = {column: getattr(contact, column) for column in COLUMNS}
    data["fields"] = dict.fromkeys(keys) | dict(data["fields"] or {})
    data["email"] = data["email"] or ""
    data["name"] = f"{data['first_name'] or ''} {data['last_name'] or ''}".strip()
    return data


def columns_for(names: Iterable[str] | None) -> tuple[str, ...]:
    """The columns that a message needs which uses these names of `contact` (None: any)."""
    if names is None:
        return COLUMNS
    # Both names make `contact.name`, which every message needs for its To line.
    wanted = {*names, "first_name", "last_name"}
    return tuple(column for column in COLUMNS if column in wanted)


def partial_data(columns: Sequence[str], values: Iterable[Any]) -> dict[str, Any]:
    """What `contact_data` says, of the values of `columns_for` only."""
    data = dict(zip(columns, values, strict=True))
    first, last = data["first_name"], data["last_name"]
    data["name"] = f"{first or ''} {last or ''}".strip()
    if "fields" in data:
        data["fields"] = data["fields"] or {}
    return data
