"""Notices in memory: single messages that overtake bulk, in lanes of their own."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from esp.delivery import retry
from esp.delivery.facts import NoticeOutcome
from esp.delivery.notices import Due
from esp.delivery.sender.outbox import Outbox
from esp.delivery.sender.routes import Route
from esp.delivery.settle import settle
from esp.delivery.smtp.envelope import Envelope, Outcome
from esp.runtime import Runtime


class Singles:
    """Of each lane what waits, and of all lanes what waits or is open."""

    def __init__(self, runtime: Runtime, outbox: Outbox) -> None:
        self.lanes: dict[Route, deque[Due]] = {}
        self._runtime = runtime
        self._outbox = outbox
        self._held: dict[tuple[int, int], Due] = {}

    def add(self, route: Route, due: Due) -> None:
        self.lanes.setdefault(route, deque()).append(due)
        self._held[due.account_id, due.id] = due

    def take(self, route: Route) -> Envelope | None:
        """The next to begin."""
        queue = self.lanes.get(route)
        if not queue:
            return None
        due = queue.popleft()
        # It may come from other hands than our compiler's, so the client looks at its lines.
        return Envelope(due, due.mail_from, due.email, due.message, stuffed=False)

    def settle(self, due: Due, outcome: Outcome) -> None:
        at = self._runtime.clock()
        expires_at = due.created_at + retry.NOTICE_LIFETIME
        settled = settle(outcome, due.attempts + 1, at, expires_at, random.random())
        self._outbox.add(
            NoticeOutcome(
                due.account_id,
                due.id,
                settled.kind,
                settled.code,
                settled.reply,
                at,
                settled.next_at,
            )
        )
        del self._held[due.account_id, due.id]

    def fail(self, route: Route, outcome: Outcome) -> None:
        """Nothing of a lane can begin: whatever waits has had its attempt."""
        for due in self.lanes.pop(route, ()):
            self.settle(due, outcome)

    def held(self) -> list[Due]:
        """Those that wait or are open."""
        return list(self._held.values())

    def drop(self, wanted: Callable[[Route], bool]) -> list[Due]:
        """Take back those of some lanes that have not begun."""
        dropped: list[Due] = []
        for route, queue in self.lanes.items():
            if wanted(route):
                dropped += queue
                queue.clear()
        for due in dropped:
            del self._held[due.account_id, due.id]
        return dropped
