"""When broadcasts will be through: foretold of a draft, expected of those on their way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from esp.broadcasts.compose import lists_of
from esp.broadcasts.funnel import Funnel, by_provider, funnel
from esp.broadcasts.message import pool_of, transport_of
from esp.broadcasts.models import Broadcast
from esp.config import Settings
from esp.delivery import overview
from esp.delivery.overview import Cell, Queued, Way
from esp.delivery.pacing import forecast as pure
from esp.delivery.pacing import limits
from esp.delivery.pacing.forecast import Bound, End, Road
from esp.delivery.pacing.limits import Limits
from esp.delivery.pacing.warm_up import day_began
from esp.senders import providers
from esp.senders.models import Provider, Transport

# What the installation's own relay is given; see `ESP_SMTP_URL`.
COMMON_CONNECTIONS = 10


@dataclass(frozen=True, slots=True)
class Part:
    """What of a broadcast goes to one provider, and when the last of it is sent."""

    provider: str
    recipients: int
    end: End


@dataclass(frozen=True, slots=True)
class Forecast:
    """`starts_at`: now, or the time it is scheduled for."""

    funnel: Funnel
    starts_at: datetime
    end: End
    is_direct: bool
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Expected:
    """A broadcast on its way."""

    broadcast: Broadcast
    waiting: int
    deferred: int
    end: End


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the ways of an account: of its own, and of the installation's."""

    own: Mapping[Cell, Way]
    common: Mapping[Cell, Way]
    own_speeds: Mapping[Cell, float]
    common_speeds: Mapping[Cell, float]
    names: Mapping[int, str]
    connections: int = COMMON_CONNECTIONS
    read_at: datetime | None = None

    def speed(self, pool_id: int, provider_id: int, allowed: Limits) -> float:
        """Messages a minute; provider 0: through a relay."""
        cell = (pool_id, provider_id)
        known = self.own_speeds.get(cell)
        if known is None and not pool_id:
            known = self.common_speeds.get(cell)
        return pure.assumed(allowed.connections) if known is None else known

    def relay(self, recipients: int) -> Road:
        """All providers together go through it."""
        return Road(recipients, self.speed(0, 0, Limits(self.connections)))

    def road(self, cell: Cell, recipients: int, now: datetime, *, is_common: bool = False) -> Road:
        """Straight to the provider of `cell`, by a way of the account's own or the common one.

        On that what holds back everybody and what holds back this account both count.
        """
        pool_id, provider_id = cell
        shared = self.common.get(cell) if is_common else None
        found = [way for way in (self.own.get(cell), shared) if way]
        first = found[-1] if found else None
        allowed = limits.of(self.names.get(provider_id, providers.OTHER), None)
        if first:
            allowed = first.allowed(now)
        opens = max((way.state.paused_until for way in found), default=0.0)
        rates = [way.allowed(now).rate_per_minute for way in found]
        return Road(
            recipients,
            self.speed(pool_id, provider_id, allowed),
            limit=min((rate for rate in rates if rate is not None), default=None),
            opens_at=datetime.fromtimestamp(opens, now.tzinfo) if opens else None,
            is_held=any(way.state.is_held for way in found),
            warm_up=first.warm_up if first else None,
            sent_today=self._sent_today(first, now),
        )

    def _sent_today(self, way: Way | None, at: datetime) -> int:
        """Of the warm-up's day that `at` falls in: none yet, if it is another than the present."""
        if way is None or way.warm_up is None:
            return 0
        days = {day_began(way.warm_up, moment) for moment in (at, self.read_at or at)}
        return way.sent_today if len(days) == 1 else 0


def known(
    session: Session,
    account_id: int,
    now: datetime,
    *,
    connections: int = 0,
    measured: timedelta = overview.LATELY,
) -> Known:
    """Read once for all broadcasts of an account; `connections` of its relay.

    `measured`: how long ago a speed may have been.
    """
    since = now - measured
    return Known(
        overview.ways(session, account_id, now),
        overview.common_ways(session, account_id, now),
        overview.measured(session, account_id, since),
        overview.common_speeds(session, account_id, since),
        {row.id: row.name for row in session.execute(select(Provider.id, Provider.name))},
        connections or COMMON_CONNECTIONS,
        now,
    )


def forecast(session: Session, settings: Settings, broadcast: Broadcast, now: datetime) -> Forecast:
    """What sending it would come to under today's limits, were it to begin on time.

    Takes what is known today for its start too: what holds until then may be gone by then.
    """
    account_id = broadcast.account_id
    include, exclude = lists_of(session, account_id, broadcast.id)
    counted = funnel(session, account_id, include, exclude)
    shares = by_provider(session, account_id, include, exclude)
    is_direct, connections = _leaves(session, settings, broadcast)
    start = max(now, broadcast.send_at or now)
    ways = known(session, account_id, now, connections=connections, measured=overview.MEASURED)
    pool_id = pool_of(session, broadcast)
    is_common = pool_id is None and transport_of(session, broadcast) is None
    numbers = {name: number for number, name in ways.names.items()}
    parts = []
    for name, recipients in shares:
        road = ways.relay(recipients)
        if is_direct:
            cell = (pool_id or 0, numbers.get(name, 0))
            road = ways.road(cell, recipients, start, is_common=is_common)
        parts.append(Part(name, recipients, pure.end_of(road, start)))
    total = sum(part.recipients for part in parts)
    ends = [part.end for part in parts]
    if not is_direct:
        ends = [pure.end_of(ways.relay(total), start)]
    end = pure.end_of_all(ends, broadcast.rate_per_minute, total, start)
    return Forecast(counted, start, end, is_direct, parts)


def _leaves(session: Session, settings: Settings, broadcast: Broadcast) -> tuple[bool, int]:
    """Whether it goes straight to receivers; else how many connections its relay is given."""
    transport_id = transport_of(session, broadcast)
    if transport_id is None:
        return settings.delivers_directly, COMMON_CONNECTIONS
    found = session.get(Transport, (broadcast.account_id, transport_id))
    if found is None:
        return False, COMMON_CONNECTIONS
    return found.kind == "direct", found.max_connections


def expected(
    broadcasts: Iterable[Broadcast], queue: Sequence[Queued], ways: Known, now: datetime
) -> list[Expected]:
    """The end of each that is on its way; of one that was paused, the end is unknown.

    Broadcasts of an account go in turns, so each waits for as many of the others as it has itself.
    """
    return [_expected(one, queue, ways, now) for one in broadcasts]


def _expected(one: Broadcast, queue: Sequence[Queued], ways: Known, now: datetime) -> Expected:
    mine = [row for row in queue if row.broadcast_id == one.id]
    waiting = sum(row.waiting for row in mine)
    deferred = sum(row.deferred for row in mine)
    if one.state in ("paused", "held"):
        return Expected(one, waiting, deferred, End(None, "hold"))
    ends = []
    direct = [row for row in mine if row.is_direct]
    for row in direct:
        same = [
            other.waiting
            for other in queue
            if other.is_direct
            and (other.pool_id, other.provider_id) == (row.pool_id, row.provider_id)
            and other.broadcast_id != one.id
        ]
        recipients = pure.in_turns(row.waiting, same)
        cell = (row.pool_id, row.provider_id)
        ends.append(pure.end_of(ways.road(cell, recipients, now, is_common=row.is_common), now))
    relayed = waiting - sum(row.waiting for row in direct)
    if relayed:
        ends.append(pure.end_of(ways.relay(pure.in_turns(relayed, _relayed(queue, one.id))), now))
    end = pure.end_of_all(ends, one.rate_per_minute, waiting, now)
    return Expected(one, waiting, deferred, _after_retries(end, mine))


def _relayed(queue: Sequence[Queued], broadcast_id: int) -> list[int]:
    """What waits of each of the other broadcasts for a relay."""
    found: dict[int, int] = {}
    for row in queue:
        if not row.is_direct and row.broadcast_id != broadcast_id:
            found[row.broadcast_id] = found.get(row.broadcast_id, 0) + row.waiting
    return list(found.values())


def _after_retries(end: End, mine: Sequence[Queued]) -> End:
    """Not before those who were put off have had their next attempt."""
    bound: Bound = "retry"
    last = max((row.retry_at for row in mine if row.retry_at), default=None)
    return End(last, bound) if last and end.at and last > end.at else end
