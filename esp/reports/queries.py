"""Reads what reports show, from counts kept in the transactions of the events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from esp.accounts.models import Account
from esp.delivery.models import Dispatch, Link, Recipient
from esp.engagement import counts
from esp.engagement.models import BroadcastHour, LinkCount
from esp.reports.figures import Figures, figures


@dataclass(frozen=True)
class LinkFigures:
    """Clicks on one target."""

    number: int
    target: str
    label: str
    clicks: int
    unique_clicks: int


@dataclass(frozen=True)
class ProviderFigures:
    """Recipients of one provider by what became of them."""

    provider: str
    recipients: int
    sent: int
    failed: int
    bounced: int
    opened: int
    clicked: int


def of_broadcast(session: Session, account_id: int, broadcast_id: int) -> Figures:
    """The head of the report, live while it is being sent."""
    return figures(counts.of_broadcast(session, account_id, broadcast_id))


def by_hour(
    session: Session, account_id: int, broadcast_id: int
) -> list[tuple[datetime, str, int]]:
    """(hour, name, count) in order of time."""
    rows = session.execute(
        select(BroadcastHour.hour, BroadcastHour.name, BroadcastHour.count)
        .where(BroadcastHour.account_id == account_id, BroadcastHour.broadcast_id == broadcast_id)
        .order_by(BroadcastHour.hour, BroadcastHour.name)
    )
    return [(hour, name, count) for hour, name, count in rows]


def by_link(session: Session, account_id: int, broadcast_id: int) -> list[LinkFigures]:
    """Every link of the mail, the most clicked first."""
    clicks = func.coalesce(LinkCount.clicks, 0)
    rows = session.execute(
        select(
            Link.number,
            Link.target,
            Link.label,
            clicks,
            func.coalesce(LinkCount.unique_clicks, 0),
        )
        .outerjoin(
            LinkCount,
            (LinkCount.account_id == Link.account_id)
            & (LinkCount.broadcast_id == Link.broadcast_id)
            & (LinkCount.number == Link.number),
        )
        .where(Link.account_id == account_id, Link.broadcast_id == broadcast_id)
        .order_by(clicks.desc(), Link.number)
    )
    return [LinkFigures(*row) for row in rows]


_BY_PROVIDER = text("""
    SELECT coalesce(p.name, 'other'), count(*),
        count(*) FILTER (WHERE r.state = 'sent'), count(*) FILTER (WHERE r.state = 'failed'),
        count(r.bounced_at), count(r.opened_at), count(r.clicked_at)
    FROM recipients r LEFT JOIN providers p ON p.id = r.provider_id
    WHERE r.account_id = :account_id AND r.broadcast_id = :broadcast_id
    GROUP BY 1 ORDER BY 2 DESC, 1
""")


def by_provider(session: Session, account_id: int, broadcast_id: int) -> list[ProviderFigures]:
    """Read from the ledger itself: one pass over the broadcast's rows."""
    rows = session.execute(_BY_PROVIDER, {"account_id": account_id, "broadcast_id": broadcast_id})
    return [ProviderFigures(*row) for row in rows]


@dataclass(frozen=True)
class ReasonFigures:
    """How many were failed or skipped for one reason; `reason` empty where none was kept."""

    state: str
    reason: str
    recipients: int

    @property
    def may_be_retried(self) -> bool:
        """Whether trying again is more than asking for the same no."""
        return self.state == "failed" and self.reason != "invalid"


def by_reason(session: Session, account_id: int, broadcast_id: int) -> list[ReasonFigures]:
    """Why some did not get it, the most frequent reason of each state first."""
    number = func.count()
    rows = session.execute(
        select(Recipient.state, func.coalesce(Recipient.reason, ""), number)
        .where(
            Recipient.account_id == account_id,
            Recipient.broadcast_id == broadcast_id,
            Recipient.state.in_(("failed", "skipped")),
        )
        .group_by(Recipient.state, Recipient.reason)
        .order_by(Recipient.state, number.desc(), Recipient.reason)
    )
    return [ReasonFigures(*row) for row in rows]


def tracking_of(session: Session, account_id: int, broadcast_id: int) -> str:
    """What may be measured (all, consented, none): as it was when the broadcast began."""
    frozen = session.scalar(
        select(Dispatch.tracking).where(
            Dispatch.account_id == account_id, Dispatch.broadcast_id == broadcast_id
        )
    )
    return frozen or session.get_one(Account, account_id).tracking
