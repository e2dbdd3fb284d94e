"""(pure) What people and programs say about a contact, checked and brought into the kept form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import available_timezones

import orjson

from esp import addresses
from esp.contacts.reading import typed
from esp.contacts.reading.apply import REASONS
from esp.contacts.reading.targets import EXTERNAL_ID_LIMIT, TEXTS
from esp.contacts.reading.typed import FieldType, Misfit
from esp.errors import N_, Invalid

# Columns that a page, a program or a file may set; `fields` holds the account's own.
TEXT_COLUMNS = tuple(name for name in TEXTS if name != "street2")
COLUMNS = ("email", "external_id", *TEXT_COLUMNS, "language", "birth_date", "sex")


@dataclass(frozen=True, slots=True)
class Clean:
    """`columns` by name; `fields` by key, None for one to be emptied."""

    columns: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)


def clean(values: Mapping[str, Any], types: Mapping[str, FieldType]) -> Clean:
    """Invalid with the name of the value (`email`, `fields.size`) as its place."""
    unknown = sorted(set(values) - {*COLUMNS, "fields"})
    if unknown:
        raise Invalid(N_("A contact has no %(name)s."), unknown[0], name=unknown[0][:80])
    columns = {name: _column(name, value) for name, value in values.items() if name != "fields"}
    own = values.get("fields") or {}
    if not isinstance(own, Mapping):
        raise Invalid(N_("Fields are given as an object."), "fields")
    fields = {}
    for key, value in own.items():
        if key not in types:
            raise Invalid(N_("There is no field %(field)s."), f"fields.{key}", field=str(key)[:80])
        fields[key] = _own_field(key, value, types[key])
    return Clean(columns, fields)


def _column(name: str, value: object) -> object:
    text = _text(name, value)
    try:
        if name == "email":
            return _email(text)
        if name == "external_id":
            return typed.line(text, EXTERNAL_ID_LIMIT) or None
        if name == "birth_date":
            return date.fromisoformat(text) if text else None
        if name == "sex":
            return typed.sex(text) if text else ""
        if name == "language":
            return typed.language(text) if text else ""
        if name == "time_zone" and text and text not in available_timezones():
            raise Invalid(N_("This is not the name of a time zone."), name)
        return typed.line(text, TEXTS[name])
    except Misfit as misfit:
        raise Invalid(REASONS[misfit.reason], name) from None
    except ValueError:
        raise Invalid(REASONS["date"], name) from None


def _email(text: str) -> str | None:
    if not text:
        return None
    checked = addresses.check(text)
    if checked.normalized is None:
        raise Invalid(addresses.REASONS[checked.reason or "empty"], "email")
    return checked.normalized


def _own_field(key: str, value: object, kind: FieldType) -> object:
    place = f"fields.{key}"
    text = _text(place, value)
    if not text:
        return None
    try:
        return typed.typed(text, kind, "dmy")
    except Misfit as misfit:
        raise Invalid(REASONS[misfit.reason], place) from None


def _text(place: str, value: object) -> str:
    """JSON's numbers and truths as the text that is read again; nothing is ''."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | int | float):
        return orjson.dumps(value).decode() if abs(value) < 1e15 else _refuse(place)
    if isinstance(value, date):
        return value.isoformat()
    return _refuse(place)


def _refuse(place: str) -> str:
    raise Invalid(N_("This value cannot be read."), place)
