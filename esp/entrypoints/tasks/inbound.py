"""Works off what came back to an account, one message after the other."""

from __future__ import annotations

import logging

from sqlalchemy.exc import DataError, IntegrityError

from esp.returns.apply import apply, finish, next_new
from esp.runtime import Runtime

log = logging.getLogger(__name__)


def run(runtime: Runtime, account_id: int) -> None:
    """Until nothing waits; two at once share the work."""
    while _one(runtime, account_id):
        pass


def _one(runtime: Runtime, account_id: int) -> bool:
    """Whether there was a message."""
    message_id = 0
    try:
        with runtime.transaction(account_id) as session:
            message = next_new(session, account_id)
            if message is None:
                return False
            message_id = message.id
            verdict = apply(session, message, runtime.clock())
            log.info("message %s that came back: %s", message_id, verdict)
    except (DataError, IntegrityError):
        # It would fail for ever, and keep all others from being read.
        log.exception("message %s that came back can't be applied", message_id)
        with runtime.transaction(account_id) as session:
            message = next_new(session, account_id)
            if message is not None and message.id == message_id:
                finish(session, message, "other", {"error": True})
    return True
