"""Reads what the delivery pages show: what waits, what receivers say, and what holds it up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.db import enter_account
from esp.delivery.paces import state_of, warm_up_of
from esp.delivery.pacing import adapt, limits, warm_up
from esp.delivery.pacing.adapt import State
from esp.delivery.pacing.key import Key
from esp.delivery.pacing.limits import Limits
from esp.delivery.pacing.warm_up import WarmUp

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# What "now" means in "so many a minute now": the minute that runs and the one before.
NOW = timedelta(minutes=1)
# How long ago a speed may have been measured: for a forecast, and for a page that asks every few
# seconds; and what a minute must hold to count.
MEASURED, LATELY = timedelta(days=7), DAY
BUSY_MINUTE = 60
MOST_REPLIES = 20

Cell = tuple[int, int]  # pool, provider


@dataclass(frozen=True, slots=True)
class Queued:
    """What waits of one broadcast for one provider; `retry_at` of the last that was put off.

    `is_common`: it goes straight to the provider, by the installation's way.
    """

    broadcast_id: int
    pool_id: int
    provider_id: int
    is_direct: bool
    waiting: int
    deferred: int
    since: datetime
    retry_at: datetime | None
    is_common: bool = False


_OPEN = text(
    "SELECT coalesce(sum(hi - lo + 1), 0) FROM batches"
    " WHERE account_id = :account AND state <> 'done'"
)
_BY_RANGE = """
    SELECT account_id, broadcast_id, provider_id, hi - lo + 1 AS waiting, 0 AS deferred,
        NULL::timestamptz AS retry_at
    FROM batches WHERE account_id = :account AND state <> 'done'
"""
# To the last person, and each with the provider of their own.
_BY_PERSON = """
    SELECT b.account_id, b.broadcast_id, r.provider_id, 1 AS waiting, 0 AS deferred,
        NULL::timestamptz AS retry_at
    FROM batches b JOIN recipients r ON r.broadcast_id = b.broadcast_id
        AND r.seq BETWEEN b.lo AND b.hi AND r.account_id = :account AND r.state = 'queued'
    WHERE b.account_id = :account AND b.state <> 'done'
"""
# A relay is one receiver to us: what goes through one is counted without its pool.
# Summed before it is joined: an account may have thousands of dispatches that are over.
_QUEUE = """
    WITH q AS MATERIALIZED (
        SELECT account_id, broadcast_id, provider_id, sum(waiting) AS waiting,
            sum(deferred) AS deferred, max(retry_at) AS retry_at
        FROM (
            WAITING
            UNION ALL
            SELECT account_id, broadcast_id, provider_id, 0, 1, next_at FROM deferrals
            WHERE account_id = :account
        ) AS each GROUP BY account_id, broadcast_id, provider_id
    )
    SELECT q.broadcast_id, CASE WHEN is_direct THEN coalesce(d.pool_id, 0) ELSE 0 END,
        q.provider_id, is_direct, q.waiting, q.deferred, d.created_at, q.retry_at,
        is_direct AND d.transport_id IS NULL AND d.pool_id IS NULL
    FROM q JOIN dispatches d ON d.account_id = q.account_id AND d.broadcast_id = q.broadcast_id
    LEFT JOIN transports t ON t.account_id = d.account_id AND t.id = d.transport_id
    CROSS JOIN LATERAL (
        SELECT coalesce(t.kind = 'direct', :direct AND d.transport_id IS NULL) AS is_direct
    ) AS w
    WHERE d.account_id = :account AND d.state <> 'stopped'
    ORDER BY q.broadcast_id, q.provider_id
"""
_QUEUE_BY_RANGE = text(_QUEUE.replace("WAITING", _BY_RANGE))
_QUEUE_BY_PERSON = text(_QUEUE.replace("WAITING", _BY_PERSON))
# Up to here people are counted one by one; above it by the ranges of the ledger.
COUNTED = 20_000


def queue(session: Session, account_id: int, *, delivers_directly: bool) -> list[Queued]:
    """What waits of each broadcast; those that were stopped are left out.

    Exact up to `COUNTED` of them. Above that up to a batch for each sending process is counted
    that has gone already, and a provider's few count as "other", with whom they share a batch.
    """
    values = {"account": account_id, "direct": delivers_directly}
    waiting = session.scalar(_OPEN, values) or 0
    rows = session.execute(_QUEUE_BY_PERSON if waiting <= COUNTED else _QUEUE_BY_RANGE, values)
    return [
        Queued(broadcast, pool, provider, direct, int(waiting), int(deferred), since, retry, common)
        for broadcast, pool, provider, direct, waiting, deferred, since, retry, common in rows
    ]


@dataclass(frozen=True, slots=True)
class Activity:
    """What a provider answered in the last hour; `per_minute` messages it takes now."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    per_minute: float = 0.0


_ACTIVITY = text("""
    SELECT pool_id, provider_id, sum(sent), sum(deferred), sum(failed),
        coalesce(sum(sent) FILTER (WHERE minute >= :recent), 0)
    FROM delivery_minutes WHERE account_id = :account AND minute >= :since
    GROUP BY pool_id, provider_id
""")


def activity(session: Session, account_id: int, now: datetime) -> dict[Cell, Activity]:
    """By pool and provider; account 0: what left by the installation's own way."""
    recent, minutes = recently(now)
    rows = session.execute(
        _ACTIVITY, {"account": account_id, "since": now - HOUR, "recent": recent}
    )
    return {
        (pool, provider): Activity(int(sent), int(put_off), int(failed), int(last) / minutes)
        for pool, provider, sent, put_off, failed, last in rows
    }


def recently(now: datetime) -> tuple[datetime, float]:
    """Since when is now, and how many minutes that are."""
    recent = now.replace(second=0, microsecond=0) - NOW
    return recent, (now - recent) / timedelta(minutes=1)


_MEASURED = text("""
    WITH minutes AS (
        SELECT pool_id, provider_id, minute, sent FROM delivery_minutes
        WHERE account_id = :account AND minute >= :since AND sent > 0
    ), whole AS (
        SELECT pool_id, provider_id, sent FROM minutes
        UNION ALL
        SELECT pool_id, 0, sum(sent) FROM minutes GROUP BY pool_id, minute
    ), peaks AS (
        SELECT *, max(sent) OVER (PARTITION BY pool_id, provider_id) AS peak FROM whole
    )
    SELECT pool_id, provider_id, avg(sent) FROM peaks WHERE sent * 2 >= peak AND peak >= :busy
    GROUP BY pool_id, provider_id
""")


def measured(session: Session, account_id: int, since: datetime) -> dict[Cell, float]:
    """Messages a minute that a provider took in the busy minutes since then.

    Provider 0: all of them together. Nothing of those who never had a busy minute.
    """
    rows = session.execute(_MEASURED, {"account": account_id, "since": since, "busy": BUSY_MINUTE})
    return {(pool, provider): float(speed) for pool, provider, speed in rows}


@dataclass(frozen=True, slots=True)
class Reply:
    """A text that receivers answer with; `count` since `first_at`."""

    provider: str
    kind: str
    code: int
    text: str
    count: int
    first_at: datetime
    last_at: datetime


_REPLIES = text("""
    SELECT v.name, r.kind, r.code, r.reply, r.count, r.first_at, r.last_at
    FROM receiver_replies r JOIN providers v ON v.id = r.provider_id
    WHERE r.account_id = :account AND r.last_at >= :since
    ORDER BY r.last_at DESC, r.count DESC LIMIT :most
""")


def replies(session: Session, account_id: int, now: datetime) -> list[Reply]:
    """Those of the last day, the latest first."""
    values = {"account": account_id, "since": now - DAY, "most": MOST_REPLIES}
    return [Reply(*row) for row in session.execute(_REPLIES, values)]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What people have set; None: the default."""

    max_connections: int | None = None
    messages_per_connection: int | None = None
    rate_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """A pool at a provider: what people set, what replies taught, how far it is warm."""

    key: Key
    provider: str
    wishes: Wishes
    limits: Limits
    state: State
    warm_up: WarmUp | None = None
    sent_today: int = 0

    @property
    def allowance(self) -> int | None:
        """Messages that today's step of the warm-up lets go; None: no warm-up holds it back."""
        return warm_up.allowance(self.warm_up) if self.warm_up else None

    def allowed(self, now: datetime) -> Limits:
        """What is left of the limits at present."""
        return adapt.allowed(self.limits, self.state, now.timestamp())


_WAYS = text("""
    SELECT v.name, p.*, (
        SELECT coalesce(sum(m.sent), 0) FROM delivery_minutes m
        WHERE m.account_id = :account AND m.pool_id = p.pool_id AND m.provider_id = p.provider_id
        AND m.minute >= p.warm_up_started_at + interval '1 day' * floor(
            extract(epoch FROM CAST(:now AS timestamptz) - p.warm_up_started_at) / 86400)
    ) AS sent_today
    FROM paces p JOIN providers v ON v.id = p.provider_id
    WHERE p.account_id = :account AND (CAST(:providers AS bigint[]) IS NULL
        OR p.provider_id = ANY(:providers))
""")


def ways(
    session: Session, account_id: int, now: datetime, providers: Collection[int] | None = None
) -> dict[Cell, Way]:
    """What is known of each; of those nobody has met yet, nothing. The session is in it."""
    values = {
        "account": account_id,
        "now": now,
        "providers": None if providers is None else sorted(providers),
    }
    found = {}
    for row in session.execute(_WAYS, values):
        found[row.pool_id, row.provider_id] = Way(
            Key(account_id, row.pool_id, row.provider_id),
            row.name,
            Wishes(row.max_connections, row.messages_per_connection, row.rate_per_minute),
            limits.of(row.name, row),
            state_of(row),
            warm_up_of(row) if row.warm_up_started_at else None,
            int(row.sent_today),
        )
    return found


def common_ways(
    session: Session, account_id: int, now: datetime, providers: Collection[int] | None = None
) -> dict[Cell, Way]:
    """The installation's own, all of pool 0; leaves the session in `account_id`."""
    enter_account(session, 0)
    found = ways(session, 0, now, providers)
    enter_account(session, account_id)
    return found


def common_speeds(session: Session, account_id: int, since: datetime) -> dict[Cell, float]:
    """`measured` for the installation's own way; leaves the session in `account_id`."""
    enter_account(session, 0)
    found = measured(session, 0, since)
    enter_account(session, account_id)
    return found
