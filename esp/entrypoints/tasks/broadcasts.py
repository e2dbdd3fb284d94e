"""Takes an account's broadcasts a step further: start, write the audience, finish, tidy up."""

from __future__ import annotations

import logging

from esp.broadcasts import audience, freeze, move, notify, queries, tidy
from esp.entrypoints.tasks import wake
from esp.entrypoints.tasks.receivers import Receivers
from esp.errors import Error
from esp.runtime import Runtime

log = logging.getLogger(__name__)


def run(runtime: Runtime, account_id: int) -> None:
    """Each step is a transaction of its own, and harmless when another worker does it too."""
    with runtime.transaction(account_id) as session:
        due = queries.due(session, account_id, runtime.clock())
    for broadcast_id in due:
        _start(runtime, account_id, broadcast_id)
    with runtime.transaction(account_id) as session:
        active = [
            (b.id, b.state, b.snapshot_finished_at) for b in queries.active(session, account_id)
        ]
    for broadcast_id, state, written_at in active:
        if state == "cancelled":
            _tidy(runtime, account_id, broadcast_id)
        elif written_at is None:
            _write_audience(runtime, account_id, broadcast_id)
        else:
            _finish(runtime, account_id, broadcast_id)


def _start(runtime: Runtime, account_id: int, broadcast_id: int) -> None:
    try:
        with runtime.transaction(account_id) as session:
            # Whichever clock is ahead: subscriptions bear the times of both.
            moment = max(audience.database_time(session), runtime.clock())
            if move.start(session, account_id, broadcast_id, moment):
                broadcast = queries.one(session, account_id, broadcast_id)
                freeze.freeze(session, runtime.settings, broadcast, moment)
    except Error as error:
        # Something changed since it was scheduled: the postal address, a list, the template's tags.
        log.warning("broadcast %s could not start: %s", broadcast_id, error)
        with runtime.transaction(account_id) as session:
            move.fail(session, account_id, broadcast_id, str(error), runtime.clock())
            notify.tell_creator(
                session,
                runtime.settings,
                runtime.keyring,
                account_id,
                broadcast_id,
                runtime.clock(),
            )
        wake(runtime, "send", account_id)


def _write_audience(runtime: Runtime, account_id: int, broadcast_id: int) -> None:
    receivers = Receivers(runtime, account_id, broadcast_id)
    for size in audience.sizes():
        receivers.look_up(size)
        with runtime.transaction(account_id) as session:
            progress = audience.write_chunk(
                session, account_id, broadcast_id, size, runtime.clock()
            )
            if progress.written:
                move.send(session, account_id, broadcast_id)
        wake(runtime, "send", account_id)
        if progress.finished:
            break
    _finish(runtime, account_id, broadcast_id)


def _finish(runtime: Runtime, account_id: int, broadcast_id: int) -> None:
    with runtime.transaction(account_id) as session:
        if queries.has_work_left(session, account_id, broadcast_id):
            return
        # An audience of nobody never began to send.
        move.send(session, account_id, broadcast_id)
        if move.finish(session, account_id, broadcast_id, runtime.clock()):
            notify.tell_creator(
                session,
                runtime.settings,
                runtime.keyring,
                account_id,
                broadcast_id,
                runtime.clock(),
            )
    wake(runtime, "send", account_id)


def _tidy(runtime: Runtime, account_id: int, broadcast_id: int) -> None:
    done = False
    while not done:
        with runtime.transaction(account_id) as session:
            step = tidy.skip_rest(session, account_id, broadcast_id, runtime.clock())
            if step is tidy.Step.waiting:
                return
            done = step is tidy.Step.done
            if done:
                tidy.close(session, account_id, broadcast_id, runtime.clock())
