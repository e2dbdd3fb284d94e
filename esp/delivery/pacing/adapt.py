"""(pure) What replies teach about a pool at a provider: slower at once, faster step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from esp.delivery.pacing.limits import Limits
from esp.delivery.pacing.reaction import Reaction

# Times are seconds since the epoch: they are compared for each message.
FLOOR = 1 / 16
STEP = 1 / 16
# A step up needs so many successes and so much time since the last change.
ENOUGH = 5
STEP_SECONDS = 30.0
# What was begun before the last lesson teaches nothing new.
SAME_SECONDS = 30.0
FIRST_PAUSE = 60.0
LONGEST = 12 * 3600.0
# A probe that nobody answered for so long is as good as none; another process may try.
PROBE_SECONDS = 120.0
# Where no rate is set, the share is a part of this one.
NOMINAL_PER_MINUTE = 6000.0
_CAPPED_SHARE = 1 / 8
_MOST_PAUSES = 20

_N = TypeVar("_N", int, float)
Probe = Literal["none", "granted", "begun"]


@dataclass(frozen=True, slots=True)
class State:
    """The learnt columns of a pace; `paused_until` stays set until a probe has succeeded.

    The last three are this process's own: the probe it may try or has begun, successes since the
    last step, and complaints in a row that did not suffice yet.
    """

    share: float = 1.0
    cap_per_minute: float | None = None
    cap_connections: int | None = None
    cap_until: float = 0.0
    paused_until: float = 0.0
    pauses: int = 0
    reason: str = ""
    reply: str = ""
    is_held: bool = False
    changed_at: float = 0.0
    probe: Probe = "none"
    successes: int = 0
    strikes: int = 0


FREE = State()


def may_begin(state: State, now: float) -> float:
    """0 if a message may begin; else when to ask again (infinity: when a person lifts it)."""
    if state.is_held:
        return math.inf
    if not state.paused_until or (state.probe == "granted" and now < state.paused_until):
        return 0.0
    return max(state.paused_until, now + 0.05)


def wants_probe(state: State, now: float) -> bool:
    """Whether the pause is over and somebody should try one message."""
    return bool(state.paused_until) and now >= state.paused_until and not state.is_held


def granted(state: State, until: float) -> State:
    """This process may try one message; the others wait until `until`."""
    return replace(state, probe="granted", paused_until=until)


def begun(state: State) -> State:
    """A message has begun: of a probe there is only one."""
    return replace(state, probe="begun") if state.probe == "granted" else state


def allowed(limits: Limits, state: State, now: float) -> Limits:
    """What is left of the limits at present."""
    if state.share >= 1 and state.cap_until <= now and not state.paused_until:
        return limits
    rate = limits.rate_per_minute
    if state.share < 1:
        rate = (rate or NOMINAL_PER_MINUTE) * state.share
    connections = max(1, int(limits.connections * state.share))
    if state.paused_until:
        connections = 1
    if state.cap_until > now:
        if state.cap_per_minute is not None:
            rate = min(rate or math.inf, state.cap_per_minute)
        if state.cap_connections is not None:
            connections = min(connections, state.cap_connections)
    return Limits(connections, limits.messages_per_connection, rate)


def after_outcome(
    state: State, reaction: Reaction, now: float, chance: float, reply: str = ""
) -> State:
    """The state after one outcome; `chance` in [0, 1) spreads pauses. The same object: no news."""
    if reaction.is_success:
        return _succeeded(state, now)
    if reaction.teaches:
        return _slowed(state, reaction, now, chance, reply)
    if reaction.scope == "recipient" and state.probe == "begun":
        # It refused one person: it talks to us again.
        return _lifted(state, now)
    return state


def _succeeded(state: State, now: float) -> State:
    if state.is_held:
        return state
    if state.paused_until:
        # What was begun before the pause says nothing about its end.
        return _lifted(state, now) if state.probe == "begun" else state
    if state.share >= 1:
        return replace(state, strikes=0) if state.strikes else state
    successes = state.successes + 1
    early = now < state.changed_at + STEP_SECONDS or state.cap_until > now
    if early or successes < ENOUGH:
        return replace(state, successes=successes, strikes=0)
    share = min(1.0, state.share + STEP)
    if share >= 1:
        return State(changed_at=now)
    return replace(state, share=share, changed_at=now, successes=0, strikes=0)


def _lifted(state: State, now: float) -> State:
    return replace(state, paused_until=0.0, probe="none", changed_at=now, successes=0, strikes=0)


def _slowed(state: State, reaction: Reaction, now: float, chance: float, reply: str) -> State:
    probed = state.probe == "begun" and reaction.scope in ("provider", "stream")
    strikes = state.strikes + 1
    if strikes < reaction.after and not probed:
        return replace(state, strikes=strikes)
    if state.is_held:
        return state
    told = replace(state, reason=reaction.reason, reply=reply, successes=0, strikes=0)
    if reaction.holds:
        return replace(told, is_held=True, changed_at=now)
    if state.paused_until and not probed:
        return state
    # A burst of equal replies is one lesson; another kind of reply is another.
    same = now < state.changed_at + SAME_SECONDS and state.reason == reaction.reason
    if same and not probed:
        return state
    factor = 2.0 ** min(state.pauses, _MOST_PAUSES) if reaction.doubles else 1.0
    if reaction.pause is not None:
        return _paused(told, reaction.pause.total_seconds() * factor, reaction.spread, now, chance)
    if probed or (reaction.slows and state.share <= FLOOR):
        length = FIRST_PAUSE * 2.0 ** min(state.pauses, _MOST_PAUSES)
        return _paused(told, length, reaction.spread, now, chance)
    if reaction.cap_for is not None:
        return _capped(told, reaction, reaction.cap_for.total_seconds() * factor, now, chance)
    return replace(told, share=max(FLOOR, state.share / 2), changed_at=now)


def _paused(state: State, length: float, spread: float, now: float, chance: float) -> State:
    return replace(
        state,
        share=FLOOR,
        paused_until=now + min(LONGEST, length) * (1 + spread * chance),
        pauses=state.pauses + 1,
        changed_at=now,
        probe="none",
    )


def _capped(state: State, reaction: Reaction, length: float, now: float, chance: float) -> State:
    live = state.cap_until > now
    return replace(
        state,
        share=max(FLOOR, min(state.share / 2, _CAPPED_SHARE)),
        cap_per_minute=_least(state.cap_per_minute if live else None, reaction.cap_per_minute),
        cap_connections=_least(state.cap_connections if live else None, reaction.cap_connections),
        cap_until=max(state.cap_until, now + min(LONGEST, length) * (1 + chance / 4)),
        pauses=state.pauses + 1,
        changed_at=now,
    )


def stricter(one: State, other: State, now: float) -> State:
    """What two processes have learnt, together: never looser than either; nobody's probe."""
    live = [state for state in (one, other) if state.cap_until > now]
    last = max(one, other, key=lambda state: (state.is_held, state.changed_at, state.reason))
    return State(
        share=min(one.share, other.share),
        cap_per_minute=_least(*(state.cap_per_minute for state in live)),
        cap_connections=_least(*(state.cap_connections for state in live)),
        cap_until=max(one.cap_until, other.cap_until),
        paused_until=max(one.paused_until, other.paused_until),
        pauses=max(one.pauses, other.pauses),
        reason=last.reason,
        reply=last.reply,
        is_held=one.is_held or other.is_held,
        changed_at=max(one.changed_at, other.changed_at),
    )


def refreshed(mine: State, stored: State) -> State:
    """What the database says, with what only this process knows."""
    same_pause = mine.paused_until == stored.paused_until
    return replace(
        stored,
        probe=mine.probe if same_pause else "none",
        successes=mine.successes,
        strikes=mine.strikes,
    )


def is_news(old: State, new: State) -> bool:
    """Whether the database must know."""
    return new is not old and _kept(old) != _kept(new)


def _kept(state: State) -> State:
    return replace(state, probe="none", successes=0, strikes=0)


def _least(*values: _N | None) -> _N | None:
    known = [value for value in values if value is not None]
    return min(known, default=None)
