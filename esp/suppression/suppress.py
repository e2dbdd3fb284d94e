"""Putting addresses on an account's suppression list, and taking them off."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from esp.suppression.models import Suppression

Reason = Literal["bounce", "complaint", "unsubscribe", "manual", "import", "erased"]


def suppress(
    session: Session,
    account_id: int,
    email: str,
    reason: Reason,
    *,
    source: str = "",
    evidence: str = "",
    actor: str = "",
    detail: dict[str, Any] | None = None,
) -> bool:
    """Mail this address no more; whether it is new. The first reason stands.

    `email` in its normal form, `source` names the way in (smtp, dsn, page, api, …), `evidence` is
    the receiver's reply or the like, `actor` the person or key that asked for it.
    """
    new = session.execute(
        insert(Suppression)
        .values(
            account_id=account_id,
            email=email,
            reason=reason,
            source=source,
            evidence=evidence,
            actor=actor,
            detail=detail or {},
        )
        .on_conflict_do_nothing(index_elements=["account_id", "email"])
        .returning(Suppression.id)
    )
    return new.first() is not None


def lift(session: Session, account_id: int, email: str) -> bool:
    """Let this address have mail again; whether it was suppressed. Changes no subscription."""
    lifted = session.execute(
        delete(Suppression)
        .where(Suppression.account_id == account_id, Suppression.email == email)
        .returning(Suppression.id)
    )
    return lifted.first() is not None


def is_suppressed(session: Session, account_id: int, email: str) -> bool:
    """Whether this address, in its normal form, gets no marketing mail of the account."""
    return bool(
        session.scalar(
            select(exists().where(Suppression.account_id == account_id, Suppression.email == email))
        )
    )
