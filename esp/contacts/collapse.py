"""(pure) Rows of a chunk that mean one person become one, as if taken one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from esp.contacts.reading.apply import STATUSES, Mapped


@dataclass(slots=True)
class Collapsed:
    """`torn` holds numbers of rows; `updated` and `unchanged` count those that fell together with
    an earlier one."""

    people: list[Mapped] = field(default_factory=list)
    torn: list[int] = field(default_factory=list)
    updated: int = 0
    unchanged: int = 0


def collapse(rows: Iterable[Mapped], *, update: bool) -> Collapsed:
    """The last row wins, cell by cell; without `update` the first one does.

    Whatever wins, a row that says that somebody left is heard. Torn is a row whose identifier
    is that of somebody with another address.
    """
    found = Collapsed()
    by_email: dict[str, int] = {}
    by_external_id: dict[str, int] = {}
    people = found.people
    for row in rows:
        index = by_email.get(row.email) if row.email else None
        if row.external_id:
            other = by_external_id.get(row.external_id)
            if index is None:
                index = other
            elif other is not None and other != index:
                found.torn.append(row.number)
                continue
            if index is not None and row.email and people[index].email not in (None, row.email):
                found.torn.append(row.number)
                continue
        if index is None:
            index = len(people)
            people.append(row)
        else:
            merged = _merge(people[index], row, update=update)
            if merged._replace(number=0) == people[index]._replace(number=0):
                found.unchanged += 1
            else:
                found.updated += 1
            people[index] = merged
        if people[index].email:
            by_email[people[index].email or ""] = index
        if people[index].external_id:
            by_external_id[people[index].external_id or ""] = index
    return found


def _merge(before: Mapped, row: Mapped, *, update: bool) -> Mapped:
    status = max(before.status, row.status, key=STATUSES.index)
    if not update:
        return before._replace(status=status)
    return Mapped(
        row.number,
        row.email or before.email,
        row.external_id or before.external_id,
        before.values | row.values,
        before.fields | row.fields,
        status,
        before.opted_in_at or row.opted_in_at,
        before.opted_in_ip or row.opted_in_ip,
        before.source or row.source,
        (),
    )
