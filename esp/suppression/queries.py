"""Reads the suppression list for pages, programs and downloads."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from esp.addresses import check
from esp.errors import NotFound
from esp.suppression.models import Suppression

PAGE = 50


def get(session: Session, account_id: int, suppression_id: int) -> Suppression:
    """NotFound when the account has no such suppression."""
    found = session.scalar(
        select(Suppression).where(
            Suppression.account_id == account_id, Suppression.id == suppression_id
        )
    )
    if found is None:
        raise NotFound
    return found


def page(
    session: Session,
    account_id: int,
    *,
    words: str = "",
    reason: str = "",
    before: int | None = None,
    limit: int = PAGE,
) -> list[Suppression]:
    """The newest first; `words` is the beginning of an address, `before` the last number seen."""
    query = select(Suppression).where(Suppression.account_id == account_id)
    if words:
        first = check(words).normalized or words.strip().lower()
        # A range, because row-level security bars LIKE from an index.
        query = query.where(Suppression.email >= first, Suppression.email < first + chr(0x10FFFF))
    if reason:
        query = query.where(Suppression.reason == reason)
    if before is not None:
        query = query.where(Suppression.id < before)
    return list(session.scalars(query.order_by(Suppression.id.desc()).limit(limit)))


def of_email(session: Session, account_id: int, email: str) -> Suppression | None:
    """Why this address, in its normal form, gets no mail; None when it does."""
    return session.scalar(
        select(Suppression).where(Suppression.account_id == account_id, Suppression.email == email)
    )


def count(session: Session, account_id: int) -> int:
    """How many addresses are suppressed."""
    return session.scalar(select(func.count()).where(Suppression.account_id == account_id)) or 0


def everything(session: Session, account_id: int) -> Iterator[Suppression]:
    """All of them by number, in bounded memory."""
    after = 0
    while True:
        rows = session.scalars(
            select(Suppression)
            .where(Suppression.account_id == account_id, Suppression.id > after)
            .order_by(Suppression.id)
            .limit(2_000)
        ).all()
        if not rows:
            return
        yield from rows
        after = rows[-1].id
        session.expunge_all()
