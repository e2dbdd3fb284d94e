"""Reads what belongs to contacts and lists, for programs: a query for all of a page."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from esp.contacts.lists import Counts
from esp.contacts.models import Contact, Subscription


def known_as(
    session: Session, account_id: int, *, email: str | None, external_id: str | None
) -> list[Contact]:
    """The contact with exactly this address (in its normal form) and this identifier, if any."""
    query = select(Contact).where(Contact.account_id == account_id)
    if email is not None:
        query = query.where(Contact.email == email)
    if external_id is not None:
        query = query.where(Contact.external_id == external_id)
    return list(session.scalars(query.limit(1)))


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
