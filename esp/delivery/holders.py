"""The connections of a pool to a provider, divided among the processes that want some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.delivery.pacing import shares
from esp.delivery.pacing.key import Key

# Connections of a process that was not heard of for so long are others' again; it must not use
# them then.
HOLDING = timedelta(seconds=15)

_LOCK = text(
    "SELECT 1 FROM paces WHERE account_id = :account AND pool_id = :pool"
    " AND provider_id = ANY(:providers) ORDER BY provider_id FOR NO KEY UPDATE"
)
_HOLDERS = text("""
    WITH gone AS (
        DELETE FROM pace_holders WHERE account_id = :account AND pool_id = :pool
        AND provider_id = ANY(:providers) AND seen_until <= :now
    )
    SELECT provider_id, owner, held FROM pace_holders WHERE account_id = :account
    AND pool_id = :pool AND provider_id = ANY(:providers) AND seen_until > :now
""")
_HOLD = text("""
    INSERT INTO pace_holders (account_id, pool_id, provider_id, owner, held, seen_until)
    SELECT :account, :pool, w.provider_id, :owner, w.held, :until
    FROM unnest(CAST(:providers AS bigint[]), CAST(:numbers AS int[])) AS w (provider_id, held)
    ON CONFLICT (account_id, pool_id, provider_id, owner)
    DO UPDATE SET held = excluded.held, seen_until = excluded.seen_until
""")


def share_connections(
    session: Session,
    account_id: int,
    pool_id: int,
    owner: str,
    wants: Mapping[int, tuple[int, int]],
    now: datetime,
) -> dict[int, int]:
    """How many connections `owner` may have with each provider until `now + HOLDING`.

    `wants`: by provider the limit of all processes and how many `owner` has open. Call it every
    few seconds, and after closing what was too much; whoever has not may use none. Three
    statements for all providers of a pool. The rows of `load` must exist.
    """
    providers = sorted(wants)
    values: dict[str, Any] = {"account": account_id, "pool": pool_id, "providers": providers}
    session.execute(_LOCK, values)
    held: dict[int, dict[str, int]] = {provider: {} for provider in providers}
    for row in session.execute(_HOLDERS, values | {"now": now}):
        held[row.provider_id][row.owner] = row.held
    found = {}
    for provider, (limit, _) in wants.items():
        found[provider] = shares.allot(limit, held[provider], owner, now.timestamp())
    numbers = [max(found[provider], wants[provider][1]) for provider in providers]
    session.execute(_HOLD, values | {"owner": owner, "numbers": numbers, "until": now + HOLDING})
    return found


_WITH_KEYS = (
    " AND (pool_id, provider_id) IN (SELECT * FROM"
    " unnest(CAST(:pools AS bigint[]), CAST(:providers AS bigint[])))"
)


def release_connections(
    session: Session, account_id: int, owner: str, keys: Iterable[Key] | None = None
) -> None:
    """`owner` has none any more and wants none: with the providers of `keys`, or with any."""
    values: dict[str, Any] = {"account": account_id, "owner": owner}
    statement = "DELETE FROM pace_holders WHERE account_id = :account AND owner = :owner"
    if keys is None:
        session.execute(text(statement), values)
        return
    pairs = [key for key in keys if key.account_id == account_id]
    session.execute(
        text(statement + _WITH_KEYS),
        values | {"pools": [k.pool_id for k in pairs], "providers": [k.provider_id for k in pairs]},
    )
