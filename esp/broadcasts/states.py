"""(pure) The states of a broadcast and the moves that are legal between them."""

from __future__ import annotations

from typing import Literal, get_args

from esp.errors import N_

State = Literal[
    "draft",
    "scheduled",
    "preparing",
    "sending",
    "paused",
    "sent",
    "cancelled",
    "held",
    "failed",
]
Move = Literal[
    "schedule",
    "unschedule",
    "start",
    "send",
    "pause",
    "resume",
    "cancel",
    "hold",
    "fail",
    "finish",
    "retry",
]

STATES: tuple[State, ...] = get_args(State)

# Where a move may begin; `resume` leads back to where the pause or hold began.
FROM: dict[Move, tuple[State, ...]] = {
    "schedule": ("draft",),
    "unschedule": ("scheduled",),
    "start": ("scheduled",),
    "send": ("preparing",),
    "pause": ("preparing", "sending"),
    "resume": ("paused", "held"),
    "cancel": ("scheduled", "preparing", "sending", "paused", "held"),
    "hold": ("preparing", "sending"),
    "fail": ("scheduled", "preparing"),
    "finish": ("sending",),
    "retry": ("sent",),
}
TO: dict[Move, State] = {
    "schedule": "scheduled",
    "unschedule": "draft",
    "start": "preparing",
    "send": "sending",
    "pause": "paused",
    "cancel": "cancelled",
    "hold": "held",
    "fail": "failed",
    "finish": "sent",
    "retry": "sending",
}
# Nothing changes any more, unless somebody asks for another try.
FINAL: frozenset[State] = frozenset(("sent", "cancelled", "failed"))

# A whole sentence each, so that every language can build its own.
NOT_NOW: dict[State, str] = {
    "draft": N_("The broadcast is still a draft, so this can't be done now."),
    "scheduled": N_("The broadcast is scheduled, so this can't be done now."),
    "preparing": N_("The broadcast is being prepared, so this can't be done now."),
    "sending": N_("The broadcast is being sent, so this can't be done now."),
    "paused": N_("The broadcast is paused, so this can't be done now."),
    "sent": N_("The broadcast is sent, so this can't be done any more."),
    "cancelled": N_("The broadcast is cancelled, so this can't be done any more."),
    "held": N_("The broadcast is on hold, so this can't be done now."),
    "failed": N_("The broadcast has failed, so this can't be done any more."),
}


def moves(state: State) -> tuple[Move, ...]:
    """The moves that are legal in `state`."""
    return tuple(move for move, begins in FROM.items() if state in begins)
