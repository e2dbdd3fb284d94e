"""Unsubscribing by what a mail carries: whom it went to, and which lists it went to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from esp.contacts import leave as contacts
from esp.contacts.leave import Way
from esp.delivery.models import Dispatch, Recipient
from esp.engagement.record import Happening, Tally, add_events, count, hour_of
from esp.suppression import suppress


@dataclass(frozen=True)
class Addressee:
    """Who got a copy; `contact_id` is the present one, None when the contact was deleted."""

    email: str
    contact_id: int | None
    ledger_contact_id: int
    language: str = ""


def addressee(session: Session, account_id: int, broadcast_id: int, seq: int) -> Addressee | None:
    """Whom the copy went to; None when nobody knows any more."""
    row = session.execute(
        select(Recipient.email, Recipient.contact_id).where(
            Recipient.account_id == account_id,
            Recipient.broadcast_id == broadcast_id,
            Recipient.seq == seq,
        )
    ).first()
    if row is None:
        return None
    contact = contacts.contact_of(session, account_id, row.contact_id, row.email)
    if contact is None:
        return Addressee(row.email, None, row.contact_id)
    return Addressee(row.email, contact.id, row.contact_id, contact.language)


def lists_meant(session: Session, account_id: int, broadcast_id: int) -> list[int] | None:
    """The lists a broadcast went to, with those they were merged into.

    None, which means every list, when all of them were deleted: rather too much than too little.
    """
    included = session.scalar(
        select(Dispatch.include_list_ids).where(
            Dispatch.account_id == account_id, Dispatch.broadcast_id == broadcast_id
        )
    )
    return contacts.with_successors(session, account_id, included or ()) or None


def unsubscribe(
    session: Session, account_id: int, broadcast_id: int, seq: int, way: Way
) -> tuple[int, ...] | None:
    """Take the person off the lists of this broadcast; those they were on. Harmless when repeated.

    None for a copy that the ledger does not know. Where the contact was deleted the address itself
    is suppressed, or the next import would bring it back.
    """
    person = addressee(session, account_id, broadcast_id, seq)
    if person is None:
        return None
    way = replace(way, broadcast_id=broadcast_id)
    left: Sequence[int] = ()
    if person.contact_id is not None:
        meant = lists_meant(session, account_id, broadcast_id)
        left = contacts.leave(session, account_id, person.contact_id, meant, way)
    elif person.email:
        suppress.suppress(session, account_id, person.email, "unsubscribe", source=way.source)
    if _mark(session, account_id, broadcast_id, seq, way):
        contact_id = person.contact_id or person.ledger_contact_id
        count(session, account_id, {Tally(broadcast_id, "unsubscribed", hour_of(way.at)): 1})
        _tell(session, account_id, "unsubscribed", (broadcast_id, seq), contact_id, way, left)
    return tuple(left)


def undo(
    session: Session, account_id: int, broadcast_id: int, seq: int, way: Way
) -> tuple[int, ...]:
    """The person says that it was a mistake: back on the lists that `unsubscribe` took them off."""
    person = addressee(session, account_id, broadcast_id, seq)
    if person is None or person.contact_id is None:
        return ()
    back = contacts.come_back(session, account_id, person.contact_id, broadcast_id, way)
    left_at = session.scalar(
        text(
            "WITH old AS (SELECT unsubscribed_at FROM recipients WHERE account_id = :account"
            " AND broadcast_id = :broadcast AND seq = :seq AND unsubscribed_at IS NOT NULL"
            " FOR UPDATE)"
            " UPDATE recipients r SET unsubscribed_at = NULL FROM old WHERE account_id = :account"
            " AND broadcast_id = :broadcast AND seq = :seq RETURNING old.unsubscribed_at"
        ),
        {"account": account_id, "broadcast": broadcast_id, "seq": seq},
    )
    if left_at is not None:
        count(session, account_id, {Tally(broadcast_id, "unsubscribed", hour_of(left_at)): -1})
        copy = (broadcast_id, seq)
        _tell(session, account_id, "resubscribed", copy, person.contact_id, way, back)
    return tuple(back)


def _mark(session: Session, account_id: int, broadcast_id: int, seq: int, way: Way) -> bool:
    """Note it in the ledger; only one call does, and counts."""
    first = session.execute(
        text(
            "UPDATE recipients SET unsubscribed_at = :at WHERE account_id = :account"
            " AND broadcast_id = :broadcast AND seq = :seq AND unsubscribed_at IS NULL RETURNING 1"
        ),
        {"at": way.at, "account": account_id, "broadcast": broadcast_id, "seq": seq},
    ).first()
    return first is not None


def _tell(
    session: Session,
    account_id: int,
    kind: str,
    copy: tuple[int, int],
    contact_id: int,
    way: Way,
    list_ids: Sequence[int],
) -> None:
    detail = {"source": way.source, "lists": list(list_ids)}
    happening = Happening(kind, way.at, contact_id, *copy, detail=detail)
    add_events(session, account_id, [happening])
