"""(pure) Which column becomes what, and the contact that a row then is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from esp.contacts.reading.shape import COLUMNS
from esp.contacts.reading.targets import ATTRIBUTES, IGNORE, field_of, is_target
from esp.contacts.reading.typed import DATE_ORDERS, FieldType
from esp.errors import N_, Invalid


@dataclass(frozen=True, slots=True)
class Mapping:
    """`columns` holds a target for each column; `attributes` one for each key of a JSON column.

    A target is a name of targets.PLAIN, `field:KEY` or `new:KEY:TYPE`. As JSON:
    `{"columns": ["email", "ignore"], "attributes": {"age": "field:age"}, "date_order": "dmy"}`,
    where columns may also be an object from header or index to target.
    """

    columns: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...] = ()
    date_order: str = "dmy"

    def __post_init__(self) -> None:
        keys = [_key(target) for target in self.columns]
        keys += [_key(target) for _, target in self.attributes]
        used = [key for key in keys if key != IGNORE]
        for key, times in Counter(used).items():
            if times > 1:
                raise Invalid(N_("Two columns become %(target)s."), place="mapping", target=key)
        if "email" not in used and "external_id" not in used:
            raise Invalid(
                N_("Say which column holds the address or an identifier of your own."),
                place="mapping",
            )
        if any(target == ATTRIBUTES for _, target in self.attributes):
            raise Invalid(N_("A key of a JSON column must become a field."), place="mapping")
        if self.date_order not in DATE_ORDERS:
            raise Invalid(N_("The order of dates is dmy or mdy."), place="mapping")

    def new_fields(self) -> list[tuple[str, str]]:
        """(key, type) of the fields that must be added before the rows are read."""
        targets = (*self.columns, *(target for _, target in self.attributes))
        found = [field_of(target) for target in targets]
        return [(key, kind) for key, kind in filter(None, found) if kind]

    def field_types(self, existing: dict[str, FieldType]) -> dict[str, FieldType]:
        """Types of all custom fields the mapping names; raises Invalid for one that is missing."""
        types = {key: FieldType(kind) for key, kind in self.new_fields()} | existing
        for target in (*self.columns, *(target for _, target in self.attributes)):
            field = field_of(target)
            if field and field[0] not in types:
                raise Invalid(N_("There is no field %(field)s."), place="mapping", field=field[0])
        return types

    def to_json(self) -> dict[str, Any]:
        return {
            "columns": list(self.columns),
            "attributes": dict(self.attributes),
            "date_order": self.date_order,
        }

    @classmethod
    def from_json(cls, data: object, header: Sequence[str] = ()) -> Self:
        """From what `to_json` gives, or what a program sends. Raises Invalid."""
        if not isinstance(data, dict):
            raise _malformed()
        columns = data.get("columns")
        attributes = data.get("attributes") or {}
        if isinstance(columns, dict):
            columns = _by_column(columns, header)
        if not isinstance(columns, list) or not isinstance(attributes, dict):
            raise _malformed()
        if len(columns) > COLUMNS or len(attributes) > COLUMNS:
            raise _malformed()
        if not all(isinstance(t, str) for t in (*columns, *attributes, *attributes.values())):
            raise _malformed()
        date_order = data.get("date_order") or "dmy"
        return cls(tuple(columns), tuple(attributes.items()), str(date_order))


def _key(target: str) -> str:
    if not is_target(target):
        raise Invalid(N_("A column cannot become %(target)s."), place="mapping", target=target[:80])
    field = field_of(target)
    return f"field:{field[0]}" if field else target


def _malformed() -> Invalid:
    return Invalid(N_("This mapping of columns cannot be read."), place="mapping")


def _by_column(columns: dict[Any, Any], header: Sequence[str]) -> list[str]:
    """Targets in the order of the columns, from an object by header or by index."""
    names = [name.strip().casefold() for name in header]
    by_index: dict[int, str] = {}
    for column, target in columns.items():
        name = str(column).strip().casefold()
        index = _index(name, names)
        if index is None or not isinstance(target, str):
            raise Invalid(
                N_("The file has no column %(column)s."), place="mapping", column=str(column)[:80]
            )
        by_index[index] = target
    width = max([*by_index, len(header) - 1, -1]) + 1
    return [by_index.get(index, IGNORE) for index in range(width)]


def _index(name: str, names: Iterable[str]) -> int | None:
    found = [index for index, candidate in enumerate(names) if candidate == name]
    if found:
        return found[0]
    # No file has more columns than three digits count.
    return int(name) if name.isascii() and name.isdigit() and len(name) <= 3 else None
