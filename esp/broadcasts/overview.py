"""Reads what pages show of several broadcasts: lists to choose, progress, first steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select, text
from sqlalchemy.orm import Session

from esp.accounts.models import Account
from esp.broadcasts.funnel import Funnel
from esp.broadcasts.models import Broadcast
from esp.contacts.models import Contact, List

MONTH = timedelta(days=30)
RUNNING = ("scheduled", "preparing", "sending", "paused", "held")


@dataclass(frozen=True)
class ListChoice:
    """A list and how many people get its mail."""

    id: int
    name: str
    people: int


def list_choices(session: Session, account_id: int) -> list[ListChoice]:
    """The lists in use, by name."""
    rows = session.execute(
        text("""
            SELECT l.id, l.name, count(s.contact_id) FROM lists l
            LEFT JOIN subscriptions s ON s.account_id = l.account_id AND s.list_id = l.id
                AND s.state = 'subscribed'
            WHERE l.account_id = :account_id AND l.archived_at IS NULL
            GROUP BY l.id, l.name ORDER BY lower(l.name), l.id
        """),
        {"account_id": account_id},
    )
    return [ListChoice(*row) for row in rows]


def reaches_everybody(session: Session, account_id: int, funnel: Funnel) -> bool:
    """Whether no contact with an address is left out."""
    if not funnel.final:
        return False
    reachable = session.scalar(
        select(func.count()).where(Contact.account_id == account_id, Contact.email.is_not(None))
    )
    return funnel.final >= (reachable or 0)


@dataclass(frozen=True)
class Progress:
    """How far a broadcast has come; each recipient is in one of the numbers."""

    recipients: int = 0
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    deferred: int = 0

    @classmethod
    def of(cls, counts: dict[str, int]) -> Progress:
        return cls(**{name: counts.get(name, 0) for name in cls.__dataclass_fields__})

    @property
    def wanted(self) -> int:
        """Those who are to get it."""
        return self.recipients - self.skipped

    @property
    def done(self) -> int:
        """Those of them about whom nothing is open any more."""
        return self.sent + self.failed

    @property
    def waiting(self) -> int:
        return max(0, self.wanted - self.done)

    def per_minute(self, started_at: datetime | None, now: datetime) -> int:
        """Messages a minute since the start."""
        if started_at is None or not self.done:
            return 0
        return round(self.done * 60 / max(1.0, (now - started_at).total_seconds()))

    def ends_at(self, started_at: datetime | None, now: datetime) -> datetime | None:
        """When it is through, if it goes on as it went so far."""
        rate = self.per_minute(started_at, now)
        if not rate or not self.waiting:
            return None
        return now + min(timedelta(minutes=self.waiting / rate), timedelta(days=365))


def running(session: Session, account_id: int, limit: int = 10) -> list[Broadcast]:
    """Those on their way: first what needs somebody, then what moves, then what waits."""
    return list(
        session.scalars(
            select(Broadcast)
            .where(Broadcast.account_id == account_id, Broadcast.state.in_(RUNNING))
            .order_by(
                case(
                    {"held": 0, "sending": 1, "preparing": 1, "paused": 2},
                    value=Broadcast.state,
                    else_=3,
                ),
                func.coalesce(Broadcast.started_at, Broadcast.send_at),
                Broadcast.id,
            )
            .limit(limit)
        )
    )


def latest(
    session: Session, account_id: int, states: tuple[str, ...], limit: int = 5
) -> list[Broadcast]:
    """The newest in one of `states`."""
    return list(
        session.scalars(
            select(Broadcast)
            .where(Broadcast.account_id == account_id, Broadcast.state.in_(states))
            .order_by(func.coalesce(Broadcast.started_at, Broadcast.updated_at).desc())
            .limit(limit)
        )
    )


@dataclass(frozen=True)
class Standing:
    """How large an account is, and which first steps it has done."""

    has_postal_address: bool
    contacts: int
    new_contacts: int
    lists: int
    broadcasts: int
    sent: int

    @property
    def is_new(self) -> bool:
        return not (self.has_postal_address and self.contacts and self.sent)


def standing(session: Session, account_id: int, now: datetime) -> Standing:
    """Counted at this moment; `new_contacts` came within a month."""
    account = session.get_one(Account, account_id)
    people = select(func.count()).where(Contact.account_id == account_id)
    mails = select(func.count()).where(Broadcast.account_id == account_id)
    lists = select(func.count()).where(List.account_id == account_id, List.archived_at.is_(None))
    return Standing(
        has_postal_address=bool(account.postal_address.strip()),
        contacts=session.scalar(people) or 0,
        new_contacts=session.scalar(people.where(Contact.created_at > now - MONTH)) or 0,
        lists=session.scalar(lists) or 0,
        broadcasts=session.scalar(mails) or 0,
        sent=session.scalar(mails.where(Broadcast.state == "sent")) or 0,
    )
