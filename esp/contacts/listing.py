"""Reads contacts in pages, and what belongs to each of them, in one query a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from esp.contacts.lists import Counts
from esp.contacts.models import Contact, Subscription
from esp.suppression.models import Suppression

# The end of a range of texts that begin alike: row-level security bars LIKE from an index.
_END = "\U0010ffff"


@dataclass(frozen=True)
class Wanted:
    """Which contacts; `words` is the beginning of an address or a name."""

    email: str | None = None
    external_id: str | None = None
    list_id: int | None = None
    state: str | None = None
    words: str = ""


def page(
    session: Session, account_id: int, wanted: Wanted, *, after: int = 0, limit: int = 50
) -> Sequence[Contact]:
    """In the order in which they were added; `after` is the number of the last one seen."""
    query = select(Contact).where(Contact.account_id == account_id, Contact.id > after)
    if wanted.email is not None:
        query = query.where(Contact.email == wanted.email)
    if wanted.external_id is not None:
        query = query.where(Contact.external_id == wanted.external_id)
    if wanted.list_id is not None or wanted.state is not None:
        subscribed = exists().where(
            Subscription.account_id == account_id, Subscription.contact_id == Contact.id
        )
        if wanted.list_id is not None:
            subscribed = subscribed.where(Subscription.list_id == wanted.list_id)
        if wanted.state is not None:
            subscribed = subscribed.where(Subscription.state == wanted.state)
        query = query.where(subscribed)
    beginning = wanted.words.strip().lower()
    if beginning:
        places = (
            Contact.email,
            func.lower(Contact.first_name),
            func.lower(Contact.last_name),
            func.lower(Contact.company),
        )
        query = query.where(
            or_(*((place >= beginning) & (place < beginning + _END) for place in places))
        )
    return session.scalars(query.order_by(Contact.id).limit(limit)).all()


def subscriptions(
    session: Session, account_id: int, contact_ids: Sequence[int]
) -> dict[int, list[Subscription]]:
    """By contact, in the order of the lists."""
    found: dict[int, list[Subscription]] = {contact_id: [] for contact_id in contact_ids}
    rows = session.scalars(
        select(Subscription)
        .where(Subscription.account_id == account_id, Subscription.contact_id.in_(contact_ids))
        .order_by(Subscription.list_id)
        .execution_options(populate_existing=True)
    )
    for row in rows:
        found[row.contact_id].append(row)
    return found


def suppressed(session: Session, account_id: int, emails: Sequence[str]) -> set[str]:
    """Those of the addresses that get no marketing mail."""
    return set(
        session.scalars(
            select(Suppression.email).where(
                Suppression.account_id == account_id, Suppression.email.in_(emails)
            )
        )
    )


def counts(session: Session, account_id: int, list_ids: Sequence[int]) -> dict[int, Counts]:
    """People by state of these lists only."""
    found: dict[int, dict[str, int]] = {list_id: {} for list_id in list_ids}
    rows = session.execute(
        select(Subscription.list_id, Subscription.state, func.count())
        .where(Subscription.account_id == account_id, Subscription.list_id.in_(list_ids))
        .group_by(Subscription.list_id, Subscription.state)
    )
    for list_id, state, number in rows:
        found[list_id][state] = number
    return {list_id: Counts(**numbers) for list_id, numbers in found.items()}
