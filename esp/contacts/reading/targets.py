"""(pure) What a column of a contact file can become, and how long it may be."""

from __future__ import annotations

import re

from esp.contacts.reading.typed import FIELD_TYPES

# Columns of the contact that hold one line of text, with their limits in characters.
TEXTS = {
    "first_name": 100,
    "last_name": 100,
    "phone": 50,
    "company": 200,
    "occupation": 200,
    "street": 300,
    "street2": 300,
    "city": 100,
    "region": 100,
    "postal_code": 20,
    "country": 100,
    "time_zone": 64,
}
EXTERNAL_ID_LIMIT = 200
STANDARD = ("email", "external_id", *TEXTS, "name", "language", "birth_date", "sex")
# What a person's relation to the list was where the file comes from.
RELATION = (
    "status",
    "opted_in",
    "opted_out",
    "bounced",
    "opted_in_at",
    "opted_in_ip",
    "source",
    "tags",
)
IGNORE = "ignore"
# A JSON object, each key of which has a target of its own.
ATTRIBUTES = "attributes"
PLAIN = frozenset((*STANDARD, *RELATION, ATTRIBUTES, IGNORE))

FIELD_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


def field_of(target: str) -> tuple[str, str | None] | None:
    """(key, type if a new field) of `field:KEY` or `new:KEY:TYPE`; None for what is neither."""
    kind, _, rest = target.partition(":")
    key, _, field_type = rest.partition(":")
    if not FIELD_KEY.fullmatch(key):
        return None
    if kind == "field" and not field_type:
        return key, None
    if kind == "new" and (field_type or "text") in FIELD_TYPES:
        return key, field_type or "text"
    return None


def is_target(target: str) -> bool:
    """Whether a mapping may name it."""
    return target in PLAIN or field_of(target) is not None
