"""Storing outcomes in the ledger, with the deferrals and the counts that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.db import enter_account
from esp.delivery import arrays, verdicts
from esp.delivery.batches import LEASE
from esp.delivery.facts import RecipientOutcome
from esp.delivery.retry import LIFETIME
from esp.engagement.record import Tally, count, hour_of
from esp.suppression.suppress import suppress

# Closer together than this on average, recipients are read as one range of the ledger's key.
_NEIGHBOURS = 20

_RECORD = """
WITH o AS (
    SELECT * FROM unnest(CAST(%(seqs)s AS integer[]), CAST(%(kinds)s AS text[]),
        CAST(%(codes)s AS smallint[]), CAST(%(replies)s AS text[]), CAST(%(reasons)s AS text[]),
        CAST(%(ats)s AS float8[]), CAST(%(next_ats)s AS float8[]))
        AS o (seq, kind, code, reply, reason, at, next_at)
), moved AS (
    UPDATE recipients r SET state = o.kind, reason = nullif(o.reason, ''),
        attempts = r.attempts + (o.kind <> 'skipped')::int,
        code = nullif(o.code, 0), reply = nullif(o.reply, ''),
        at = to_timestamp(o.at)
    FROM o
    WHERE r.broadcast_id = %(broadcast)s AND r.seq = o.seq AND r.account_id = %(account)s
        AND r.seq BETWEEN %(lo)s AND %(hi)s AND r.state IN ('queued', 'deferred')
    RETURNING r.seq, r.provider_id, o.kind, r.at, to_timestamp(o.next_at) AS next_at
), gone AS (
    DELETE FROM deferrals f USING moved m
    WHERE f.account_id = %(account)s AND f.broadcast_id = %(broadcast)s AND f.seq = m.seq
        AND m.kind <> 'deferred'
    RETURNING 1
), waiting AS (
    INSERT INTO deferrals AS f
        (account_id, broadcast_id, seq, provider_id, next_at, expires_at)
    SELECT %(account)s, %(broadcast)s, m.seq, m.provider_id, m.next_at, m.at + %(lifetime)s
    FROM moved m WHERE m.kind = 'deferred' ORDER BY m.seq
    ON CONFLICT (account_id, broadcast_id, seq) DO UPDATE
        SET next_at = EXCLUDED.next_at, owner = NULL, lease_until = NULL
    RETURNING (xmax = 0)::int AS is_new
)
SELECT kind, date_trunc('hour', at, 'UTC'), count(*) FROM moved GROUP BY 1, 2
UNION ALL SELECT 'gone', NULL, count(*) FROM gone
UNION ALL SELECT 'waiting', NULL, coalesce(sum(is_new), 0) FROM waiting
"""

_SENT_AFTER_ALL = text("""
WITH prior AS (
    SELECT seq, state FROM recipients
    WHERE account_id = :account AND broadcast_id = :broadcast
        AND seq = ANY(CAST(:seqs AS integer[]))
        AND state IN ('failed', 'skipped') ORDER BY seq FOR UPDATE
)
UPDATE recipients r SET state = 'sent', reason = NULL, attempts = r.attempts + 1,
    code = o.code, reply = o.reply, at = to_timestamp(o.at)
FROM prior, unnest(CAST(:seqs AS integer[]), CAST(:codes AS smallint[]),
    CAST(:replies AS text[]), CAST(:ats AS float8[])) AS o (seq, code, reply, at)
WHERE r.account_id = :account AND r.broadcast_id = :broadcast AND r.seq = prior.seq
    AND o.seq = prior.seq
RETURNING prior.state, r.at
""")


def record_outcomes(session: Session, outcomes: Iterable[RecipientOutcome]) -> None:
    """Store what became of attempts, account by account; what is no legal move changes nothing.

    Leaves the session in the last account.
    """
    found: dict[int, dict[int, dict[int, RecipientOutcome]]] = {}
    for one in outcomes:
        latest = found.setdefault(one.account_id, {}).setdefault(one.broadcast_id, {})
        known = latest.get(one.seq)
        # Of two attempts at one recipient the later counts.
        if known is None or known.at <= one.at:
            latest[one.seq] = one
    # All in one order, so that nobody waits in a circle.
    for account_id, broadcasts in sorted(found.items()):
        enter_account(session, account_id)
        tallies: dict[Tally, int] = {}
        for broadcast_id, latest in sorted(broadcasts.items()):
            ordered = [latest[seq] for seq in sorted(latest)]
            _record(session, account_id, broadcast_id, ordered, tallies)
        _plan_with_loops(session, True)
        count(session, account_id, tallies)


def _plan_with_loops(session: Session, wanted: bool) -> None:
    """A fresh partition has no statistics, and a loop over neighbours would be quadratic.

    Nor may a plan made for other bounds be used again.
    """
    session.connection().exec_driver_sql(
        "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
        " set_config('enable_nestloop', %(wanted)s, true)",
        {"wanted": "on" if wanted else "off"},
    )


def _record(
    session: Session,
    account_id: int,
    broadcast_id: int,
    latest: Sequence[RecipientOutcome],
    tallies: dict[Tally, int],
) -> None:
    lo, hi = latest[0].seq, latest[-1].seq
    _plan_with_loops(session, hi - lo > _NEIGHBOURS * len(latest))
    values = {
        "account": account_id,
        "broadcast": broadcast_id,
        "lifetime": LIFETIME,
        **_columns(latest),
        "lo": lo,
        "hi": hi,
        "kinds": arrays.texts([one.kind for one in latest]),
        "reasons": arrays.texts([one.reason for one in latest]),
        "next_ats": arrays.seconds([one.next_at for one in latest]),
    }
    rows = session.connection().exec_driver_sql(_RECORD, values).all()
    moved = 0
    for kind, hour, number in rows:
        if hour is None:
            name, hour_counted, change = "deferred", None, -number if kind == "gone" else number
        else:
            moved += number
            if kind == "deferred":
                continue
            name, hour_counted, change = kind, hour, number
        _add(tallies, Tally(broadcast_id, name, hour_counted), int(change))
    if moved < len(latest):
        _correct(session, account_id, broadcast_id, latest, tallies)
    _suppress(session, account_id, broadcast_id, latest)


def _correct(
    session: Session,
    account_id: int,
    broadcast_id: int,
    outcomes: Sequence[RecipientOutcome],
    tallies: dict[Tally, int],
) -> None:
    """A 250 that came in after the recipient had been given up is still true."""
    sent = [one for one in outcomes if one.kind == "sent"]
    if not sent:
        return
    values = {"account": account_id, "broadcast": broadcast_id, **_columns(sent)}
    for old, at in session.execute(_SENT_AFTER_ALL, values):
        _add(tallies, Tally(broadcast_id, "sent", hour_of(at)), 1)
        _add(tallies, Tally(broadcast_id, old), -1)


def _suppress(
    session: Session, account_id: int, broadcast_id: int, outcomes: Sequence[RecipientOutcome]
) -> None:
    dead = {one.seq: one for one in outcomes if one.kind == "failed"}
    dead = {seq: one for seq, one in dead.items() if verdicts.suppresses(one.reason)}
    if not dead:
        return
    rows = session.execute(
        text(
            "SELECT seq, email FROM recipients WHERE account_id = :account"
            " AND broadcast_id = :broadcast AND seq = ANY(:seqs) ORDER BY email"
        ),
        {"account": account_id, "broadcast": broadcast_id, "seqs": sorted(dead)},
    ).all()
    for seq, email in rows:
        evidence = f"{dead[seq].code} {dead[seq].reply}"
        suppress(session, account_id, email, "bounce", source="smtp", evidence=evidence)


def _columns(outcomes: Sequence[RecipientOutcome]) -> dict[str, str]:
    return {
        "seqs": arrays.numbers([one.seq for one in outcomes]),
        "codes": arrays.numbers([one.code for one in outcomes]),
        "replies": arrays.texts([one.reply for one in outcomes]),
        "ats": arrays.seconds([one.at for one in outcomes]),
    }


def _add(tallies: dict[Tally, int], tally: Tally, number: int) -> None:
    tallies[tally] = tallies.get(tally, 0) + number


def skip_rest(
    session: Session, account_id: int, broadcast_id: int, reason: str, at: datetime, limit: int
) -> int:
    """Skip up to about `limit` recipients that no sender holds, of a stopped dispatch.

    The number of recipients looked at; call again, in new transactions, until it is 0. What a
    sender still holds comes back when its open replies are in, or counts as given up a lease
    after its lease ran out (a late 250 still turns skipped into sent).
    """
    batches = session.execute(
        text(
            "UPDATE batches b SET state = 'done' FROM (SELECT lo FROM batches"
            " WHERE account_id = :account AND broadcast_id = :broadcast"
            " AND (state = 'ready' OR (state = 'leased' AND lease_until < :gone))"
            " ORDER BY lo LIMIT greatest(1, :limit / 1000) FOR UPDATE SKIP LOCKED) one"
            " WHERE b.account_id = :account AND b.broadcast_id = :broadcast AND b.lo = one.lo"
            " RETURNING b.lo, b.hi"
        ),
        {"account": account_id, "broadcast": broadcast_id, "limit": limit, "gone": at - LEASE},
    ).all()
    seqs = [
        row[0]
        for lo, hi in batches
        for row in session.execute(
            text(
                "SELECT seq FROM recipients WHERE account_id = :account"
                " AND broadcast_id = :broadcast AND seq BETWEEN :lo AND :hi AND state = 'queued'"
            ),
            {"account": account_id, "broadcast": broadcast_id, "lo": lo, "hi": hi},
        )
    ]
    seqs += session.scalars(
        text(
            "SELECT seq FROM deferrals WHERE account_id = :account"
            " AND broadcast_id = :broadcast AND (owner IS NULL OR lease_until < :gone)"
            " ORDER BY seq LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        {"account": account_id, "broadcast": broadcast_id, "limit": limit, "gone": at - LEASE},
    ).all()
    record_outcomes(
        session,
        [
            RecipientOutcome(account_id, broadcast_id, seq, "skipped", 0, "", reason, at)
            for seq in seqs
        ],
    )
    return len(seqs) + len(batches)


def is_through(session: Session, account_id: int, broadcast_id: int) -> bool:
    """Whether nothing of the broadcast waits, is held or is deferred any more."""
    return not session.scalar(
        text(
            "SELECT EXISTS (SELECT FROM batches WHERE account_id = :account"
            " AND broadcast_id = :broadcast AND state <> 'done') OR EXISTS (SELECT FROM deferrals"
            " WHERE account_id = :account AND broadcast_id = :broadcast)"
        ),
        {"account": account_id, "broadcast": broadcast_id},
    )
