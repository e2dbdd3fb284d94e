"""What a person decides about their own mail: lists, language, being measured."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from esp.contacts import leave
from esp.contacts.leave import Way
from esp.contacts.models import Contact, List, Subscription


@dataclass(frozen=True)
class Offer:
    """A list as its own person sees it."""

    list_id: int
    name: str
    description: str
    state: str | None

    @property
    def is_on(self) -> bool:
        return self.state == "subscribed"


def offers(session: Session, account_id: int, contact_id: int) -> list[Offer]:
    """The lists a person may choose from: those open to everybody, and those they are on."""
    rows = session.execute(
        select(List.id, List.name, List.description, Subscription.state)
        .outerjoin(
            Subscription,
            (Subscription.account_id == List.account_id)
            & (Subscription.list_id == List.id)
            & (Subscription.contact_id == contact_id),
        )
        .where(
            List.account_id == account_id,
            List.archived_at.is_(None),
            or_(List.is_public, Subscription.state.is_not(None)),
        )
        .order_by(List.name, List.id)
        .limit(200)
    )
    return [Offer(*row) for row in rows]


def names_of(session: Session, account_id: int, list_ids: Collection[int]) -> list[str]:
    """The names of those lists that still exist."""
    return list(
        session.scalars(
            select(List.name)
            .where(List.account_id == account_id, List.id.in_(list_ids))
            .order_by(List.name)
        )
    )


def choose(
    session: Session, account_id: int, contact_id: int, wanted: Collection[int], way: Way
) -> tuple[list[int], list[int]]:
    """On for the `wanted` of the lists offered, off for the others; which were joined and left."""
    seen = offers(session, account_id, contact_id)
    on = [o.list_id for o in seen if o.list_id in wanted and not o.is_on]
    off = [o.list_id for o in seen if o.list_id not in wanted and o.is_on]
    joined = leave.join(session, account_id, contact_id, on, way)
    return joined, leave.leave(session, account_id, contact_id, off, way)


def speak(session: Session, account_id: int, contact_id: int, language: str) -> None:
    """Write to this person in `language` from now on."""
    session.execute(
        update(Contact)
        .where(Contact.account_id == account_id, Contact.id == contact_id)
        .values(language=language, updated_at=func.now())
    )


def agree_to_tracking(
    session: Session, account_id: int, contact_id: int, agreed: bool, way: Way
) -> bool:
    """Keep whether the person may be measured, with the proof; whether that changed."""
    changed = session.scalar(
        update(Contact)
        .where(
            Contact.account_id == account_id,
            Contact.id == contact_id,
            Contact.tracking_consent.is_distinct_from(agreed),
        )
        .values(tracking_consent=agreed, tracking_consent_at=way.at, updated_at=func.now())
        .returning(Contact.id)
    )
    if changed is None:
        return False
    action = "tracking_on" if agreed else "tracking_off"
    leave.prove(session, account_id, contact_id, [None], action, way)
    return True
