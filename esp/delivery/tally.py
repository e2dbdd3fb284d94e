"""What receivers answer to each account, counted by the minute and by the words of the reply."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from esp.db import enter_account
from esp.delivery import arrays
from esp.delivery.facts import OutcomeKind
from esp.delivery.pacing.wording import essence

# Different words kept of a provider to an account in a day; the rest count as one, without words.
MOST = 30
# How long all of it is kept.
KEPT = timedelta(days=90)

_ADD_MINUTES = text("""
    INSERT INTO delivery_minutes AS d
        (account_id, minute, pool_id, provider_id, sent, deferred, failed)
    SELECT :account, to_timestamp(n.minute * 60.0), n.pool, n.provider, n.sent, n.deferred, n.failed
    FROM unnest(CAST(:minutes AS bigint[]), CAST(:pools AS bigint[]), CAST(:providers AS bigint[]),
        CAST(:sent AS int[]), CAST(:deferred AS int[]), CAST(:failed AS int[]))
        AS n (minute, pool, provider, sent, deferred, failed)
    ORDER BY 2, 3, 4
    ON CONFLICT (account_id, minute, pool_id, provider_id) DO UPDATE SET
        sent = d.sent + excluded.sent, deferred = d.deferred + excluded.deferred,
        failed = d.failed + excluded.failed
""")
_ADD_REPLIES = text("""
    INSERT INTO receiver_replies AS r
        (account_id, provider_id, digest, kind, code, reply, count, first_at, last_at)
    SELECT :account, n.provider, decode(n.digest, 'hex'), n.kind, n.code, n.reply, n.count,
        to_timestamp(n.first), to_timestamp(n.last)
    FROM unnest(CAST(:providers AS bigint[]), CAST(:digests AS text[]), CAST(:kinds AS text[]),
        CAST(:codes AS int[]), CAST(:replies AS text[]), CAST(:counts AS int[]),
        CAST(:firsts AS double precision[]), CAST(:lasts AS double precision[]))
        AS n (provider, digest, kind, code, reply, count, first, last)
    ORDER BY 2, 3
    ON CONFLICT (account_id, provider_id, digest) DO UPDATE SET
        count = r.count + excluded.count, first_at = least(r.first_at, excluded.first_at),
        last_at = greatest(r.last_at, excluded.last_at)
""")
_FORGET = (
    text("DELETE FROM delivery_minutes WHERE account_id = :account AND minute < :before"),
    text("DELETE FROM receiver_replies WHERE account_id = :account AND last_at < :before"),
)


class Reply(NamedTuple):
    """The words of an answer, and who gave it."""

    provider_id: int
    kind: OutcomeKind
    code: int
    words: str

    @property
    def digest(self) -> str:
        told = f"{self.kind} {self.code} {self.words}".encode()
        return blake2b(told, digest_size=16).hexdigest()


Cell = tuple[int, int, int, int]  # account, minute since the epoch, pool, provider
Span = tuple[int, float, float]  # how often, first and last (seconds since the epoch)

_PLACES: dict[OutcomeKind, int] = {"sent": 0, "deferred": 1, "failed": 2}


class Tally:
    """In one process's memory until `flush`; what is lost with the process was only for show.

    What leaves by pool 0 counts for the account and for the installation, account 0.
    """

    def __init__(self) -> None:
        self._cells: dict[Cell, list[int]] = {}
        self._replies: dict[tuple[int, Reply], Span] = {}
        self._known: dict[tuple[int, int], set[Reply]] = {}
        self._day = 0
        self._tidied: set[int] = set()

    def __bool__(self) -> bool:
        """Whether there is something to flush."""
        return bool(self._cells)

    def add(
        self,
        account_id: int,
        pool_id: int,
        provider_id: int,
        kind: OutcomeKind,
        code: int,
        reply: str,
        at: datetime,
    ) -> None:
        """Count one outcome."""
        place = _PLACES.get(kind)
        if place is None:
            return
        seconds = at.timestamp()
        minute = int(seconds // 60)
        cell = (account_id, minute, pool_id, provider_id)
        counts = self._cells.get(cell)
        if counts is None:
            counts = self._cells[cell] = [0, 0, 0]
        counts[place] += 1
        if place:
            said = Reply(provider_id, kind, code, essence(reply))
            for heard in {account_id, account_id if pool_id else 0}:
                self._hear(heard, self._named(heard, said, minute // 1440), seconds)

    def _hear(self, account_id: int, reply: Reply, at: float) -> None:
        count, first, last = self._replies.get((account_id, reply), (0, at, at))
        self._replies[account_id, reply] = (count + 1, min(first, at), max(last, at))

    def _named(self, account_id: int, reply: Reply, day: int) -> Reply:
        """The reply, or the one that stands for all others of the day."""
        if day != self._day:
            self._day = day
            self._known.clear()
            self._tidied.clear()
        known = self._known.setdefault((account_id, reply.provider_id), set())
        if reply not in known and len(known) >= MOST:
            return reply._replace(code=0, words="")
        known.add(reply)
        return reply

    def flush(self, session: Session) -> None:
        """Add what was counted to the tables, two statements an account, in the caller's commit.

        Leaves the session in some account. Counts nothing twice and loses nothing where the
        transaction fails: it is forgotten here when it is committed.
        """
        if not self._cells:
            return
        minutes: dict[int, dict[Cell, list[int]]] = {}
        for cell, counts in self._cells.items():
            for account_id in {cell[0], cell[0] if cell[2] else 0}:
                sums = minutes.setdefault(account_id, {}).setdefault((0, *cell[1:]), [0, 0, 0])
                sums[:] = map(sum, zip(sums, counts, strict=True))
        replies: dict[int, dict[Reply, Span]] = {}
        for (account_id, reply), span in self._replies.items():
            replies.setdefault(account_id, {})[reply] = span
        for account_id in sorted(minutes):
            enter_account(session, account_id)
            _store_minutes(session, account_id, minutes[account_id])
            if account_id in replies:
                _store_replies(session, account_id, replies[account_id])
            if account_id not in self._tidied:
                self._tidied.add(account_id)
                _tidy(session, account_id, max(cell[1] for cell in minutes[account_id]))
        event.listen(session, "after_commit", self._forget, once=True)

    def _forget(self, _: Session) -> None:
        self._cells.clear()
        self._replies.clear()


def _tidy(session: Session, account_id: int, newest: int) -> None:
    before = datetime.fromtimestamp(newest * 60, UTC) - KEPT
    for statement in _FORGET:
        session.execute(statement, {"account": account_id, "before": before})


def _store_minutes(session: Session, account_id: int, minutes: dict[Cell, list[int]]) -> None:
    session.execute(
        _ADD_MINUTES,
        {
            "account": account_id,
            "minutes": arrays.numbers(cell[1] for cell in minutes),
            "pools": arrays.numbers(cell[2] for cell in minutes),
            "providers": arrays.numbers(cell[3] for cell in minutes),
            "sent": arrays.numbers(counts[0] for counts in minutes.values()),
            "deferred": arrays.numbers(counts[1] for counts in minutes.values()),
            "failed": arrays.numbers(counts[2] for counts in minutes.values()),
        },
    )


def _store_replies(session: Session, account_id: int, replies: dict[Reply, Span]) -> None:
    session.execute(
        _ADD_REPLIES,
        {
            "account": account_id,
            "providers": arrays.numbers(one.provider_id for one in replies),
            "digests": arrays.texts(one.digest for one in replies),
            "kinds": arrays.texts(one.kind for one in replies),
            "codes": arrays.numbers(one.code for one in replies),
            "replies": arrays.texts(one.words for one in replies),
            "counts": arrays.numbers(count for count, _, _ in replies.values()),
            "firsts": [first for _, first, _ in replies.values()],
            "lasts": [last for _, _, last in replies.values()],
        },
    )
