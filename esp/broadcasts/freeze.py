"""Fixes what a broadcast says at the moment it starts, for its senders and for its clicks."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert
from sqlalchemy.orm import Session

from esp.accounts.models import Account
from esp.broadcasts.compose import lists_of
from esp.broadcasts.message import examine, plan_settings, pool_of, transport_of
from esp.broadcasts.models import Broadcast
from esp.config import Settings
from esp.contacts.models import List
from esp.delivery import dispatches
from esp.delivery.models import Link
from esp.delivery.plan import compile_plan
from esp.errors import Refused


def merge_data(
    account: Account, broadcast: Broadcast, first: List | None, now: datetime
) -> dict[str, Any]:
    """What merge tags reach besides `contact`, the same for everybody."""
    return {
        "now": now.astimezone(ZoneInfo(account.time_zone)).isoformat(timespec="seconds"),
        "account": {
            "name": account.name,
            "postal_address": account.postal_address,
            "url": account.website,
        },
        "broadcast": {"name": broadcast.name, "subject": broadcast.subject},
        "list": {
            "name": first.name if first else "",
            "description": first.description if first else "",
            "id": first.id if first else None,
        },
    }


def freeze(session: Session, settings: Settings, broadcast: Broadcast, now: datetime) -> None:
    """Open the dispatch; Refused when the message can't go out as it is.

    `now` is what the message's own dates say, however long it is sent.
    """
    account = session.get_one(Account, broadcast.account_id)
    examined = examine(session, broadcast, smtp_url=settings.smtp_url)
    if examined.blockers:
        first_blocker = examined.blockers[0]
        raise Refused(first_blocker.text, **first_blocker.values)
    include, exclude = lists_of(session, account.id, broadcast.id)
    plan = plan_settings(session, settings, broadcast, account)
    # Compiled here once to see that it can be: the senders compile for themselves.
    compile_plan(examined.content, plan)
    dispatches.open_dispatch(
        session,
        account.id,
        broadcast.id,
        content=examined.content,
        settings=plan,
        data=merge_data(account, broadcast, session.get(List, (account.id, include[0])), now),
        include_list_ids=include,
        exclude_list_ids=exclude,
        transport_id=transport_of(session, broadcast),
        pool_id=pool_of(session, broadcast),
        source_address=broadcast.source_address,
        tracking=account.tracking,
        rate_per_minute=broadcast.rate_per_minute,
    )
    links = [
        {
            "account_id": account.id,
            "broadcast_id": broadcast.id,
            "number": link.index,
            "target": link.target,
            "label": link.label,
        }
        for link in examined.content.links
    ]
    if links:
        session.execute(insert(Link), links)
