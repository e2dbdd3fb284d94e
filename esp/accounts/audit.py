"""Writes down who did what; the database keeps it from being changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from esp.accounts.models import AuditEntry


def record(
    session: Session,
    account_id: int,
    actor: str,
    action: str,
    subject: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """`actor` is an e-mail address, `key <prefix>` or `command line`; `action` is thing.verb."""
    session.execute(
        insert(AuditEntry).values(
            account_id=account_id,
            actor=actor,
            action=action,
            subject=subject,
            detail=detail or {},
        )
    )
