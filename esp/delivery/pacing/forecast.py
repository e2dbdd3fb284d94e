"""(pure) When mail will be through: limits, warm-up and what was measured, provider by provider."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from esp.delivery.pacing import warm_up
from esp.delivery.pacing.warm_up import DAY, WarmUp

# Of a connection that nobody has measured yet: a message a second.
ASSUMED_PER_MINUTE = 60.0
# Nothing is foretold beyond this.
HORIZON = timedelta(days=365)

# What keeps it from being faster.
Bound = Literal["speed", "limit", "warm_up", "pause", "hold", "rate", "retry"]


@dataclass(frozen=True, slots=True)
class Road:
    """So many recipients, and what lies between them and their provider.

    `speed`: messages a minute that were measured or are assumed; `limit`: what people set and
    replies leave of it. `opens_at`: the end of a pause; held: nothing begins until a person says.
    """

    recipients: int
    speed: float
    limit: float | None = None
    opens_at: datetime | None = None
    is_held: bool = False
    warm_up: WarmUp | None = None
    sent_today: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """`at` None: not before a person lets it go on."""

    at: datetime | None
    bound: Bound


def assumed(connections: int) -> float:
    """Messages a minute where nothing was measured."""
    return connections * ASSUMED_PER_MINUTE


def end_of(road: Road, now: datetime) -> End:
    """When the last of them is sent, if nothing changes and nobody is put off."""
    if not road.recipients:
        return End(now, "speed")
    if road.is_held:
        return End(None, "hold")
    start = max(now, road.opens_at or now)
    speed = road.speed if road.limit is None else min(road.speed, road.limit)
    if speed <= 0:
        return End(now + HORIZON, "limit")
    plain = min(start + _minutes(road.recipients / speed), now + HORIZON)
    bound: Bound = "speed" if speed == road.speed else "limit"
    if road.warm_up is not None:
        at = min(_warming(road, road.warm_up, speed, start, now), now + HORIZON)
        if at > plain:
            return End(at, "warm_up")
    return End(plain, "pause" if start - now > plain - start else bound)


def end_of_all(
    ends: Iterable[End], rate_per_minute: float | None, total: int, start: datetime
) -> End:
    """Providers don't wait for each other; the broadcast's own rate is that of all together."""
    found = list(ends)
    held = next((end for end in found if end.at is None), None)
    if held:
        return held
    last = max(found, key=lambda end: end.at or start, default=End(start, "speed"))
    if rate_per_minute and total:
        by_rate = start + min(_minutes(total / rate_per_minute), HORIZON)
        if last.at is None or by_rate > last.at:
            return End(by_rate, "rate")
    return last


def in_turns(own: int, others: Iterable[int]) -> int:
    """How many messages go until one's own are through, where each of several goes in turn."""
    return own + sum(min(own, other) for other in others)


def _warming(road: Road, warm: WarmUp, speed: float, start: datetime, now: datetime) -> datetime:
    """Day by day along the curve, which goes up after each day that used half of it."""
    step = max(0, warm.judged_days - warm.held_days)
    over = warm_up.day_began(warm, now) + DAY
    sent: float = road.sent_today
    left: float = road.recipients
    moment = start
    while moment < now + HORIZON:
        if moment >= over:
            used = step < len(warm_up.CURVE) and sent >= warm_up.CURVE[step] * warm_up.USED
            step, sent, over = step + used, 0, over + DAY
            continue
        if step >= len(warm_up.CURVE):
            return moment + _minutes(left / speed)
        cap = warm_up.CURVE[step]
        pace = min(speed, cap / warm_up.MINUTES)
        most = min(max(0, cap - sent), (over - moment) / timedelta(minutes=1) * pace)
        if left <= most:
            return moment + _minutes(left / pace)
        left, sent, moment = left - most, sent + most, over
    return now + HORIZON


def _minutes(number: float) -> timedelta:
    return timedelta(minutes=min(number, HORIZON / timedelta(minutes=1)))
