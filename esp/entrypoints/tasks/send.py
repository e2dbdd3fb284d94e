"""Sends: one slice of one loop over all accounts, again and again while something is due."""

from __future__ import annotations

import gc
import logging
import threading

import redis

from esp.delivery.sender import Sender
from esp.entrypoints.tasks import wake
from esp.runtime import Runtime

log = logging.getLogger(__name__)

SLICE_SECONDS = 20.0
# Within dramatiq's time for shutting down.
STOP_SECONDS = 2.0

# Set when the worker is told to shut down: its signals go to the main thread, we run in another.
stopping = threading.Event()

# Of objects that a collector looks at: so many more than before, and it looks at the young ones.
_YOUNG, _MIDDLE, _OLD = 20_000, 20, 50

# Kept from slice to slice, with its connections and what they are waiting for.
_sender: Sender | None = None


def run(runtime: Runtime, account_id: int) -> None:
    """Send whatever is due, of any account: `account_id` only says who asked."""
    global _sender
    calm_collector()
    sender = _sender or Sender(runtime)
    _sender = None
    try:
        while not stopping.is_set():
            sender.work(SLICE_SECONDS, stopping.is_set)
            if not sender.busy:
                break
            if _woken(runtime):
                _sender = sender
                return
        sender.stop(STOP_SECONDS)
    except BaseException:
        sender.close()
        raise


def calm_collector() -> None:
    """Look for circles seldom, and never among what was imported; once in a process.

    Thousands of recipients wait in memory and none is in a circle, but each look goes through all
    of them: it took a fifteenth of the time.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def finish() -> None:
    """Stop a sender that was kept for a slice that will not come; after the worker's threads."""
    global _sender
    sender, _sender = _sender, None
    if sender is not None:
        sender.stop(STOP_SECONDS)


def _woken(runtime: Runtime) -> bool:
    """Whether a message for the next slice is on its way; without Valkey this slice goes on."""
    if stopping.is_set():
        return False
    try:
        runtime.redis.ping()
    except redis.RedisError as error:
        log.warning("Valkey can't be reached, so sending goes on without it: %s", error)
        return False
    wake(runtime, "send", 0)
    return True
