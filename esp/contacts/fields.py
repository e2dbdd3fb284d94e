"""The fields that an account adds to its contacts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from esp.contacts.models import Field
from esp.contacts.reading.headers import field_key
from esp.contacts.reading.targets import FIELD_KEY
from esp.contacts.reading.typed import FIELD_TYPES, FieldType, Misfit, line
from esp.errors import N_, Conflict, Invalid, NotFound, Refused

MOST_FIELDS = 200
MOST_CHOICES = 200
LABEL_LENGTH = 80
KIND_NAMES = {
    "text": N_("Text"),
    "number": N_("Number"),
    "date": N_("Date"),
    "boolean": N_("Yes or no"),
    "choice": N_("Choice"),
}


def all_fields(session: Session, account_id: int) -> list[Field]:
    """In the order in which they were added."""
    return list(
        session.scalars(select(Field).where(Field.account_id == account_id).order_by(Field.id))
    )


def get(session: Session, account_id: int, field_id: int) -> Field:
    """NotFound when the account has no such field."""
    field = session.scalar(
        select(Field).where(Field.account_id == account_id, Field.id == field_id)
    )
    if field is None:
        raise NotFound
    return field


def types(session: Session, account_id: int) -> dict[str, FieldType]:
    """How values of each field are read, by key."""
    return {
        field.key: FieldType(field.type, tuple(map(str, field.choices)))
        for field in all_fields(session, account_id)
    }


def add(
    session: Session,
    account_id: int,
    label: str,
    kind: str = "text",
    choices: Sequence[str] = (),
    key: str = "",
) -> Field:
    """The key, by which templates and programs name it, comes from the label and stays."""
    label = _label(label)
    if kind not in FIELD_TYPES:
        raise Invalid(N_("There is no such type of field."), "type")
    key = key or field_key(label)
    if not FIELD_KEY.fullmatch(key):
        raise Invalid(
            N_("Begin with a letter; letters a to z, digits and _ make a key."),
            "key" if key else "label",
        )
    # One at a time for each account, so that the limit holds and a key is not taken twice.
    session.execute(text("SELECT pg_advisory_xact_lock(7274120, :account_id)"), _lock(account_id))
    taken = set(session.scalars(select(Field.key).where(Field.account_id == account_id)))
    if key in taken:
        raise Conflict(N_("There is a field with this key already: %(key)s."), key=key)
    if len(taken) >= MOST_FIELDS:
        raise Refused(N_("An account has at most %(most)s fields."), most=MOST_FIELDS)
    return session.scalars(
        insert(Field)
        .values(
            account_id=account_id,
            key=key,
            label=label,
            type=kind,
            choices=_choices(choices) if kind == "choice" else [],
        )
        .returning(Field)
    ).one()


def change(
    session: Session,
    account_id: int,
    field_id: int,
    label: str,
    choices: Sequence[str] | None = None,
) -> None:
    """Rename it, or give a choice other choices; values that contacts have stay as they are."""
    field = get(session, account_id, field_id)
    values = {"label": _label(label)}
    if choices is not None and field.type == "choice":
        values["choices"] = _choices(choices)  # type: ignore[assignment]  # JSON beside text
    session.execute(
        update(Field).where(Field.account_id == account_id, Field.id == field_id).values(values)
    )


def remove(session: Session, account_id: int, field_id: int) -> None:
    """Delete the field and the values that contacts have of it."""
    field = get(session, account_id, field_id)
    session.execute(
        text(
            "UPDATE contacts SET fields = fields - :key, updated_at = now()"
            " WHERE account_id = :account_id AND jsonb_exists(fields, :key)"
        ),
        {"account_id": account_id, "key": field.key},
    )
    session.execute(delete(Field).where(Field.account_id == account_id, Field.id == field_id))


def filled(session: Session, account_id: int) -> dict[str, int]:
    """How many contacts have a value, by key; fields that nobody has are not in it."""
    rows = session.execute(
        text(
            "SELECT key, count(*) FROM contacts CROSS JOIN LATERAL jsonb_object_keys(fields) AS key"
            " WHERE account_id = :account_id GROUP BY key"
        ),
        {"account_id": account_id},
    )
    return {key: int(number) for key, number in rows}


def _label(label: str) -> str:
    try:
        label = line(label, LABEL_LENGTH)
    except Misfit:
        raise Invalid(
            N_("A name has at most %(length)s characters."), "label", length=LABEL_LENGTH
        ) from None
    if not label:
        raise Invalid(N_("Give it a name."), "label")
    return label


def _choices(choices: Sequence[str]) -> list[str]:
    try:
        found = list(dict.fromkeys(filter(None, (line(choice, 200) for choice in choices))))
    except Misfit:
        raise Invalid(N_("A choice has at most 200 characters."), "choices") from None
    if not found:
        raise Invalid(N_("Write the choices, one a line."), "choices")
    if len({choice.casefold() for choice in found}) < len(found):
        raise Invalid(N_("Two choices differ only in capitals."), "choices")
    if len(found) > MOST_CHOICES:
        raise Invalid(N_("A field has at most %(most)s choices."), "choices", most=MOST_CHOICES)
    return found


def _lock(account_id: int) -> dict[str, int]:
    # The second number of such a lock has 32 bits; a shared one only waits a little.
    return {"account_id": account_id % 2**31}
