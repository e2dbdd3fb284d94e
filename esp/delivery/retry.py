"""(pure) When a deferred recipient is tried again, and when no more."""

from __future__ import annotations

from datetime import datetime, timedelta

from esp.delivery.pacing.reaction import Reaction

LIFETIME = timedelta(days=3)
NOTICE_LIFETIME = timedelta(days=1)

_PLAIN = timedelta(minutes=30)
_LONGEST = timedelta(hours=6)


def next_attempt(reaction: Reaction, attempts: int, at: datetime, chance: float) -> datetime:
    """The moment of the next attempt after `attempts` of them; `chance` in [0, 1) spreads it.

    SMTP-09: 30 minutes or more for plain deferrals, sooner only where the reason is known.
    """
    first = reaction.retry_after or _PLAIN
    if reaction.retry_spread is not None:
        return at + first + reaction.retry_spread * chance
    wait = min(first * 2.0 ** min(attempts - 1, 20), max(first, _LONGEST))
    return at + wait * (1 + chance / 4)
