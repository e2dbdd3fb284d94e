"""Senders without a wire: what they claim, begin, hear and ship is told to them step by step."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, event, select
from sqlalchemy.orm import Session, sessionmaker

from esp import journal
from esp.delivery.facts import SEND, OutcomeKind, RecipientOutcome, decode
from esp.delivery.load import Ready, Skip
from esp.delivery.models import Journal
from esp.delivery.sender.lanes import Share, Work
from esp.delivery.sender.outbox import Outbox
from esp.delivery.sender.store import Store
from esp.runtime import Runtime

CODES: dict[OutcomeKind, int] = {"sent": 250, "deferred": 451, "failed": 554}


class Crash(Exception):
    """The process ended right before a commit."""


@dataclass
class World:
    """One database, receivers that remember, and hosts that come and go."""

    runtime: Runtime
    connection: Connection
    folder: Path
    now: datetime
    account_id: int = 0
    # How many commits still succeed before the process ends; None: all.
    commits_left: int | None = None
    hosts: dict[str, Host] = field(default_factory=dict)
    # How often receivers took each recipient's mail, and how often nobody could know.
    delivered: Counter[int] = field(default_factory=Counter)
    uncertain: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.sessions = sessionmaker(self.connection, join_transaction_mode="create_savepoint")
        event.listen(self.sessions, "before_commit", self._commits)
        for name in ("one", "two"):
            self.hosts[name] = Host(self, self.folder / name)

    def _commits(self, _session: Session) -> None:
        if self.commits_left is not None:
            if not self.commits_left:
                raise Crash
            self.commits_left -= 1

    def senders(self, *, reached: bool | None = None) -> list[Sender]:
        """All that live, or those whose host is (not) cut off."""
        return [
            sender
            for host in self.hosts.values()
            if reached is None or host.reached is reached
            for sender in host.senders
        ]


class Host:
    """A machine with its journals; `reached` unless it is cut off from the database."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.reached = True
        self.senders: list[Sender] = []
        settings = world.runtime.settings
        self.runtime = replace(
            world.runtime,
            settings=settings.model_copy(
                update={"data_dir": folder, "smtp_url": "smtp://127.0.0.1:25"}
            ),
            sessions=world.sessions,
            clock=lambda: world.now,
        )

    def start(self) -> None:
        self.senders.append(Sender(self))

    def lose(self) -> None:
        """It never comes back; another bears its name."""
        for seq in [*self.unshipped(), *(seq for one in self.senders for seq in one.open)]:
            self.world.uncertain[seq] += 1
        for sender in list(self.senders):
            sender.kill()
        shutil.rmtree(self.folder / "journals", ignore_errors=True)
        self.reached = True

    def unshipped(self) -> list[int]:
        """Of whom a journal says what the database does not know."""
        found = []
        folder = self.runtime.journal_folder
        for name in journal.names(folder, SEND):
            with self.runtime.transaction(self.world.account_id) as session:
                offset = session.scalar(select(Journal.offset).where(Journal.name == name)) or 0
            facts = [decode(one.fact) for one in journal.read(folder, name, offset, 1000)]
            found += [one.seq for one in facts if isinstance(one, RecipientOutcome)]
        return found

    def reach(self) -> None:
        """The line is mended: each ships, and reads its work anew."""
        self.reached = True
        for sender in self.senders:
            sender.connect()


class Sender:
    """A sending process as `esp.delivery.sender` puts one together, its loop left out."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.world = host.world
        self.outbox = Outbox(host.runtime)
        self.store = Store(host.runtime, self.outbox.name)
        self.shares: list[Share] = []
        self.open: dict[int, tuple[Work, Ready]] = {}
        # Open for longer than the line was cut: others may have them by now.
        self.stale: set[int] = set()
        self.connect()

    def connect(self) -> None:
        self.stale |= set(self.open)
        self.drop()
        self.outbox.ship()
        self.store.inherit()

    def waiting(self) -> Iterator[Ready]:
        for share in self.shares:
            yield from share.waiting

    def take(self) -> None:
        """Claim something and load it."""
        taken = self.store.take(self.world.account_id, [], [])
        self.shares += [share for _route, share in taken.shares]
        for work, skips in taken.works:
            self._skip(work, skips)
            self._leave_if_over(work)

    def begin(self) -> int | None:
        """The seq of an envelope that begins now; None: there is nothing."""
        self.shares = [share for share in self.shares if share.waiting]
        if not self.shares:
            return None
        share = self.shares[0]
        ready = share.take()
        share.work.open += 1
        self.open[ready.seq] = (share.work, ready)
        return ready.seq

    def hear(self, seq: int, kind: OutcomeKind) -> None:
        """The receiver's final reply."""
        work, _ready = self.open.pop(seq)
        self.stale.discard(seq)
        if kind == "sent":
            self.world.delivered[seq] += 1
        now = self.world.now
        later = now + timedelta(minutes=30) if kind == "deferred" else None
        claim = work.claim
        self.outbox.add(
            RecipientOutcome(
                claim.account_id, claim.broadcast_id, seq, kind, CODES[kind], "", "", now, later
            )
        )
        work.open -= 1
        self._leave_if_over(work)

    def drop(self) -> None:
        """Begin nothing more of what is in memory."""
        for work in {id(share.work): share.work for share in self.shares}.values():
            if work.waiting:
                work.drop()
                self._leave_if_over(work)
        self.shares.clear()

    def judge_again(self, contact_id: int) -> None:
        """Somebody left."""
        for share in self.shares:
            doubtful = [one.seq for one in share.waiting if one.contact_id == contact_id]
            if not doubtful:
                continue
            judged = self.store.look_again(share.work, doubtful)
            kept = [one for one in share.waiting if one.contact_id != contact_id]
            share.keep([*kept, *(one for one in judged if isinstance(one, Ready))])
            self._skip(share.work, [one for one in judged if isinstance(one, Skip)])
            self._leave_if_over(share.work)

    def kill(self) -> None:
        """At any moment; replies that nobody read may have said anything."""
        self.outbox.journal.close()
        self.host.senders.remove(self)

    def _skip(self, work: Work, skips: list[Skip]) -> None:
        for one in skips:
            self.outbox.skip(work, one.seq, one.reason, self.world.now)

    def _leave_if_over(self, work: Work) -> None:
        if work.over:
            self.outbox.leave(work)
