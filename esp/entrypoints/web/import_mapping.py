"""What the page of a contact file's columns shows and takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as __

from esp.contacts.models import Field, Import
from esp.contacts.reading.apply import REASONS, Rejected, applying
from esp.contacts.reading.headers import field_key
from esp.contacts.reading.mapping import Mapping as Columns
from esp.contacts.reading.shape import Checkpoint, Row
from esp.contacts.reading.targets import field_of
from esp.contacts.reading.typed import FieldType

SHOWN_ROWS = 20
SAMPLES = 3

STANDARD = {
    "email": __("E-mail address"),
    "first_name": __("First name"),
    "last_name": __("Last name"),
    "name": __("Whole name"),
    "external_id": __("Identifier"),
    "language": __("Language"),
    "phone": __("Phone"),
    "company": __("Company"),
    "occupation": __("Occupation"),
    "birth_date": __("Date of birth"),
    "sex": __("Sex"),
    "street": __("Street"),
    "street2": __("Street, second line"),
    "postal_code": __("Postal code"),
    "city": __("City"),
    "region": __("Region"),
    "country": __("Country"),
    "time_zone": __("Time zone"),
}
RELATION = {
    "status": __("Status (subscribed, unsubscribed, bounced …)"),
    "opted_in": __("Has agreed (yes or no)"),
    "opted_out": __("Has left (yes or no)"),
    "bounced": __("Is undeliverable (yes or no)"),
    "opted_in_at": __("When they agreed"),
    "opted_in_ip": __("IP address when they agreed"),
    "source": __("Where they came from"),
}
NEW = {
    "text": __("New field: text"),
    "number": __("New field: number"),
    "date": __("New field: date"),
    "boolean": __("New field: yes or no"),
}


@dataclass(frozen=True)
class Column:
    """A column of the file: its name, some cells, what it becomes, what else it could."""

    index: int
    name: str
    samples: list[str]
    target: str
    new: list[tuple[str, str]]


class Line(NamedTuple):
    """A row as it would come in; `reason` says why it would not."""

    number: int
    cells: list[str]
    reason: str


@dataclass(frozen=True)
class Shown:
    """The first rows under the names of what they become."""

    heads: list[str]
    lines: list[Line]


def columns_of(
    row: Import, own: Sequence[Field], chosen: Sequence[str] | None = None
) -> list[Column]:
    """Each column with the target that was guessed or `chosen`."""
    header = row.preview.get("header", [])
    rows = row.preview.get("rows", [])
    targets = chosen or row.mapping.get("columns") or ["ignore"] * len(header)
    taken = {field.key for field in own}
    found = []
    for index, name in enumerate(header):
        target = targets[index] if index < len(targets) else "ignore"
        cells = (one["values"][index] for one in rows if index < len(one["values"]))
        samples = [cell for cell in cells if cell.strip()][:SAMPLES]
        key = _key(name, index, target, taken)
        taken.add(key)
        new = [(f"new:{key}:{kind}", str(words)) for kind, words in NEW.items()]
        found.append(Column(index, name, samples, target, new))
    return found


def _key(name: str, index: int, target: str, taken: Iterable[str]) -> str:
    """The key a new field would have; that of the guess where there is one."""
    field = field_of(target)
    if field and field[1]:
        return field[0]
    key = field_key(name) or f"column_{index + 1}"
    return key if key not in taken else f"{key[:34]}_{index + 1}"


def mapping_of(row: Import, form: Mapping[str, str]) -> dict[str, Any]:
    """The mapping that a form says, as the capability takes it."""
    header = row.preview.get("header", [])
    targets = [form.get(f"column-{index}", "ignore") for index in range(len(header))]
    keeps = "attributes" in targets
    return {
        "columns": targets,
        "attributes": row.mapping.get("attributes", {}) if keeps else {},
        "date_order": form.get("date_order", row.mapping.get("date_order", "dmy")),
    }


def shown(
    row: Import, mapping: Columns, types: dict[str, FieldType], own: Sequence[Field]
) -> Shown:
    """What the first rows become. Invalid when the mapping names a field that is not there."""
    convert = applying(mapping, mapping.field_types(types))
    heads, keys = _heads(row, mapping, own)
    lines = []
    for one in row.preview.get("rows", [])[:SHOWN_ROWS]:
        place = Checkpoint(0, one["number"])
        made = convert(Row(one["number"], one["values"], place, one["problem"]))
        if isinstance(made, Rejected):
            reason = str(_(REASONS.get(made.reason, made.reason)))
            lines.append(Line(made.number, [" · ".join(made.values)[:200]], reason))
            continue
        found = {
            "email": made.email,
            "external_id": made.external_id,
            "status": made.status,
            **made.values,
            **{f"field:{key}": value for key, value in made.fields.items()},
        }
        lines.append(Line(made.number, [_text(found.get(key)) for key in keys], ""))
    return Shown(heads, lines)


def _heads(row: Import, mapping: Columns, own: Sequence[Field]) -> tuple[list[str], list[str]]:
    labels = {field.key: field.label for field in own}
    heads: dict[str, str] = {}
    pairs = list(zip(mapping.columns, row.preview.get("header", []), strict=False))
    for target, name in [*pairs, *((target, key) for key, target in mapping.attributes)]:
        field = field_of(target)
        if field:
            heads[f"field:{field[0]}"] = labels.get(field[0], name or field[0])
        elif target == "name":
            heads["first_name"], heads["last_name"] = (
                str(STANDARD["first_name"]),
                str(STANDARD["last_name"]),
            )
        elif target in STANDARD and target != "street2":
            heads[target] = str(STANDARD[target])
        elif target in ("status", "opted_in", "opted_out", "bounced"):
            heads["status"] = str(_("Status"))
    first = [key for key in ("email", "external_id") if key in heads]
    keys = [*first, *(key for key in heads if key not in first)]
    return [heads[key] for key in keys], keys


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
