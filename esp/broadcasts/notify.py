"""Tells the creator of a broadcast by mail that it is finished, held or failed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from esp.accounts.models import Account, User
from esp.broadcasts.compose import get
from esp.broadcasts.wording import NEWS
from esp.config import Settings
from esp.delivery import notices
from esp.engagement import counts
from esp.tokens import Keyring


def tell_creator(
    session: Session,
    settings: Settings,
    keyring: Keyring,
    account_id: int,
    broadcast_id: int,
    now: datetime,
) -> None:
    """Queue the mail in the creator's language; none when a program or a former user made it."""
    broadcast = get(session, account_id, broadcast_id)
    account = session.get_one(Account, account_id)
    user_id = broadcast.created_by_user_id
    user = session.get(User, user_id) if user_id else None
    if user is None:
        return
    news = NEWS[user.language or account.language]
    done = counts.of_broadcast(session, account_id, broadcast_id)
    notices.queue(
        session,
        account_id,
        notices.Origin.of(settings, keyring, account.name),
        kind=f"broadcast_{broadcast.state}",
        email=user.email,
        subject=news[broadcast.state].subject,
        text=news[broadcast.state].text,
        data={
            "name": broadcast.name,
            "reason": broadcast.hold_reason,
            "sent": done.get("sent", 0),
            "failed": done.get("failed", 0),
            "skipped": done.get("skipped", 0),
            "url": f"{settings.public_url}/a/{account.slug}/broadcasts/{broadcast_id}",
        },
        language=user.language or account.language,
        now=now,
    )
