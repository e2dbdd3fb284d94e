"""(pure) When a deferred recipient is tried again, and when no more."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from esp.delivery.smtp.envelope import Outcome

LIFETIME = timedelta(days=3)
NOTICE_LIFETIME = timedelta(days=1)

_GREY = re.compile(r"gr[ea]y-?list", re.IGNORECASE)
_NAMED = re.compile(
    r"\b(?:in|after|for)\s+(\d{1,5})\s*(s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b",
    re.IGNORECASE,
)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_FULL = frozenset(("4.2.2", "5.2.2"))
# Nobody has judged the message: the connection did not get that far, or broke.
_CONNECTION_STAGES = frozenset(("connect", "greeting", "ehlo", "tls", "auth", "lost"))
_LONGEST = timedelta(hours=6)


def next_attempt(outcome: Outcome, attempts: int, at: datetime, chance: float) -> datetime:
    """The moment of the next attempt after `attempts` of them; `chance` in [0, 1) spreads it.

    SMTP-09: 30 minutes or more for plain deferrals, sooner only where the reason is known.
    """
    first, spread = _first(outcome)
    if spread is not None:
        return at + first + spread * chance
    wait = min(first * 2.0 ** min(attempts - 1, 20), max(first, _LONGEST))
    return at + wait * (1 + chance / 4)


def expires_at(first_attempt_at: datetime, lifetime: timedelta = LIFETIME) -> datetime:
    return first_attempt_at + lifetime


def is_greylisting(outcome: Outcome) -> bool:
    return outcome.code in (450, 451) and bool(_GREY.search(outcome.text) or _named(outcome.text))


def _first(outcome: Outcome) -> tuple[timedelta, timedelta | None]:
    """The shortest wait; and its spread, where it does not grow with the attempts."""
    if is_greylisting(outcome):
        named = _named(outcome.text)
        if named is not None:
            return min(max(named, timedelta(seconds=30)), _LONGEST), timedelta(seconds=60)
        return timedelta(minutes=5), timedelta(minutes=10)
    if outcome.enhanced in _FULL:
        return timedelta(hours=2), None
    if outcome.enhanced == "4.2.1" and outcome.code == 450:
        # One mailbox that gets its mail too quickly.
        return timedelta(hours=1), None
    if outcome.code == 0 or outcome.stage in _CONNECTION_STAGES:
        return timedelta(minutes=2), None
    if outcome.code == 421:
        return timedelta(minutes=5), None
    return timedelta(minutes=30), None


def _named(text: str) -> timedelta | None:
    found = _NAMED.search(text)
    if found is None:
        return None
    return timedelta(seconds=int(found[1]) * _UNITS[found[2][0].lower()])
