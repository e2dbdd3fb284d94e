"""Ranges of the ledger: who works on which, for how long, and what of it may still be mailed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

LEASE = timedelta(seconds=60)

_LARGEST = 1000

# Numbers of a transport (0: the common one), a pool (0: none) and a provider (0: all of them).
WayOut = tuple[int, int, int]

# "row" stands for the table's name.
_IS_OPEN = """NOT EXISTS (SELECT FROM unnest(CAST(:full_transports AS bigint[]),
    CAST(:full_pools AS bigint[]), CAST(:full_providers AS bigint[])) AS x (t, p, v)
    WHERE x.t = coalesce(d.transport_id, 0) AND x.p = coalesce(d.pool_id, 0)
    AND x.v IN (0, row.provider_id))"""


@dataclass(frozen=True, slots=True)
class Range:
    """Recipients `lo` to `hi` of a broadcast, all of one provider."""

    lo: int
    hi: int
    provider_id: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What a process took: a range of the ledger, or single deferred recipients (`seqs`)."""

    account_id: int
    broadcast_id: int
    lo: int
    hi: int
    provider_id: int
    seqs: tuple[int, ...] = ()


def size_for(rate_per_minute: int | None) -> int:
    """How many recipients a batch should have: about ten seconds of a slow broadcast."""
    return _LARGEST if rate_per_minute is None else max(1, min(_LARGEST, rate_per_minute // 6))


def add_batches(
    session: Session, account_id: int, broadcast_id: int, ranges: Iterable[Range], now: datetime
) -> None:
    """Hand ranges of recipients, already in the ledger, to the senders."""
    rows = list(ranges)
    session.execute(
        text(
            "INSERT INTO batches (account_id, broadcast_id, lo, hi, provider_id, next_at)"
            " SELECT :account, :broadcast, r.lo, r.hi, r.provider_id, :now"
            " FROM unnest(CAST(:lo AS integer[]), CAST(:hi AS integer[]),"
            " CAST(:provider AS bigint[])) AS r (lo, hi, provider_id)"
        ),
        {
            "account": account_id,
            "broadcast": broadcast_id,
            "now": now,
            "lo": [row.lo for row in rows],
            "hi": [row.hi for row in rows],
            "provider": [row.provider_id for row in rows],
        },
    )


_CLAIM = text(
    """
    WITH due AS (SELECT b.broadcast_id, b.lo, b.owner FROM batches b
    JOIN dispatches d ON d.account_id = b.account_id AND d.broadcast_id = b.broadcast_id
    WHERE b.account_id = :account AND d.account_id = :account AND d.state = 'open'
    AND b.state <> 'done' AND b.next_at <= :now
    AND (b.state = 'ready' OR (b.owner <> ALL(:alive)
        AND greatest(b.lease_until, pg_postmaster_start_time() + :lease) < :now))
    AND IS_OPEN AND b.broadcast_id <> ALL(:busy)
    ORDER BY b.next_at, b.broadcast_id, b.lo LIMIT :limit FOR UPDATE OF b SKIP LOCKED)
    UPDATE batches b SET state = 'leased', owner = :owner, lease_until = :until FROM due
    WHERE b.account_id = :account AND b.broadcast_id = due.broadcast_id
    AND b.lo = due.lo RETURNING b.broadcast_id, b.lo, b.hi, b.provider_id, due.owner
    """.replace("IS_OPEN", _IS_OPEN.replace("row", "b"))
)
_CLAIM_DEFERRED = text(
    """
    WITH due AS (SELECT f.broadcast_id, f.seq, f.owner FROM deferrals f
    JOIN dispatches d ON d.account_id = f.account_id AND d.broadcast_id = f.broadcast_id
    WHERE f.account_id = :account AND d.account_id = :account AND d.state = 'open'
    AND f.next_at <= :now AND (f.owner IS NULL OR (f.owner <> ALL(:alive)
        AND greatest(f.lease_until, pg_postmaster_start_time() + :lease) < :now))
    AND IS_OPEN AND f.broadcast_id <> ALL(:busy)
    ORDER BY f.next_at LIMIT :limit FOR UPDATE OF f SKIP LOCKED)
    UPDATE deferrals f SET owner = :owner, lease_until = :until FROM due
    WHERE f.account_id = :account AND f.broadcast_id = due.broadcast_id
    AND f.seq = due.seq RETURNING f.broadcast_id, f.provider_id, f.seq, due.owner
    """.replace("IS_OPEN", _IS_OPEN.replace("row", "f"))
)


def claim(
    session: Session,
    account_id: int,
    owner: str,
    now: datetime,
    limit: int,
    *,
    full: Sequence[WayOut] = (),
    busy_broadcasts: Sequence[int] = (),
    alive: Sequence[str] = (),
) -> list[Claim]:
    """Take up to `limit` due batches for `owner` (a journal's name), for a lease's time.

    Left alone are those of ways that are `full`, those of `busy_broadcasts`, and run-out leases of
    owners known to be `alive`. A lease that ran out while the database was away gives its owner a
    minute to come back first.
    """
    rows = session.execute(
        _CLAIM, _claiming(account_id, owner, now, limit, full, busy_broadcasts, alive)
    ).all()
    warn_owners(session, {row.owner for row in rows})
    return sorted(
        (Claim(account_id, broadcast_id, lo, hi, prov) for broadcast_id, lo, hi, prov, _ in rows),
        key=lambda one: (one.broadcast_id, one.lo),
    )


def claim_deferred(
    session: Session,
    account_id: int,
    owner: str,
    now: datetime,
    limit: int,
    *,
    full: Sequence[WayOut] = (),
    busy_broadcasts: Sequence[int] = (),
    alive: Sequence[str] = (),
) -> list[Claim]:
    """Take up to `limit` deferred recipients whose next attempt is due, one Claim a broadcast."""
    rows = session.execute(
        _CLAIM_DEFERRED, _claiming(account_id, owner, now, limit, full, busy_broadcasts, alive)
    ).all()
    warn_owners(session, {row.owner for row in rows})
    found: dict[tuple[int, int], list[int]] = {}
    for broadcast_id, provider_id, seq, _owner in rows:
        found.setdefault((broadcast_id, provider_id), []).append(seq)
    return [
        Claim(account_id, broadcast_id, min(seqs), max(seqs), provider_id, tuple(sorted(seqs)))
        for (broadcast_id, provider_id), seqs in sorted(found.items())
    ]


def warn_owners(session: Session, owners: Iterable[str | None]) -> None:
    """Tell those whose leases are taken from them, should they live: they begin nothing more.

    Who slept, or was cut off for longer than a lease, hears it before its next envelope.
    """
    for owner in sorted(filter(None, owners)):
        session.execute(text("SELECT pg_notify('esp_stop', 'o:' || :owner)"), {"owner": owner})


def _claiming(
    account_id: int,
    owner: str,
    now: datetime,
    limit: int,
    full: Sequence[WayOut],
    busy: Sequence[int],
    alive: Sequence[str],
) -> dict[str, object]:
    return {
        "account": account_id,
        "owner": owner,
        "now": now,
        "until": now + LEASE,
        "lease": LEASE,
        "limit": limit,
        "full_transports": [one[0] for one in full],
        "full_pools": [one[1] for one in full],
        "full_providers": [one[2] for one in full],
        "busy": list(busy),
        "alive": list(alive),
    }


def renew(session: Session, account_id: int, owner: str, now: datetime) -> None:
    """Hold what `owner` has for another lease's time."""
    for table, held in (("batches", "state = 'leased' AND "), ("deferrals", "")):
        session.execute(
            text(
                f"UPDATE {table} SET lease_until = :until"  # noqa: S608  # two names of our own
                f" WHERE {held}owner = :owner AND account_id = :account"
            ),
            {"account": account_id, "owner": owner, "until": now + LEASE},
        )


def finish(session: Session, claim: Claim, owner: str) -> None:
    """Every recipient of the range is settled; what was deferred waits elsewhere."""
    _leave(session, claim, owner, "done")


def release(session: Session, claim: Claim, owner: str) -> None:
    """Give back what was not begun; the outcomes of the rest must be in the ledger by now."""
    _leave(session, claim, owner, "ready")


def _leave(session: Session, claim: Claim, owner: str, state: str) -> None:
    values: dict[str, object] = {
        "account": claim.account_id,
        "broadcast": claim.broadcast_id,
        "owner": owner,
    }
    if claim.seqs:
        # Those that were settled are gone from the table, or wait with no owner.
        session.execute(
            text(
                "UPDATE deferrals SET owner = NULL, lease_until = NULL WHERE account_id = :account"
                " AND broadcast_id = :broadcast AND owner = :owner AND seq = ANY(:seqs)"
            ),
            {**values, "seqs": list(claim.seqs)},
        )
        return
    session.execute(
        text(
            "UPDATE batches SET state = :state, owner = NULL, lease_until = NULL"
            " WHERE account_id = :account AND broadcast_id = :broadcast AND lo = :lo"
            " AND state = 'leased' AND owner = :owner"
        ),
        {**values, "lo": claim.lo, "state": state},
    )
