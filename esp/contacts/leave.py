"""A person leaves lists, or says that leaving was a mistake; each with its proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from esp.contacts.models import Consent, Contact, Subscription


@dataclass(frozen=True)
class Way:
    """How a person told us: `source` names the door, `ip` is kept as evidence."""

    source: str
    at: datetime
    ip: str = ""
    wording: str = ""
    broadcast_id: int | None = None
    # Told late, out of a journal: what the person did after it stands.
    is_late: bool = False


def contact_of(session: Session, account_id: int, contact_id: int, email: str) -> Contact | None:
    """The person a mail went to: by number, or who has the address now (merged, or made anew)."""
    found = session.scalar(
        select(Contact).where(Contact.account_id == account_id, Contact.id == contact_id)
    )
    if found is None and email:
        found = session.scalar(
            select(Contact).where(Contact.account_id == account_id, Contact.email == email)
        )
    return found


def with_successors(session: Session, account_id: int, list_ids: Iterable[int]) -> list[int]:
    """Those of the lists that still exist, and the lists they were merged into."""
    rows = session.scalars(
        text(
            "WITH RECURSIVE meant (id, next) AS ("
            " SELECT id, merged_into_id FROM lists WHERE account_id = :account AND id = ANY(:ids)"
            " UNION SELECT l.id, l.merged_into_id FROM lists l JOIN meant m ON l.id = m.next"
            " WHERE l.account_id = :account) SELECT id FROM meant ORDER BY id"
        ),
        {"account": account_id, "ids": list(list_ids)},
    )
    return list(rows)


def leave(
    session: Session,
    account_id: int,
    contact_id: int,
    list_ids: Sequence[int] | None,
    way: Way,
) -> list[int]:
    """Unsubscribe from these lists (None: from all); those that the person was on until now."""
    wanted = [
        Subscription.account_id == account_id,
        Subscription.contact_id == contact_id,
        Subscription.state != "unsubscribed",
    ]
    if list_ids is not None:
        wanted.append(Subscription.list_id.in_(list_ids))
    if way.is_late:
        wanted.append(Subscription.changed_at <= way.at)
    left = session.scalars(
        update(Subscription)
        .where(*wanted)
        .values(
            state="unsubscribed",
            changed_at=way.at,
            unsubscribed_at=way.at,
            unsubscribed_broadcast_id=way.broadcast_id,
        )
        .returning(Subscription.list_id)
    ).all()
    prove(session, account_id, contact_id, left, "unsubscribe", way)
    return sorted(left)


def come_back(
    session: Session, account_id: int, contact_id: int, broadcast_id: int, way: Way
) -> list[int]:
    """Undo what a broadcast's link did: the lists the person is on again."""
    back = session.scalars(
        update(Subscription)
        .where(
            Subscription.account_id == account_id,
            Subscription.contact_id == contact_id,
            Subscription.state == "unsubscribed",
            Subscription.unsubscribed_broadcast_id == broadcast_id,
        )
        .values(
            # Who had never confirmed has not done so by this either.
            state=_state_before(),
            changed_at=way.at,
            unsubscribed_at=None,
            unsubscribed_broadcast_id=None,
        )
        .returning(Subscription.list_id)
    ).all()
    prove(session, account_id, contact_id, back, "resubscribe", way)
    return sorted(back)


def join(
    session: Session, account_id: int, contact_id: int, list_ids: Sequence[int], way: Way
) -> list[int]:
    """Subscribe by a choice on the person's own preference page; the lists that are new."""
    if not list_ids:
        return []
    rows = [
        {
            "account_id": account_id,
            "list_id": list_id,
            "contact_id": contact_id,
            "state": "subscribed",
            "source": way.source,
            "changed_at": way.at,
            "confirmed_at": way.at,
        }
        for list_id in sorted(list_ids)
    ]
    joined = session.scalars(
        upsert(Subscription)
        .values(rows)
        .on_conflict_do_update(
            index_elements=["account_id", "list_id", "contact_id"],
            set_={
                "state": "subscribed",
                "changed_at": way.at,
                "confirmed_at": way.at,
                "unsubscribed_at": None,
                "unsubscribed_broadcast_id": None,
            },
            where=Subscription.state != "subscribed",
        )
        .returning(Subscription.list_id)
    ).all()
    prove(session, account_id, contact_id, joined, "resubscribe", way)
    return sorted(joined)


def prove(
    session: Session,
    account_id: int,
    contact_id: int,
    list_ids: Iterable[int | None],
    action: str,
    way: Way,
) -> None:
    """Keep the evidence (GDPR Art. 7(1)), a row for each list; None stands for no list."""
    rows = [
        {
            "account_id": account_id,
            "contact_id": contact_id,
            "list_id": list_id,
            "action": action,
            "wording": way.wording,
            "source": way.source,
            "ip": way.ip,
            "at": way.at,
        }
        for list_id in list_ids
    ]
    if rows:
        session.execute(insert(Consent), rows)


def _state_before() -> ColumnElement[str]:
    pending = (Subscription.confirmed_at.is_(None)) & (Subscription.source == "form")
    return case((pending, "pending"), else_="subscribed")
