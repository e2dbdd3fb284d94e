"""Moves a broadcast from state to state, each time by an UPDATE that says where it may begin."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, update
from sqlalchemy.orm import Session

from esp.broadcasts.compose import get
from esp.broadcasts.message import examine
from esp.broadcasts.models import Broadcast
from esp.broadcasts.states import FROM, NOT_NOW, TO, Move, moves
from esp.delivery import dispatches
from esp.errors import N_, Invalid, Refused


def _not_now(broadcast: Broadcast) -> Refused:
    return Refused(NOT_NOW[broadcast.state])  # type: ignore[index]  # held by a constraint


def _move(session: Session, account_id: int, broadcast_id: int, move: Move, **values: Any) -> None:
    """Refused unless the broadcast is where `move` may begin; of two at once, one wins."""
    values.setdefault("state", TO.get(move))
    moved = session.scalar(
        update(Broadcast)
        .where(
            Broadcast.account_id == account_id,
            Broadcast.id == broadcast_id,
            Broadcast.state.in_(FROM[move]),
        )
        .values(updated_at=func.now(), **values)
        .returning(Broadcast.id)
    )
    broadcast = get(session, account_id, broadcast_id)
    session.refresh(broadcast)
    if moved is None:
        raise _not_now(broadcast)


def schedule(
    session: Session,
    account_id: int,
    broadcast_id: int,
    send_at: datetime,
    now: datetime,
    *,
    smtp_url: str = "",
) -> Broadcast:
    """Refused with all reasons when the message may not go out as it is; Invalid for the past.

    `smtp_url` as in `examine`.
    """
    broadcast = get(session, account_id, broadcast_id)
    if "schedule" not in moves(broadcast.state):  # type: ignore[arg-type]  # held by a constraint
        raise _not_now(broadcast)
    if send_at < now - timedelta(minutes=1):
        raise Invalid(N_("This time is in the past."), "send_at")
    blockers = examine(session, broadcast, smtp_url=smtp_url).blockers
    if blockers:
        raise NotReady(blockers)
    _move(session, account_id, broadcast_id, "schedule", send_at=max(send_at, now))
    return broadcast


class NotReady(Refused):
    """`problems` are what must be mended first; the text is the first of them."""

    def __init__(self, problems: tuple[Any, ...]) -> None:
        self.problems = problems
        super().__init__(problems[0].text, **problems[0].values)


def unschedule(session: Session, account_id: int, broadcast_id: int) -> None:
    """Back to a draft: the undo of `send now`, while it has not begun."""
    _move(session, account_id, broadcast_id, "unschedule", send_at=None)


def pause(session: Session, account_id: int, broadcast_id: int) -> None:
    """Senders hear of it at commit and begin no further envelope."""
    _move(
        session,
        account_id,
        broadcast_id,
        "pause",
        paused_from=Broadcast.state,
    )
    dispatches.pause(session, account_id, broadcast_id)


def hold(session: Session, account_id: int, broadcast_id: int, reason: str) -> None:
    """Like a pause, by the system, with the reason shown."""
    _move(
        session, account_id, broadcast_id, "hold", paused_from=Broadcast.state, hold_reason=reason
    )
    dispatches.pause(session, account_id, broadcast_id)


def resume(session: Session, account_id: int, broadcast_id: int) -> None:
    """Go on where it was."""
    _move(
        session,
        account_id,
        broadcast_id,
        "resume",
        state=Broadcast.paused_from,
        paused_from=None,
        hold_reason="",
    )
    dispatches.resume(session, account_id, broadcast_id)


def cancel(session: Session, account_id: int, broadcast_id: int, now: datetime) -> None:
    """No further envelope; a worker then marks those not sent as skipped."""
    _move(
        session,
        account_id,
        broadcast_id,
        "cancel",
        # What was never started has nothing to tidy up.
        finished_at=case((Broadcast.started_at.is_(None), now)),
    )
    dispatches.stop(session, account_id, broadcast_id)


def fail(session: Session, account_id: int, broadcast_id: int, reason: str, now: datetime) -> None:
    """It could not be started; the reason is shown."""
    _move(session, account_id, broadcast_id, "fail", hold_reason=reason, finished_at=now)


def start(session: Session, account_id: int, broadcast_id: int, started_at: datetime) -> bool:
    """Whether this call started it."""
    try:
        _move(session, account_id, broadcast_id, "start", started_at=started_at)
    except Refused:
        return False
    return True


def send(session: Session, account_id: int, broadcast_id: int) -> None:
    """The first messages may go; harmless when it is sending already."""
    session.execute(
        update(Broadcast)
        .where(
            Broadcast.account_id == account_id,
            Broadcast.id == broadcast_id,
            Broadcast.state.in_(FROM["send"]),
        )
        .values(state=TO["send"], updated_at=func.now())
    )


def finish(session: Session, account_id: int, broadcast_id: int, now: datetime) -> bool:
    """Whether this call finished it."""
    try:
        _move(session, account_id, broadcast_id, "finish", finished_at=now)
    except Refused:
        return False
    return True


def reopen(session: Session, account_id: int, broadcast_id: int) -> None:
    """From sent back to sending, because some recipients are tried again."""
    _move(session, account_id, broadcast_id, "retry", finished_at=None)
