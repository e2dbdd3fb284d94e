"""(pure) The first weeks of a pool at a provider: so many messages a day, more if all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

# RCV-06: the cap of each day; after the last there is none.
CURVE = (
    50, 100, 200, 400, 800, 1_500, 3_000, 5_000, 8_000, 12_000, 18_000, 27_000, 40_000, 60_000,
    90_000, 130_000, 200_000, 300_000, 450_000, 700_000, 1_000_000,
)  # fmt: skip
DAY = timedelta(days=1)
# A day's mail goes within its first hours, since people read it by day.
MINUTES = 8 * 60
# Below this a day has shown nothing.
USED = 0.5
_MOST_DEFERRED = 0.05
_MOST_FAILED = 0.05
# RCV-01
_MOST_COMPLAINED = 0.001


@dataclass(frozen=True, slots=True)
class WarmUp:
    """`judged_days` days are over and judged; on `held_days` of them the curve stood still."""

    started_at: datetime
    judged_days: int = 0
    held_days: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """What a day came to."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    complained: int = 0


def elapsed(warm: WarmUp, now: datetime) -> int:
    """Days that are over."""
    return max(0, (now - warm.started_at) // DAY)


def day_began(warm: WarmUp, now: datetime) -> datetime:
    """When the present day of the warm-up began; days count from its start, not from midnight."""
    return warm.started_at + DAY * elapsed(warm, now)


def allowance(warm: WarmUp) -> int | None:
    """Messages of the present day; None when the curve is over."""
    step = warm.judged_days - warm.held_days
    return CURVE[step] if step < len(CURVE) else None


def is_good(day: Day, cap: int) -> bool:
    """Whether the curve may go up after such a day: it was used, and was taken well."""
    if day.sent < cap * USED:
        return False
    tried = day.sent + day.deferred + day.failed
    return (
        day.deferred <= tried * _MOST_DEFERRED
        and day.failed <= tried * _MOST_FAILED
        and day.complained <= max(1, day.sent * _MOST_COMPLAINED)
    )


def judged(warm: WarmUp, now: datetime, day_of: Callable[[datetime], Day]) -> WarmUp:
    """Go through the days that are over; `day_of` tells what the day from a moment on came to."""
    for number in range(warm.judged_days, elapsed(warm, now)):
        cap = allowance(warm)
        good = cap is None or is_good(day_of(warm.started_at + DAY * number), cap)
        warm = WarmUp(warm.started_at, number + 1, warm.held_days + (0 if good else 1))
    return warm


def rate(warm: WarmUp, sent_today: int) -> float | None:
    """Messages a minute for the rest of the day: 0 when it is used up, None without a cap."""
    cap = allowance(warm)
    if cap is None:
        return None
    return cap / MINUTES if sent_today < cap else 0.0
