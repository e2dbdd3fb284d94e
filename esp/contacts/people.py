"""Makes, changes and deletes contacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from esp.addresses import domain_of
from esp.contacts import fields
from esp.contacts.models import Contact, Subscription
from esp.contacts.subscriptions import Asked, subscribe
from esp.contacts.values import Clean, clean
from esp.errors import N_, Conflict, Invalid, NotFound
from esp.suppression.suppress import suppress


class Taken(Conflict):
    """Another contact of the account has this value; `place` says which: email, external_id."""

    def __init__(self, place: str) -> None:
        super().__init__(_TAKEN[place])
        self.place = place


_TAKEN = {
    "email": N_("Another contact has this address."),
    "external_id": N_("Another contact has this identifier."),
}


def get(session: Session, account_id: int, contact_id: int) -> Contact:
    """NotFound when the account has no such contact."""
    contact = session.scalar(
        select(Contact).where(Contact.account_id == account_id, Contact.id == contact_id)
    )
    if contact is None:
        raise NotFound
    return contact


def create(session: Session, account_id: int, values: Mapping[str, Any], source: str = "") -> int:
    """`values` by column, with `fields` for the account's own. Invalid, or Taken."""
    cleaned = clean(values, fields.types(session, account_id))
    return _insert(session, account_id, cleaned, source)


def update_contact(
    session: Session, account_id: int, contact_id: int, values: Mapping[str, Any]
) -> bool:
    """Change what `values` names and nothing else; whether anything is different now."""
    cleaned = clean(values, fields.types(session, account_id))
    return _update(session, account_id, contact_id, cleaned)


def upsert(
    session: Session,
    account_id: int,
    values: Mapping[str, Any],
    list_ids: tuple[int, ...] = (),
    source: str = "",
    *,
    asked: Asked,
) -> tuple[int, bool]:
    """(id, whether it is new) of the contact with this e-mail address, else this external id.

    Subscribes to `list_ids`; who has unsubscribed there stays so.
    """
    cleaned = clean(values, fields.types(session, account_id))
    contact_id = _find(session, account_id, cleaned)
    created = contact_id is None
    if contact_id is None:
        contact_id = _insert(session, account_id, cleaned, source)
    else:
        _update(session, account_id, contact_id, cleaned)
    for list_id in sorted(set(list_ids)):
        subscribe(session, account_id, contact_id, list_id, asked)
    return contact_id, created


def remove(session: Session, account_id: int, contact_id: int, now: datetime, actor: str) -> None:
    """Delete the contact and its subscriptions; ledger, events and proofs of consent stay.

    Who had left a list goes on the suppression list: no later import may bring them back.
    """
    contact = get(session, account_id, contact_id)
    left = session.scalars(
        select(Subscription.list_id).where(
            Subscription.account_id == account_id,
            Subscription.contact_id == contact_id,
            Subscription.state == "unsubscribed",
        )
    ).all()
    if left and contact.email:
        detail = {"lists": sorted(left), "deleted_at": now.isoformat(timespec="seconds")}
        suppress(
            session,
            account_id,
            contact.email,
            "unsubscribe",
            source="contact deleted",
            actor=actor,
            detail=detail,
        )
    session.execute(
        delete(Contact).where(Contact.account_id == account_id, Contact.id == contact_id)
    )


def _find(session: Session, account_id: int, cleaned: Clean) -> int | None:
    email, external_id = cleaned.columns.get("email"), cleaned.columns.get("external_id")
    if not email and not external_id:
        raise Invalid(N_("Give an address or an identifier."), "email")
    for column, value in ((Contact.email, email), (Contact.external_id, external_id)):
        if value:
            found = session.scalar(
                select(Contact.id).where(Contact.account_id == account_id, column == value)
            )
            if found is not None:
                return found
    return None


def _insert(session: Session, account_id: int, cleaned: Clean, source: str) -> int:
    columns = dict(cleaned.columns)
    if not columns.get("email") and not columns.get("external_id"):
        raise Invalid(N_("Give an address or an identifier."), "email")
    own = {key: value for key, value in cleaned.fields.items() if value is not None}
    with _unique(session):
        return session.scalars(
            insert(Contact)
            .values(
                account_id=account_id,
                source=source,
                fields=own,
                domain=_domain(columns.get("email")),
                **columns,
            )
            .returning(Contact.id)
        ).one()


def _update(session: Session, account_id: int, contact_id: int, cleaned: Clean) -> bool:
    contact = session.scalar(
        select(Contact)
        .where(Contact.account_id == account_id, Contact.id == contact_id)
        .with_for_update()
    )
    if contact is None:
        raise NotFound
    changes = {
        name: value for name, value in cleaned.columns.items() if getattr(contact, name) != value
    }
    own = dict(contact.fields) | cleaned.fields
    own = {key: value for key, value in own.items() if value is not None}
    if own != contact.fields:
        changes["fields"] = own
    if not changes:
        return False
    email = changes.get("email", contact.email)
    if not email and not changes.get("external_id", contact.external_id):
        raise Invalid(N_("Give an address or an identifier."), "email")
    if "email" in changes:
        changes["domain"] = _domain(email)
    with _unique(session):
        session.execute(
            update(Contact)
            .where(Contact.account_id == account_id, Contact.id == contact_id)
            .values(**changes, updated_at=func.now())
        )
    return True


def _domain(email: str | None) -> str | None:
    return domain_of(email) if email else None


@contextmanager
def _unique(session: Session) -> Iterator[None]:
    """Taken where the database says that a value must be unique; the transaction goes on."""
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        message = str(error.orig)
        for place in ("external_id", "email"):
            if f"uq_contacts_account_id_{place}" in message:
                raise Taken(place) from error
        raise


def count(session: Session, account_id: int) -> int:
    """How many contacts the account has."""
    return (
        session.scalar(
            text("SELECT count(*) FROM contacts WHERE account_id = :id"), {"id": account_id}
        )
        or 0
    )
