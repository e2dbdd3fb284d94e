"""The lines of the delivery pages: all that is known of each pool at each provider, as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from esp.delivery.overview import Activity, Cell, Queued, Way, Wishes
from esp.delivery.sums import ProviderSum

# `held`: a person paused it; `stopped`: a reply did, until a person lifts it.
Kind = Literal["held", "stopped", "paused", "slowed", "warming", "free"]
_ORDER: tuple[Kind, ...] = ("held", "stopped", "paused", "slowed", "warming", "free")


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds mail up; `is_common`: the installation's whole way, for everybody.

    `until` of a pause or of caps. The words of a reply are told only to those who caused it.
    """

    kind: Kind
    reason: str = ""
    reply: str = ""
    until: datetime | None = None
    is_common: bool = False


FREE = Standing("free")
QUIET = Activity()


@dataclass(frozen=True, slots=True)
class Line:
    """A provider as one pool sees it; `activity` of the last hour."""

    pool_id: int
    provider_id: int
    provider: str
    waiting: int = 0
    deferred: int = 0
    since: datetime | None = None
    is_common: bool = False
    activity: Activity = QUIET
    standing: Standing = FREE
    allowance: int | None = None
    sent_today: int = 0


def standing_of(way: Way, now: datetime, *, is_common: bool = False) -> Standing:
    """What one row of paces says; `is_common` leaves out the words of replies."""
    state = way.state
    reply = "" if is_common else state.reply

    def told(kind: Kind, until: float = 0.0) -> Standing:
        moment = datetime.fromtimestamp(until, UTC) if until else None
        return Standing(kind, state.reason, reply, moment, is_common)

    if state.is_held:
        return told("held" if state.reason == "person" else "stopped")
    if state.paused_until:
        return told("paused", state.paused_until)
    capped = state.cap_until if state.cap_until > now.timestamp() else 0.0
    if capped or state.share < 1:
        return told("slowed", capped)
    if way.allowance is not None:
        return Standing("warming", is_common=is_common)
    return FREE


def strictest(found: Iterable[Standing]) -> Standing:
    """Of several the one that holds up most; of two pauses the longer."""
    return min(found, key=_strictness, default=FREE)


def _strictness(one: Standing) -> tuple[int, float]:
    return _ORDER.index(one.kind), -one.until.timestamp() if one.until else 0.0


def lines(
    queue: Iterable[Queued],
    activity: Mapping[Cell, Activity],
    own: Mapping[Cell, Way],
    common: Mapping[Cell, Way],
    names: Mapping[int, str],
    now: datetime,
) -> list[Line]:
    """Those with something to see, those with most waiting first."""
    queued: dict[Cell, list[Queued]] = {}
    for row in queue:
        queued.setdefault((row.pool_id, row.provider_id), []).append(row)
    cells = {*queued, *activity, *(cell for cell, way in own.items() if _is_of_note(way, now))}
    found = []
    for cell in cells:
        rows = queued.get(cell, [])
        line = Line(
            *cell,
            names.get(cell[1], ""),
            sum(row.waiting for row in rows),
            sum(row.deferred for row in rows),
            min((row.since for row in rows), default=None),
            any(row.is_common for row in rows),
            activity.get(cell, QUIET),
        )
        found.append(_with_ways(line, own.get(cell), common.get(cell), now))
    return sorted(found, key=lambda line: (-line.waiting, -line.deferred, line.provider))


def common_lines(
    sums: Sequence[ProviderSum], common: Mapping[Cell, Way], now: datetime
) -> list[Line]:
    """For the installation: the sums of all accounts, and what its own way may do."""
    known = {one.provider_id for one in sums}
    found = [
        Line(0, s.provider_id, s.provider, s.waiting, s.deferred, s.since, True, s.activity)
        for s in sums
    ]
    found += [
        Line(0, way.key.provider_id, way.provider)
        for way in common.values()
        if way.key.provider_id not in known and _is_of_note(way, now)
    ]
    return [_with_ways(line, common.get((0, line.provider_id)), None, now) for line in found]


def _with_ways(line: Line, own: Way | None, common: Way | None, now: datetime) -> Line:
    told = [standing_of(own, now)] if own else []
    # The installation's way says nothing about mail that leaves another way.
    if common and line.is_common:
        told.append(standing_of(common, now, is_common=True))
    warm = own if own and own.allowance is not None else None
    return replace(
        line,
        standing=strictest(told),
        allowance=warm.allowance if warm else None,
        sent_today=warm.sent_today if warm else 0,
    )


def _is_of_note(way: Way, now: datetime) -> bool:
    return standing_of(way, now).kind != "free" or way.wishes != Wishes()
