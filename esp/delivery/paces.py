"""The pace of a pool at a provider, kept in the database for all processes together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from esp.delivery.pacing import adapt, limits, slots
from esp.delivery.pacing.adapt import State
from esp.delivery.pacing.key import Key, of_key
from esp.delivery.pacing.limits import Limits
from esp.delivery.pacing.slots import Grant
from esp.delivery.pacing.warm_up import WarmUp
from esp.delivery.warming import warm_rate


@dataclass(frozen=True, slots=True)
class Pace:
    """`warm_rate`: messages a minute that the warm-up leaves (0: none today; None: no cap)."""

    key: Key
    provider: str
    limits: Limits
    state: State
    warm_rate: float | None = None

    def allowed(self, now: float) -> Limits:
        """What may be used at present (seconds since the epoch)."""
        found = adapt.allowed(self.limits, self.state, now)
        rates = [rate for rate in (found.rate_per_minute, self.warm_rate) if rate is not None]
        return Limits(
            found.connections, found.messages_per_connection, min(rates) if rates else None
        )


_LOAD = text("""
    SELECT v.name, v.id AS provider, p.* FROM providers v
    LEFT JOIN paces p ON p.account_id = :account AND p.pool_id = :pool AND p.provider_id = v.id
    WHERE v.id = ANY(:providers)
""")
_MAKE = text("""
    INSERT INTO paces (account_id, pool_id, provider_id)
    SELECT :account, :pool, unnest(CAST(:providers AS bigint[])) ON CONFLICT DO NOTHING
""")


def load(
    session: Session, account_id: int, pool_id: int, provider_ids: Collection[int], now: datetime
) -> dict[int, Pace]:
    """By provider; makes the rows that are missing. The session is in `account_id`."""
    values = {"account": account_id, "pool": pool_id, "providers": sorted(set(provider_ids))}
    rows = session.execute(_LOAD, values).all()
    missing = sorted(row.provider for row in rows if row.account_id is None)
    if missing:
        session.execute(_MAKE, values | {"providers": missing})
    found = {}
    for row in rows:
        key = Key(account_id, pool_id, row.provider)
        if row.account_id is None:
            found[row.provider] = Pace(key, row.name, limits.of(row.name, None), adapt.FREE)
        else:
            known = limits.of(row.name, row)
            warm = warm_rate(session, key, warm_up_of(row), now) if row.warm_up_started_at else None
            found[row.provider] = Pace(key, row.name, known, state_of(row), warm)
    return found


def state_of(row: Row[Any]) -> State:
    return State(
        share=row.share,
        cap_per_minute=row.cap_per_minute,
        cap_connections=row.cap_connections,
        cap_until=_seconds(row.cap_until),
        paused_until=_seconds(row.paused_until),
        pauses=row.pauses,
        reason=row.reason,
        reply=row.reply,
        is_held=row.is_held,
        changed_at=_seconds(row.changed_at),
    )


def warm_up_of(row: Row[Any]) -> WarmUp:
    return WarmUp(row.warm_up_started_at, row.warm_up_judged_days, row.warm_up_held_days)


# -- what replies teach -----------------------------------------------------------------------

_STRICTER = text(
    of_key("""
    UPDATE paces SET share = least(share, :share),
    cap_per_minute = CASE WHEN cap_until > :now THEN least(cap_per_minute, :cap_per_minute)
        ELSE :cap_per_minute END,
    cap_connections = CASE WHEN cap_until > :now THEN least(cap_connections, :cap_connections)
        ELSE :cap_connections END,
    cap_until = greatest(cap_until, :cap_until),
    paused_until = greatest(paused_until, :paused_until),
    pauses = greatest(pauses, :pauses), reason = :reason, reply = :reply,
    is_held = is_held OR :is_held, changed_at = greatest(changed_at, :changed_at)
    WHERE OF_KEY
""")
)
# One step for all processes together, so the step is taken from what is stored.
_FASTER = text(
    of_key("""
    UPDATE paces SET share = least(1, share + :step), changed_at = :now,
    pauses = CASE WHEN share + :step >= 1 THEN 0 ELSE pauses END,
    reason = CASE WHEN share + :step >= 1 THEN '' ELSE reason END,
    reply = CASE WHEN share + :step >= 1 THEN '' ELSE reply END
    WHERE OF_KEY AND share < 1 AND NOT is_held AND paused_until IS NULL
    AND (cap_until IS NULL OR cap_until <= :now) AND (changed_at IS NULL OR changed_at <= :before)
""")
)
_LIFTED = text(
    of_key("""
    UPDATE paces SET paused_until = NULL, changed_at = :now
    WHERE OF_KEY AND paused_until <= :until AND NOT is_held
""")
)
_PROBE = text(
    of_key("""
    UPDATE paces SET paused_until = :until
    WHERE OF_KEY AND paused_until <= :now AND NOT is_held RETURNING 1
""")
)


def record(session: Session, key: Key, old: State, new: State, now: datetime) -> None:
    """Keep what this process has learnt (`adapt.is_news`); `old` is what it held before.

    Facts of several processes combine to the stricter; a step up counts once for all of them.
    """
    values: dict[str, Any] = key.values | {"now": now}
    if old.paused_until and not new.paused_until:
        session.execute(_LIFTED, values | {"until": _moment(old.paused_until)})
    elif new.share > old.share:
        before = now - timedelta(seconds=adapt.STEP_SECONDS)
        session.execute(_FASTER, values | {"step": adapt.STEP, "before": before})
    else:
        session.execute(_STRICTER, values | _learnt(new, now.timestamp()))


def _learnt(state: State, now: float) -> dict[str, Any]:
    live = state.cap_until > now
    return {
        "share": state.share,
        "cap_per_minute": state.cap_per_minute if live else None,
        "cap_connections": state.cap_connections if live else None,
        "cap_until": _moment(state.cap_until) if live else None,
        "paused_until": _moment(state.paused_until),
        "pauses": state.pauses,
        "reason": state.reason,
        "reply": state.reply.replace("\0", ""),
        "is_held": state.is_held,
        "changed_at": _moment(state.changed_at),
    }


def claim_probe(session: Session, key: Key, state: State, now: datetime) -> State:
    """The state in which this process may try one message, if no other was quicker."""
    until = now + timedelta(seconds=adapt.PROBE_SECONDS)
    won = session.execute(_PROBE, key.values | {"now": now, "until": until}).first()
    return adapt.granted(state, until.timestamp()) if won else state


# -- a rate shared by all processes -----------------------------------------------------------

# Of a lost server's last 200 ms nothing needs to be kept, so nobody waits for the disk.
_GRANT = text(
    of_key("""
    WITH got AS (
        UPDATE paces SET next_free_at = greatest(next_free_at, :now) + :span
        WHERE OF_KEY AND (next_free_at IS NULL OR next_free_at <= :soon)
        RETURNING next_free_at - :span AS first
    )
    SELECT true AS won, first, set_config('synchronous_commit', 'off', true) FROM got
    UNION ALL
    SELECT false, next_free_at, '' FROM paces WHERE OF_KEY AND NOT EXISTS (SELECT FROM got)
""")
)


def grant(session: Session, key: Key, rate_per_minute: float, wanted: int, now: datetime) -> Grant:
    """Take the next slots, at most `wanted` and 200 ms of them, in a transaction of its own.

    Exact over all processes, restarts and a changed rate. One statement. A rate of 0 or less
    gives none.
    """
    if rate_per_minute <= 0:
        return Grant(0, now + timedelta(seconds=1), timedelta(minutes=1))
    gap = timedelta(minutes=1) / rate_per_minute
    count = max(1, min(wanted, slots.most(gap)))
    row = session.execute(
        _GRANT, key.values | {"now": now, "soon": now + slots.GRANT, "span": gap * count}
    ).first()
    return slots.granted(row, count, gap, now)


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
