"""The connection that hears who must not be mailed any more, and knows how old its knowledge is."""

from __future__ import annotations

import os
import time

import psycopg

from esp.db import LINE

CHANNEL = "esp_stop"


class Ear:
    """LISTENs without ever blocking after `__init__`; psycopg.OperationalError when it is cut off.

    Each empty question that PostgreSQL answers proves that everything committed before it was
    asked has been heard, since notifications come before the answer.
    """

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(
            url, autocommit=True, **{**LINE, "connect_timeout": 2}, application_name="esp ear"
        )
        self._wire = self._connection.pgconn
        asked_at = time.monotonic()
        try:
            self._connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error:
            self._connection.close()
            raise
        self._wire.nonblocking = 1
        # A second number of the socket: libpq closes its own when the connection is lost, and what
        # is opened next might get that number while somebody still watches it.
        self.fd = os.dup(self._connection.fileno())
        self._asked_at: float | None = None
        # All that was committed before this moment is heard.
        self.heard_until = asked_at

    def ask(self, now: float) -> None:
        """Have PostgreSQL confirm that nothing is withheld, unless that is being asked already."""
        if self._asked_at is None:
            self._wire.send_query(b"")
            self._wire.flush()
            self._asked_at = now

    def hear(self) -> list[str]:
        """What was said meanwhile."""
        wire = self._wire
        wire.consume_input()
        while self._asked_at is not None and not wire.is_busy():
            if wire.get_result() is None:
                self.heard_until = self._asked_at
                self._asked_at = None
        heard = []
        while (notice := wire.notifies()) is not None:
            heard.append(notice.extra.decode())
        return heard

    def close(self) -> None:
        """Only after nobody watches `fd` any more."""
        os.close(self.fd)
        self._connection.close()
