"""(pure) A row and a mapping make a contact, or a rejected line with its reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import orjson

from esp import addresses
from esp.contacts.reading import typed
from esp.contacts.reading.mapping import Mapping
from esp.contacts.reading.shape import Row
from esp.contacts.reading.targets import (
    ATTRIBUTES,
    EXTERNAL_ID_LIMIT,
    IGNORE,
    RELATION,
    TEXTS,
    field_of,
)
from esp.contacts.reading.typed import FieldType, Misfit
from esp.errors import N_

REASONS = {f"address:{code}": sentence for code, sentence in addresses.REASONS.items()} | {
    "external_id": N_("The identifier belongs to another contact."),
    "nobody": N_("The row has neither an address nor an identifier."),
    "long": N_("A value is too long."),
    "date": N_("A date cannot be read."),
    "number": N_("A number cannot be read."),
    "boolean": N_("A value is neither yes nor no."),
    "choice": N_("A value is not one of the choices of its field."),
    "sex": N_("The sex cannot be read: write female, male or other."),
    "language": N_("The language cannot be read: write a code such as en or id."),
    "json": N_("The attributes are not a JSON object."),
    "status": N_("The status is unknown, so whether the person wants mail is unknown."),
    "quote": N_("A quotation mark is opened and never closed."),
    "long_line": N_("The line is too long."),
    "columns": N_("The row has too many columns."),
}

# From what says least to what must win when several columns speak.
STATUSES = ("", "subscribed", "pending", "unsubscribed", "blocked", "bounced", "complained")
_STATUS_WORDS = {
    "subscribed": "subscribed active enabled confirmed optin optedin aktif aktiv",
    "pending": "pending unconfirmed doubleoptinpending waiting",
    "unsubscribed": (
        "unsubscribed optout optedout disabled inactive unsub nonsubscribed transactional archived "
        "deleted nonaktif inaktiv abgemeldet berhenti"
    ),
    "blocked": "blocked blocklisted blacklisted blacklist suppressed",
    "bounced": "bounced cleaned hardbounced hardbounce bounce invalid undeliverable",
    "complained": "complained spam abuse complaint spamcomplaint markedasspam",
}
_STATUS_OF = {word: status for status, words in _STATUS_WORDS.items() for word in words.split()}
_JSON_LIMIT = 50_000


class Mapped(NamedTuple):
    """A contact; a cell that is empty has no entry, so it overwrites nothing.

    `values` is keyed by the contact's columns, `fields` holds JSON values by custom field,
    `status` is one of STATUSES ("" if the file says nothing).
    """

    number: int
    email: str | None
    external_id: str | None
    values: dict[str, Any]
    fields: dict[str, Any]
    status: str
    opted_in_at: datetime | None
    opted_in_ip: str | None
    source: str | None
    tags: tuple[str, ...]


class Rejected(NamedTuple):
    """`reason` is a key of REASONS, `target` what the cell should have become ("" for the row)."""

    number: int
    reason: str
    target: str
    values: list[str]


Convert = Callable[[str], Any]
# (index, target, key, convert, whether a custom field)
_Step = tuple[int, str, str, Convert, bool]


def applying(
    mapping: Mapping, field_types: dict[str, FieldType]
) -> Callable[[Row], Mapped | Rejected]:
    """The function from a row to a contact. `field_types` are those of mapping.field_types()."""
    steps = [
        _step(index, target, mapping, field_types)
        for index, target in enumerate(mapping.columns)
        if target != IGNORE
    ]
    return partial(_apply, steps)


def _apply(steps: list[_Step], row: Row) -> Mapped | Rejected:
    if row.problem:
        return Rejected(row.number, row.problem, "", row.values)
    cells = row.values
    width = len(cells)
    values: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    target = ""
    try:
        for step in steps:
            index, target, key, convert, custom = step
            cell = cells[index] if index < width else ""
            if cell and not cell.isspace():
                (fields if custom else values)[key] = convert(cell)
    except Misfit as misfit:
        return Rejected(row.number, misfit.reason, target, cells)
    if ATTRIBUTES in values:
        inner_values, inner_fields = values.pop(ATTRIBUTES)
        values = {**inner_values, **values}
        fields = {**inner_fields, **fields}
    email = values.pop("email", None)
    external_id = values.pop("external_id", None)
    if not email and not external_id:
        return Rejected(row.number, "nobody", "email", cells)
    relation = _NO_RELATION if values.keys().isdisjoint(RELATION) else _relation(values)
    _join(values)
    return Mapped(row.number, email, external_id, values, fields, *relation)


_Relation = tuple[str, datetime | None, str | None, str | None, tuple[str, ...]]
_NO_RELATION: _Relation = ("", None, None, None, ())


def _relation(values: dict[str, Any]) -> _Relation:
    take = values.pop
    said = (take("status", ""), take("opted_in", ""), take("opted_out", ""), take("bounced", ""))
    status = max(said, key=STATUSES.index) if any(said) else ""
    return (
        status,
        take("opted_in_at", None),
        take("opted_in_ip", None),
        take("source", None),
        take("tags", ()),
    )


def _join(values: dict[str, Any]) -> None:
    """What files write in other columns than contacts have."""
    name = values.pop("name", None)
    if name and "first_name" not in values and "last_name" not in values:
        values["first_name"], values["last_name"] = name
    if more := values.pop("street2", ""):
        street = values.get("street", "")
        values["street"] = f"{street}, {more}" if street else more


def split_name(name: str) -> tuple[str, str]:
    """`Ann Lee` and `Lee, Ann` into (Ann, Lee); a single word is a first name."""
    limit = TEXTS["first_name"] + TEXTS["last_name"]
    last, comma, first = typed.line(name, limit).partition(",")
    if not comma or not first.strip():
        first, _, last = last.partition(" ")
    return typed.line(first, TEXTS["first_name"]), typed.line(last, TEXTS["last_name"])


def _step(index: int, target: str, mapping: Mapping, field_types: dict[str, FieldType]) -> _Step:
    field = field_of(target)
    if field:
        kind = field_types[field[0]]
        convert = partial(typed.typed, kind=kind, order=mapping.date_order)
        return index, target, field[0], convert, True
    if target == ATTRIBUTES:
        inner = [
            (key, _step(0, inside, mapping, field_types)) for key, inside in mapping.attributes
        ]
        return index, target, target, partial(_attributes, inner), False
    return index, target, target, _converter(target, mapping.date_order), False


def _converter(target: str, order: str) -> Convert:
    if target in TEXTS:
        return partial(typed.line, limit=TEXTS[target])
    found: dict[str, Convert] = {
        "email": _email,
        "name": split_name,
        "external_id": partial(typed.line, limit=EXTERNAL_ID_LIMIT),
        "language": typed.language,
        "birth_date": partial(typed.day, order=order),
        "sex": typed.sex,
        "status": _status,
        "opted_in": lambda cell: "unsubscribed" if typed.is_no(cell) else "",
        "opted_out": lambda cell: "" if typed.is_no(cell) else "unsubscribed",
        "bounced": lambda cell: "" if typed.is_no(cell) else "bounced",
        "opted_in_at": partial(_moment, order=order),
        "opted_in_ip": partial(typed.line, limit=45),
        "source": partial(typed.line, limit=200),
        "tags": _tags,
        IGNORE: lambda cell: None,
    }
    return found[target]


def _email(cell: str) -> str:
    checked = addresses.check(cell.strip(), dressed=True)
    if checked.normalized is None:
        raise Misfit(f"address:{checked.reason}")
    return checked.normalized


def _moment(cell: str, order: str) -> datetime | None:
    """When somebody agreed is evidence beside the contact: unreadable, it is left out."""
    try:
        return typed.moment(cell, order)
    except Misfit:
        return None


def _status(cell: str) -> str:
    word = "".join(filter(str.isalnum, cell.casefold()))
    try:
        return _STATUS_OF[word]
    except KeyError:
        raise Misfit("status") from None


def _tags(cell: str) -> tuple[str, ...]:
    """Tags apart by comma, semicolon or bar, with or without quotation marks."""
    parts = cell.replace(";", ",").replace("|", ",").split(",")
    tags = [typed.line(part.strip().strip('"'), 100) for part in parts]
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _attributes(inner: list[tuple[str, _Step]], cell: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(values, fields) of the keys that have a target; other keys are left out."""
    try:
        data = orjson.loads(cell) if len(cell) <= _JSON_LIMIT else None
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise Misfit("json")
    values: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for name, (_, target, key, convert, custom) in inner:
        cell = _cell(data.get(name))
        if cell.strip() and target != IGNORE:
            (fields if custom else values)[key] = convert(cell)
    return values, fields


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
