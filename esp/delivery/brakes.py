"""What people say about a pool's pace at a provider: hold, lift, limits, warm-up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.delivery.pacing.key import Key, of_key

_MAKE = text(
    "INSERT INTO paces (account_id, pool_id, provider_id) VALUES (:account, :pool, :provider)"
    " ON CONFLICT DO NOTHING"
)


def hold(session: Session, key: Key) -> None:
    """Begin nothing more until `lift`."""
    _set(session, key, "is_held = true, reason = 'person', reply = ''", {})


def lift(session: Session, key: Key) -> None:
    """Go on at once, whatever replies had taught about pauses and caps; still step by step."""
    _set(
        session,
        key,
        "is_held = false, paused_until = NULL, pauses = 0, cap_until = NULL,"
        " cap_per_minute = NULL, cap_connections = NULL, reason = '', reply = ''",
        {},
    )


def set_limits(
    session: Session,
    key: Key,
    max_connections: int | None,
    messages_per_connection: int | None,
    rate_per_minute: int | None,
) -> None:
    """None: the provider's default."""
    _set(
        session,
        key,
        "max_connections = :connections, messages_per_connection = :messages,"
        " rate_per_minute = :rate, next_free_at = NULL",
        {
            "connections": max_connections,
            "messages": messages_per_connection,
            "rate": rate_per_minute,
        },
    )


def start_warm_up(session: Session, key: Key, started_at: datetime | None) -> None:
    """Begin with the first day of the curve; None: no cap from now on."""
    _set(
        session,
        key,
        "warm_up_started_at = :started_at, warm_up_judged_days = 0, warm_up_held_days = 0,"
        " next_free_at = NULL",
        {"started_at": started_at},
    )


def _set(session: Session, key: Key, what: str, values: dict[str, Any]) -> None:
    session.execute(_MAKE, key.values)
    session.execute(
        text(of_key("UPDATE paces SET WHAT WHERE OF_KEY").replace("WHAT", what)),
        key.values | values,
    )
