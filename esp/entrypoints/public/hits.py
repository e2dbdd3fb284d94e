"""What this process hears at the public door: written down at once, shipped a moment later."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from esp.delivery import facts, shipping
from esp.journal import Journal
from esp.runtime import Runtime

log = logging.getLogger(__name__)

SHIP_SECONDS = 0.25
# How often journals of dead processes are looked for, and how long a broken database is left alone.
SWEEP_SECONDS = 10.0
PATIENCE_SECONDS = 2.0
# Those who wait for an answer share a processor with this thread: it takes a quarter of it at
# most, and what a rush leaves in the journal is shipped after it.
REST = 3.0


class Hits:
    """The process's journal of hits, and the thread that ships it; made anew after a fork."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = threading.Lock()
        self._process = 0
        self._journal: Journal | None = None
        self._shipped = 0
        self._swept_at = 0.0
        self._worked = 0.0
        self._closed = threading.Event()
        self._start()

    def note(self, fact: bytes) -> None:
        """Keep the fact for good, before the answer: in the journal, else in the database."""
        try:
            with self._lock:
                self._writer().append(fact)
        except OSError:
            log.exception("The journal takes no more; writing to the database instead")
            with self._runtime.transaction(None) as session:
                shipping.store(session, [facts.decode(fact)])

    def ship(self) -> None:
        """Ship what is new; the thread does it several times a second."""
        journal = self._journal
        if journal is not None and self._process == os.getpid():
            if journal.end > self._shipped:
                reached = shipping.ship_file(self._paced, journal.folder, journal.name)
                self._shipped = max(self._shipped, reached)
                with self._lock:
                    journal.shipped(reached)
            # Not under the lock: nobody's answer waits for the disk.
            journal.sync_due(time.monotonic())

    def sweep(self) -> None:
        """Ship what dead processes of this host left."""
        shipping.ship_hits(self._paced, self._runtime.journal_folder)

    def step(self) -> float:
        """One round of the thread; seconds to wait before the next."""
        try:
            self.ship()
            if time.monotonic() - self._swept_at >= SWEEP_SECONDS:
                self._swept_at = time.monotonic()
                self.sweep()
        except (SQLAlchemyError, OSError) as error:
            log.warning("Hits wait in the journal until the database is back: %s", error)
            return PATIENCE_SECONDS
        return SHIP_SECONDS

    def close(self) -> None:
        """Ship the rest, and give the journal up; another process ships what is left of it."""
        self._closed.set()
        self._thread.join()
        with self._lock:
            if self._journal is None:
                return
            try:
                journal = self._journal
                shipping.ship_file(self._runtime.transaction, journal.folder, journal.name)
            except SQLAlchemyError:
                self._journal.close()
            else:
                self._journal.remove()
            self._journal = None

    @contextmanager
    def _paced(self, account_id: None) -> Iterator[Session]:
        """A transaction; before it, a rest in proportion to the work of the last one."""
        self._closed.wait(self._worked * REST)
        begun = time.thread_time()
        try:
            with self._runtime.transaction(account_id) as session:
                yield session
        finally:
            self._worked = time.thread_time() - begun

    def _writer(self) -> Journal:
        if self._process != os.getpid():
            self._start()
        if self._journal is None:
            self._journal = Journal(self._runtime.journal_folder, facts.HITS)
            self._shipped = 0
        return self._journal

    def _start(self) -> None:
        # A journal belongs to one process, and a fork takes no threads along.
        self._process = os.getpid()
        self._journal = None
        self._thread = threading.Thread(
            target=_run, args=(weakref.ref(self), self._closed), name="hits", daemon=True
        )
        self._thread.start()


def _run(reference: weakref.ref[Hits], closed: threading.Event) -> None:
    """Ship for as long as anybody holds the door."""
    process = os.getpid()
    pause = 0.0
    while not closed.wait(pause):
        hits = reference()
        if hits is None or os.getpid() != process:
            return
        pause = hits.step()
        del hits
