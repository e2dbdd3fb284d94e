"""Keeping messages in the local mailbox, the newest of each account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from esp.db import enter_account
from esp.mailbox.models import MailboxMessage

KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message for one recipient; `broadcast_id` and `seq` where a broadcast sent it."""

    account_id: int
    mail_from: str
    rcpt_to: str
    sender: str
    subject: str
    raw: bytes
    received_at: datetime
    broadcast_id: int | None = None
    seq: int | None = None


def keep(session: Session, arrived: Iterable[Arrived]) -> None:
    """Store messages, account by account; leaves the session in the last."""
    of_account = attrgetter("account_id")
    for account_id, group in groupby(sorted(arrived, key=of_account), key=of_account):
        enter_account(session, account_id)
        session.execute(
            insert(MailboxMessage), [asdict(one) | {"size": len(one.raw)} for one in group]
        )


def prune(session: Session, account_id: int, kept: int = KEPT) -> int:
    """Delete all but the newest messages of an account; how many went."""
    gone = session.execute(
        text(
            "DELETE FROM mailbox_messages WHERE account_id = :account AND id <= (SELECT id"
            " FROM mailbox_messages WHERE account_id = :account ORDER BY id DESC"
            " OFFSET :kept LIMIT 1) RETURNING 1"
        ),
        {"account": account_id, "kept": kept},
    )
    return len(gone.all())
