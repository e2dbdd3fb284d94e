"""(pure) What is on its way, and when it will be through."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Say

from esp.entrypoints.api.shapes.parts import Id, Out, Time

Bound = Literal["speed", "limit", "warm_up", "pause", "hold", "rate", "retry"]
_WHAT_BOUNDS = (
    "What keeps it from being faster: the speed that was measured lately, limits, a warm-up, a"
    " pause, a hold that a person must lift, the broadcast's own rate, another try."
)


class Standing(Out):
    """What holds mail to a provider up."""

    kind: Literal["held", "stopped", "paused", "slowed", "warming", "free"] = Say(
        description="held: a person paused it; stopped: a reply did, until a person lifts it."
    )
    reason: str = Say(examples=["rate"])
    reply: str = Say(description="The receiver's words.", examples=["421 4.7.28 unusual rate"])
    until: Time | None = Say(description="End of a pause, or of lower limits.")
    is_common: bool = Say(description="Whether it holds for everybody on this installation.")


class HourOfProvider(Out):
    """What a provider answered in the last hour."""

    sent: int
    deferred: int
    failed: int
    per_minute: float = Say(description="Messages a minute it takes now.")


class ProviderLine(Out):
    """A provider as one pool of addresses sees it."""

    provider: str = Say(examples=["google"])
    pool_id: int | None = Say(description="null: the usual addresses.")
    waiting: int
    deferred: int = Say(description="Put off; they are tried again.")
    waiting_since: Time | None
    last_hour: HourOfProvider
    standing: Standing
    warm_up_allowance: int | None = Say(description="Messages of today's step of a warm-up.")
    warm_up_sent: int


class BroadcastOnItsWay(Out):
    """A broadcast that has begun, and when it is expected to be through."""

    broadcast_id: Id
    name: str
    state: str
    waiting: int
    deferred: int
    ends_at: Time | None = Say(description="null: not before a person lets it go on.")
    bound: Bound = Say(description=_WHAT_BOUNDS)


class ReplyCount(Out):
    """A text that receivers answer with, without its numbers, names and addresses."""

    provider: str
    kind: Literal["deferred", "failed"]
    code: int = Say(examples=[421])
    text: str = Say(description="Empty: others, in too many different words.")
    count: int
    first_at: Time
    last_at: Time


class Delivery(Out):
    """What is on its way at this moment."""

    broadcasts: list[BroadcastOnItsWay]
    providers: list[ProviderLine]
    replies: list[ReplyCount] = Say(description="Of the last day, the latest first.")


class FunnelCounts(Out):
    """Who would get it; each person counts once."""

    matched: int = Say(description="People on the lists.")
    duplicates: int = Say(description="How often somebody is on one more of the lists.")
    pending: int
    unsubscribed: int
    no_address: int
    suppressed: int
    excluded: int
    final: int


class ForecastPart(Out):
    """What goes to one provider."""

    provider: str = Say(examples=["google"])
    recipients: int
    ends_at: Time | None
    bound: Bound


class Forecast(Out):
    """What sending a broadcast would come to under today's limits."""

    broadcast_id: Id
    audience: FunnelCounts
    starts_at: Time = Say(description="Now, or the time it is scheduled for.")
    ends_at: Time | None = Say(description="null: not before a person lifts a hold.")
    bound: Bound = Say(description=_WHAT_BOUNDS)
    is_direct: bool = Say(
        description="Whether it goes straight to the receivers; by a relay, its parts share it."
    )
    providers: list[ForecastPart]
