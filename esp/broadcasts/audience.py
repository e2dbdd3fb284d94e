"""Who gets a broadcast: counted before, written into the ledger in chunks when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.broadcasts.compose import lists_of
from esp.delivery import batches
from esp.engagement import counts
from esp.senders import providers

# The first messages leave while the rest is still being written down.
CHUNKS = (500, 2_000, 8_000, 20_000)


@dataclass(frozen=True)
class Funnel:
    """How many people the lists hold, and what becomes of them; each person counts once."""

    matched: int
    pending: int
    unsubscribed: int
    no_address: int
    suppressed: int
    excluded: int

    @property
    def final(self) -> int:
        """Those who would get it now."""
        return (
            self.matched
            - self.pending
            - self.unsubscribed
            - self.no_address
            - self.suppressed
            - self.excluded
        )


_FUNNEL = text("""
    WITH people AS (
        SELECT contact_id, min(CASE state WHEN 'subscribed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END)
            AS best
        FROM subscriptions WHERE account_id = :account_id AND list_id = ANY(:include)
        GROUP BY contact_id
    ), judged AS (
        SELECT CASE
            WHEN p.best = 2 THEN 'pending' WHEN p.best = 3 THEN 'unsubscribed'
            WHEN c.email IS NULL THEN 'no_address'
            WHEN EXISTS (SELECT FROM suppressions x
                WHERE x.account_id = :account_id AND x.email = c.email) THEN 'suppressed'
            WHEN EXISTS (SELECT FROM subscriptions o
                WHERE o.account_id = :account_id AND o.contact_id = c.id
                AND o.list_id = ANY(:exclude) AND o.state = 'subscribed') THEN 'excluded'
            ELSE 'final' END AS fate
        FROM people p JOIN contacts c ON c.account_id = :account_id AND c.id = p.contact_id
    )
    SELECT fate, count(*) FROM judged GROUP BY fate
""")


def funnel(session: Session, account_id: int, include: list[int], exclude: list[int]) -> Funnel:
    """What the audience would be at this moment."""
    rows = session.execute(
        _FUNNEL, {"account_id": account_id, "include": include, "exclude": exclude}
    ).tuples()
    found = {fate: int(count) for fate, count in rows}
    matched = sum(found.values())
    found.pop("final", None)
    names = ("pending", "unsubscribed", "no_address", "suppressed", "excluded")
    return Funnel(matched, **{name: found.get(name, 0) for name in names})


_DOMAINS = text("""
    SELECT DISTINCT c.domain FROM contacts c
    LEFT JOIN domain_providers d ON d.domain = c.domain
    WHERE c.account_id = :account_id AND c.id = ANY(:people)
    AND c.domain IS NOT NULL AND d.domain IS NULL
""")

# Those who joined or came back after the start are not in: the audience is that of one moment,
# however long it takes to write it down.
_PEOPLE = text("""
    SELECT DISTINCT contact_id FROM unnest(CAST(:include AS bigint[])) AS l(id)
    CROSS JOIN LATERAL (
        SELECT s.contact_id FROM subscriptions s
        WHERE s.account_id = :account_id AND s.list_id = l.id AND s.contact_id > :after
        AND s.state = 'subscribed' AND s.changed_at <= :started_at
        ORDER BY s.contact_id LIMIT :size
    ) AS of_list
    ORDER BY contact_id LIMIT :size
""")

# Skipped ones last, so that each provider's queued rows are one range of seq.
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
        WHERE c.account_id = :account_id AND c.id = ANY(:people)
    ), written AS (
        INSERT INTO recipients
            (account_id, broadcast_id, seq, contact_id, email, provider_id, state, reason)
        SELECT :account_id, :broadcast_id,
            :seq + row_number() OVER (
                ORDER BY (reason IS NOT NULL), provider_id, active_at DESC NULLS LAST, id),
            id, email, provider_id,
            CASE WHEN reason IS NULL THEN 'queued' ELSE 'skipped' END, reason
        FROM judged
        RETURNING seq, provider_id, state
    )
    SELECT provider_id, state, min(seq), max(seq), count(*) FROM written
    GROUP BY provider_id, state ORDER BY 3
""")


@dataclass(frozen=True)
class Progress:
    """Where the snapshot stands."""

    written: int
    finished: bool


def write_chunk(session: Session, account_id: int, broadcast_id: int, size: int) -> Progress:
    """Write the next `size` people into the ledger; its place is kept in the same transaction."""
    # The row lock keeps a second worker from writing the same chunk.
    place = session.execute(
        text(
            "SELECT snapshot_contact_id, snapshot_seq, started_at, snapshot_finished_at"
            " FROM broadcasts WHERE account_id = :account_id AND id = :broadcast_id"
            " AND state IN ('preparing', 'sending') FOR UPDATE"
        ),
        {"account_id": account_id, "broadcast_id": broadcast_id},
    ).first()
    if place is None or place.snapshot_finished_at is not None:
        return Progress(place.snapshot_seq if place else 0, finished=True)
    include, exclude = lists_of(session, account_id, broadcast_id)
    people = list(
        session.scalars(
            _PEOPLE,
            {
                "account_id": account_id,
                "include": include,
                "after": place.snapshot_contact_id,
                "started_at": place.started_at,
                "size": size,
            },
        )
    )
    written = _write(session, account_id, broadcast_id, people, exclude, place.snapshot_seq)
    finished = len(people) < size
    _keep_place(session, account_id, broadcast_id, people, place.snapshot_seq + written, finished)
    return Progress(place.snapshot_seq + written, finished)


def _write(
    session: Session,
    account_id: int,
    broadcast_id: int,
    people: list[int],
    exclude: list[int],
    seq: int,
) -> int:
    if not people:
        return 0
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
            "seq": seq,
        },
    ).all()
    for provider_id, state, lo, hi, _count in rows:
        if state == "queued":
            batches.add_batches(session, account_id, broadcast_id, provider_id, lo, hi)
    skipped = sum(count for _p, state, _lo, _hi, count in rows if state == "skipped")
    total = sum(count for *_rest, count in rows)
    counts.add(session, account_id, broadcast_id, {"recipients": total, "skipped": skipped})
    return int(total)


def _keep_place(
    session: Session,
    account_id: int,
    broadcast_id: int,
    people: list[int],
    seq: int,
    finished: bool,
) -> None:
    session.execute(
        text(
            "UPDATE broadcasts SET snapshot_contact_id = greatest(snapshot_contact_id, :last),"
            " snapshot_seq = :seq, snapshot_finished_at = CASE WHEN :finished THEN now() END"
            " WHERE account_id = :account_id AND id = :broadcast_id"
        ),
        {
            "account_id": account_id,
            "broadcast_id": broadcast_id,
            "last": people[-1] if people else 0,
            "seq": seq,
            "finished": finished,
        },
    )


def started_at(session: Session) -> datetime:
    """The database's clock: it also wrote the times of the subscriptions."""
    return session.execute(text("SELECT clock_timestamp()")).scalar_one()
