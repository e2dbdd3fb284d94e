"""Reads what an answer to `why did X (not) get this?` rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from esp.broadcasts.models import BroadcastList
from esp.broadcasts.why import Answer
from esp.contacts.models import Contact, List, Subscription
from esp.delivery.models import Deferral


@dataclass(frozen=True)
class OnList:
    """How the contact stands to a list of the broadcast; `state` None: not on it."""

    name: str
    side: str
    state: str | None
    changed_at: datetime | None


@dataclass(frozen=True)
class Evidence:
    """`contact_id` None: no such contact (any more); `next_at` only where it is deferred."""

    contact_id: int | None
    lists: tuple[OnList, ...]
    next_at: datetime | None


def evidence(session: Session, account_id: int, broadcast_id: int, answer: Answer) -> Evidence:
    """As it is now; lists may have changed since the broadcast began."""
    query = select(Contact.id).where(Contact.account_id == account_id)
    if answer.recipient is not None:
        query = query.where(Contact.id == answer.recipient.contact_id)
    else:
        query = query.where(Contact.email == answer.email)
    contact_id = session.scalar(query)
    lists = () if contact_id is None else _lists(session, account_id, broadcast_id, contact_id)
    return Evidence(contact_id, lists, _next_at(session, account_id, broadcast_id, answer))


def _lists(
    session: Session, account_id: int, broadcast_id: int, contact_id: int
) -> tuple[OnList, ...]:
    rows = session.execute(
        select(List.name, BroadcastList.side, Subscription.state, Subscription.changed_at)
        .join(
            BroadcastList,
            (BroadcastList.account_id == List.account_id) & (BroadcastList.list_id == List.id),
        )
        .outerjoin(
            Subscription,
            (Subscription.account_id == List.account_id)
            & (Subscription.list_id == List.id)
            & (Subscription.contact_id == contact_id),
        )
        .where(List.account_id == account_id, BroadcastList.broadcast_id == broadcast_id)
        .order_by(BroadcastList.side.desc(), List.name)
    )
    return tuple(OnList(*row) for row in rows)


def _next_at(
    session: Session, account_id: int, broadcast_id: int, answer: Answer
) -> datetime | None:
    if answer.recipient is None or answer.recipient.state != "deferred":
        return None
    return session.scalar(
        select(Deferral.next_at).where(
            Deferral.account_id == account_id,
            Deferral.broadcast_id == broadcast_id,
            Deferral.seq == answer.recipient.seq,
        )
    )
