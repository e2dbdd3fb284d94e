"""Keeps what came in, before its sender is told 250."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import insert
from sqlalchemy.orm import Session

from esp.returns.models import InboundMessage, PostmasterMessage

Purpose = Literal["bounce", "unsubscribe"]

# Reports stand before the message they return, which nobody needs a second time (DSN-15).
KEPT_BYTES = 512 * 1024

# Single messages are of no broadcast; their number stands where a recipient's does.
NO_BROADCAST = 0


def keep(
    session: Session,
    account_id: int,
    *,
    purpose: Purpose,
    broadcast_id: int,
    seq: int,
    mail_from: str,
    rcpt_to: str,
    raw: bytes,
    at: datetime,
) -> None:
    """Store one copy for the task `inbound`; `broadcast_id` NO_BROADCAST for a single message."""
    session.execute(
        insert(InboundMessage).values(
            account_id=account_id,
            purpose=purpose,
            broadcast_id=broadcast_id,
            seq=seq,
            mail_from=mail_from[:1000],
            rcpt_to=rcpt_to[:1000],
            raw=raw[:KEPT_BYTES],
            received_at=at,
        )
    )


def keep_for_postmaster(
    session: Session, mail_from: str, rcpt_to: str, raw: bytes, at: datetime
) -> None:
    """Store mail to postmaster or abuse, for the operator."""
    session.execute(
        insert(PostmasterMessage).values(
            mail_from=mail_from[:1000],
            rcpt_to=rcpt_to[:1000],
            raw=raw[:KEPT_BYTES],
            received_at=at,
        )
    )
