"""Who gets a broadcast: written into the ledger in chunks when it starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from esp.broadcasts import queries
from esp.broadcasts.compose import lists_of
from esp.broadcasts.models import Broadcast
from esp.delivery import batches
from esp.engagement.record import count_all
from esp.senders import providers

# The first messages leave while the rest is still being written down.
FIRST_CHUNK, LARGEST_CHUNK = 500, 20_000
# Of a provider with fewer in a chunk, the batch is of "other"; their rows bear its own number.
FEW = 50


_DOMAINS = text("""
    SELECT DISTINCT c.domain FROM contacts c
    LEFT JOIN domain_providers d ON d.domain = c.domain
    WHERE c.account_id = :account_id AND c.id = ANY(CAST(:people AS bigint[]))
    AND c.domain IS NOT NULL AND d.domain IS NULL
""")

_ALL_DOMAINS = text("""
    SELECT c.domain FROM contacts c
    WHERE c.account_id = :account_id AND c.id = ANY(CAST(:people AS bigint[]))
    AND c.domain IS NOT NULL
    GROUP BY c.domain ORDER BY count(*) DESC, c.domain
""")

# Those who joined or came back after the start are not in: the audience is that of one moment,
# however long it takes to write it down.
_PEOPLE = text("""
    SELECT coalesce(CAST(array_agg(contact_id) AS text), '{}'), count(*),
        coalesce(max(contact_id), 0)
    FROM (
        SELECT DISTINCT contact_id FROM unnest(CAST(:include AS bigint[])) AS l(id)
        CROSS JOIN LATERAL (
            SELECT s.contact_id FROM subscriptions s
            WHERE s.account_id = :account_id AND s.list_id = l.id AND s.contact_id > :after
            AND s.state = 'subscribed' AND s.changed_at <= :started_at
            ORDER BY s.contact_id LIMIT :size
        ) AS of_list
        ORDER BY contact_id LIMIT :size
    ) AS people
""")

# Skipped ones last, so that each provider's queued rows are one range of seq; those of few share
# one, lest a batch hold two or three.
_WRITE = text("""
    WITH judged AS (
        SELECT c.id, coalesce(c.email, '') AS email,
            coalesce(d.provider_id, :other) AS provider_id,
            greatest(c.last_click_at, c.last_open_at) AS active_at,
            CASE WHEN c.email IS NULL THEN 'no_address'
            WHEN EXISTS (SELECT FROM suppressions x
                WHERE x.account_id = :account_id AND x.email = c.email) THEN 'suppressed'
            WHEN EXISTS (SELECT FROM subscriptions o
                WHERE o.account_id = :account_id AND o.contact_id = c.id
                AND o.list_id = ANY(:exclude) AND o.state = 'subscribed') THEN 'excluded'
            END AS reason
        FROM contacts c LEFT JOIN domain_providers d ON d.domain = c.domain
        WHERE c.account_id = :account_id AND c.id = ANY(CAST(:people AS bigint[]))
    ), shared AS (
        SELECT *, CASE WHEN count(*) OVER (PARTITION BY reason IS NULL, provider_id) < :few
            THEN :other ELSE provider_id END AS share
        FROM judged
    ), numbered AS (
        SELECT *, :seq + row_number() OVER (
            ORDER BY (reason IS NOT NULL), share, active_at DESC NULLS LAST, id) AS seq
        FROM shared
    ), written AS (
        INSERT INTO recipients
            (account_id, broadcast_id, seq, contact_id, email, provider_id, state, reason)
        SELECT :account_id, :broadcast_id, seq, id, email, provider_id,
            CASE WHEN reason IS NULL THEN 'queued' ELSE 'skipped' END, reason
        FROM numbered
    )
    SELECT share, CASE WHEN reason IS NULL THEN 'queued' ELSE 'skipped' END,
        min(seq), max(seq), count(*)
    FROM numbered GROUP BY 1, 2 ORDER BY 3
""")


@dataclass(frozen=True)
class Progress:
    """Where the snapshot stands."""

    written: int
    finished: bool


def sizes() -> Iterator[int]:
    """How many people each chunk takes, without end."""
    size = FIRST_CHUNK
    while True:
        yield size
        size = min(size * 4, LARGEST_CHUNK)


def write_chunk(
    session: Session, account_id: int, broadcast_id: int, size: int, now: datetime
) -> Progress:
    """Write the next `size` people into the ledger; its place is kept in the same transaction."""
    # The row lock keeps a second worker from writing the same chunk.
    broadcast = session.scalar(
        select(Broadcast)
        .where(
            Broadcast.account_id == account_id,
            Broadcast.id == broadcast_id,
            Broadcast.state.in_(("preparing", "sending")),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if broadcast is None or broadcast.snapshot_finished_at is not None:
        return Progress(broadcast.snapshot_seq if broadcast else 0, finished=True)
    include, exclude = lists_of(session, account_id, broadcast_id)
    people = _next_people(session, broadcast, include, size)
    if people.number:
        broadcast.snapshot_seq += _write(session, broadcast, people.ids, exclude, now)
        broadcast.snapshot_contact_id = people.last
    if people.number < size:
        broadcast.snapshot_finished_at = now
    session.flush()
    return Progress(broadcast.snapshot_seq, finished=people.number < size)


class _People(NamedTuple):
    """`ids` is an array as PostgreSQL writes it: it comes from there and goes back there."""

    ids: str
    number: int
    last: int


def _next_people(session: Session, broadcast: Broadcast, include: list[int], size: int) -> _People:
    row = session.execute(
        _PEOPLE,
        {
            "account_id": broadcast.account_id,
            "include": include,
            "after": broadcast.snapshot_contact_id,
            "started_at": broadcast.started_at,
            "size": size,
        },
    ).one()
    return _People(*row)


def next_domains(session: Session, account_id: int, broadcast_id: int, size: int) -> list[str]:
    """The domains among the next `size` people, those of many first; nothing is locked."""
    broadcast = queries.one(session, account_id, broadcast_id)
    if broadcast.snapshot_finished_at is not None:
        return []
    include, _exclude = lists_of(session, account_id, broadcast_id)
    people = _next_people(session, broadcast, include, size)
    return list(session.scalars(_ALL_DOMAINS, {"account_id": account_id, "people": people.ids}))


def _write(
    session: Session, broadcast: Broadcast, people: str, exclude: list[int], now: datetime
) -> int:
    account_id, broadcast_id = broadcast.account_id, broadcast.id
    domains = session.scalars(_DOMAINS, {"account_id": account_id, "people": people}).all()
    providers.assign(session, domains)
    rows = session.execute(
        _WRITE,
        {
            "account_id": account_id,
            "broadcast_id": broadcast_id,
            "people": people,
            "exclude": exclude,
            "other": providers.provider_id(session, providers.OTHER),
            "few": FEW,
            "seq": broadcast.snapshot_seq,
        },
    ).all()
    size = batches.size_for(broadcast.rate_per_minute)
    ranges = [
        batches.Range(lo, min(lo + size - 1, last), provider_id)
        for provider_id, state, first, last, _count in rows
        if state == "queued"
        for lo in range(first, last + 1, size)
    ]
    if ranges:
        batches.add_batches(session, account_id, broadcast_id, ranges, now)
    skipped = sum(count for _p, state, _lo, _hi, count in rows if state == "skipped")
    total = sum(count for *_rest, count in rows)
    count_all(session, account_id, broadcast_id, {"recipients": total, "skipped": skipped})
    return int(total)


def database_time(session: Session) -> datetime:
    """The database's clock: it also wrote the times of the subscriptions."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now
