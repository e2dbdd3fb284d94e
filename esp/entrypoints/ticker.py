"""Starts what is due, and wakes again what a lost message left behind. Two of them do no harm."""

from __future__ import annotations

import logging
import signal
import threading
import time
from datetime import datetime, timedelta

import psycopg
import redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from esp.accounts import idempotency, links
from esp.delivery import shipping
from esp.entrypoints.tasks import TASKS, wake
from esp.runtime import Runtime

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5
_REST = (1.0, 10.0)
# Lets one of several tickers do the work; that it is one is never relied on.
_LOCK = 7274116
_CHORES_SECONDS = 3600.0
_JOURNALS_KEPT = timedelta(days=30)
_ANSWERS_KEPT = timedelta(days=7)
_LINKS_KEPT = timedelta(days=30)

# Kinds of due work as the database names them, and the task that each wakes.
_KINDS = {
    "broadcasts": "broadcasts",
    "active": "broadcasts",
    "sending": "send",
    "imports": "imports",
    "inbound": "inbound",
    "domains": "domains",
}
# A queue with more messages than this has been told enough.
_ENOUGH = 100

_Trouble = (DBAPIError, PoolTimeout, psycopg.OperationalError, redis.RedisError)


class Ticker:
    """Looks again and again; whatever fails is tried again later."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._chores_at = float("-inf")

    def tick(self) -> None:
        """One look."""
        shipping.ship_hits(self._runtime.transaction, self._runtime.journal_folder)
        with self._runtime.transaction(None) as session:
            if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
                return
            due = self._due(session)
            if time.monotonic() - self._chores_at >= _CHORES_SECONDS:
                self._chores(session)
                self._chores_at = time.monotonic()
        waiting = {name: self._waiting(name) for name, _ in due}
        for name, account_id in due:
            if waiting[name] < self._enough(name):
                wake(self._runtime, name, account_id)
                waiting[name] += 1

    def _due(self, session: Session) -> list[tuple[str, int]]:
        found: dict[tuple[str, int], None] = {}
        for kind, name in _KINDS.items():
            account_ids = session.scalars(
                text("SELECT accounts_with_due(:kind, :now)"),
                {"kind": kind, "now": self._runtime.clock()},
            )
            found.update(((name, account_id), None) for account_id in account_ids)
        return list(found)

    def _waiting(self, name: str) -> int:
        """How many messages wait in the task's queue."""
        return int(self._runtime.redis.llen(f"dramatiq:{TASKS[name].queue}"))

    def _enough(self, name: str) -> int:
        # A sending process looks after all accounts, so one message for each is plenty.
        return self._runtime.settings.sending_workers if name == "send" else _ENOUGH

    def _chores(self, session: Session) -> None:
        now = self._runtime.clock()
        for moment in (now, now + timedelta(days=31)):
            session.execute(text("SELECT make_event_partition(:moment)"), {"moment": moment})
        session.execute(
            # Of a journal that lives on, nothing is shipped yet: no fact comes twice.
            text("DELETE FROM journals WHERE shipped_offset = 0 AND updated_at < :old"),
            {"old": now - _JOURNALS_KEPT},
        )
        links.forget(session, now - _LINKS_KEPT)
        self._forget_answers(session, now - _ANSWERS_KEPT)

    def _forget_answers(self, session: Session, old: datetime) -> None:
        account_ids = session.scalars(
            text("SELECT accounts_with_due('answers', :old)"), {"old": old}
        ).all()
        for account_id in account_ids:
            with self._runtime.transaction(account_id) as of_account:
                idempotency.forget(of_account, account_id, old)


def run(runtime: Runtime) -> None:
    """Tick until SIGTERM or SIGINT."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    keep_ticking(runtime, stopped)


def keep_ticking(runtime: Runtime, stopped: threading.Event) -> None:
    """Tick until `stopped`; a database or Valkey that is away is waited for."""
    ticker = Ticker(runtime)
    rest = _REST[0]
    while not stopped.is_set():
        try:
            ticker.tick()
        except _Trouble as error:
            log.warning("Waiting for the servers: %s", str(error).partition("\n")[0])
            stopped.wait(rest)
            rest = min(_REST[1], rest * 2)
        else:
            rest = _REST[0]
            stopped.wait(TICK_SECONDS)
