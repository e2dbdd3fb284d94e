"""Remembers the answer to a request, so that a program may ask again after a broken connection."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from esp.accounts.models import IdempotencyKey
from esp.errors import N_, Conflict, Invalid

KEY_LENGTH = 255


class Answer(NamedTuple):
    """What was answered."""

    status: int
    body: str


def replay(session: Session, account_id: int, key: str, request_hash: bytes) -> Answer | None:
    """The answer already given, or None: then do the work and `remember` in this transaction.

    Waits for another request with this key that is being answered. Conflict if the key was used
    for a different request.
    """
    if not 0 < len(key) <= KEY_LENGTH:
        raise Invalid(
            N_("An idempotency key has 1 to %(longest)s characters."),
            "Idempotency-Key",
            longest=KEY_LENGTH,
        )
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, :account_id))"),
        {"key": key, "account_id": account_id},
    )
    row = session.execute(
        select(IdempotencyKey.request_hash, IdempotencyKey.status, IdempotencyKey.body).where(
            IdempotencyKey.account_id == account_id, IdempotencyKey.key == key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.request_hash != request_hash:
        raise Conflict(N_("This idempotency key was used for another request."))
    return Answer(row.status, row.body)


def remember(
    session: Session,
    account_id: int,
    key: str,
    request_hash: bytes,
    answer: Answer,
    now: datetime,
) -> None:
    """Keep `answer` for whoever asks with `key` again."""
    session.execute(
        insert(IdempotencyKey).values(
            account_id=account_id,
            key=key,
            request_hash=request_hash,
            status=answer.status,
            body=answer.body,
            created_at=now,
        )
    )


def forget(session: Session, account_id: int, before: datetime) -> int:
    """Drop what is older than `before`; how many there were."""
    gone = session.execute(
        delete(IdempotencyKey)
        .where(IdempotencyKey.account_id == account_id, IdempotencyKey.created_at < before)
        .returning(IdempotencyKey.id)
    )
    return len(gone.all())
