"""Reads an account's suppression list."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from esp.errors import NotFound
from esp.suppression.models import Suppression


def page(
    session: Session,
    account_id: int,
    *,
    email: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Suppression]:
    """The newest first; `before` is the number of the last one seen, `email` in its normal form."""
    query = select(Suppression).where(Suppression.account_id == account_id)
    if email is not None:
        query = query.where(Suppression.email == email)
    if before is not None:
        query = query.where(Suppression.id < before)
    return session.scalars(query.order_by(Suppression.id.desc()).limit(limit)).all()


def get(session: Session, account_id: int, suppression_id: int) -> Suppression:
    """NotFound when the account has none with this number."""
    found = session.scalar(
        select(Suppression).where(
            Suppression.account_id == account_id, Suppression.id == suppression_id
        )
    )
    if found is None:
        raise NotFound
    return found


def of_address(session: Session, account_id: int, email: str) -> Suppression | None:
    """The row of an address in its normal form."""
    return session.scalar(
        select(Suppression).where(Suppression.account_id == account_id, Suppression.email == email)
    )
