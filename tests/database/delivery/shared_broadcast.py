"""A broadcast that two hosts send, what must hold of it at any moment, and how it ends."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from esp.broadcasts import audience
from esp.broadcasts.models import Broadcast
from esp.clock import utc_now
from esp.delivery import dispatches, ledger
from esp.delivery.states import OPEN, may_move
from esp.runtime import Runtime
from tests.database.delivery.senders import Host, Sender, World
from tests.factories import make_account, make_broadcast, make_contact, make_list, subscribe
from tests.sendings import CONTENT, plan_settings

PEOPLE = 16


def email_of(number: int) -> str:
    """Two providers take turns."""
    return f"p{number}@{('gmail.com', 'customers.example')[number % 2]}"


class SharedBroadcast(RuleBasedStateMachine):
    """`state` is what people want of it, `gone` are those who left or are suppressed."""

    runtime: Runtime

    @initialize()
    def set_up(self) -> None:
        self.connection = self.runtime.engine.connect()
        self.outer = self.connection.begin()
        self.folder = tempfile.TemporaryDirectory(prefix="esp-machine-")
        # Later than the database's own start, which gives owners a minute.
        now = utc_now() + timedelta(days=1)
        self.world = World(self.runtime, self.connection, Path(self.folder.name), now)
        self.known: dict[int, str] = {}
        self.state = "open"
        self.written = False
        self.gone: set[str] = set()
        with self.world.sessions() as session, session.begin():
            self._make_broadcast(session)
        self.write_people(6)
        for host in ("one", "one", "two"):
            self.world.hosts[host].start()

    def _make_broadcast(self, session: Session) -> None:
        self.account_id = self.world.account_id = make_account(session)
        list_id = make_list(session, self.account_id)
        for number in range(PEOPLE):
            email = email_of(number)
            subscribe(
                session,
                self.account_id,
                list_id,
                make_contact(session, self.account_id, email=email),
            )
        self.broadcast_id = make_broadcast(session, self.account_id, (list_id,), state="sending")
        session.execute(
            update(Broadcast)
            .where(Broadcast.id == self.broadcast_id)
            .values(started_at=audience.database_time(session))
        )
        dispatches.open_dispatch(
            session,
            self.account_id,
            self.broadcast_id,
            content=CONTENT,
            settings=plan_settings(self.account_id, self.broadcast_id),
            data={"account": {"postal_address": "1 Main Street"}},
            include_list_ids=[list_id],
            tracking="all",
        )

    def write_people(self, size: int) -> None:
        with self.transaction() as session:
            found = audience.write_chunk(
                session, self.account_id, self.broadcast_id, size, self.world.now
            )
        self.written = found.finished

    def begin_one(self, sender: Sender) -> bool:
        seq = sender.begin()
        if seq is None:
            return False
        assert self.state == "open"
        ready = sender.open[seq][1]
        assert ready.email not in self.gone
        return True

    # -- what must always hold ----------------------------------------------------------------

    @invariant()
    def states_move_as_the_table_says(self) -> None:
        now = self.states()
        for seq, state in now.items():
            before = self.known.get(seq, "queued")
            assert before == state or may_move(before, state), (seq, before, state)  # type: ignore[arg-type]  # held by a constraint
        assert set(self.known) <= set(now)
        self.known = now

    @invariant()
    def nobody_has_two_owners(self) -> None:
        held = Counter(
            seq
            for sender in self.world.senders(reached=True)
            for seq in [*(set(sender.open) - sender.stale), *(one.seq for one in sender.waiting())]
        )
        assert all(number == 1 for number in held.values()), held

    @invariant()
    def nothing_is_repeated_but_what_nobody_could_know(self) -> None:
        for seq, number in self.world.delivered.items():
            assert number <= 1 + self.world.uncertain[seq], seq

    @invariant()
    def deferrals_and_counts_follow_the_ledger(self) -> None:
        states = self.states()
        with self.transaction() as session:
            values = {"account": self.account_id, "broadcast": self.broadcast_id}
            waiting = session.scalars(
                text(
                    "SELECT seq FROM deferrals"
                    " WHERE account_id = :account AND broadcast_id = :broadcast"
                ),
                values,
            ).all()
            counted = session.execute(
                text(
                    "SELECT name, count FROM broadcast_counts WHERE count <> 0"
                    " AND account_id = :account AND broadcast_id = :broadcast"
                    " AND name IN ('sent', 'failed', 'deferred', 'skipped')"
                ),
                values,
            ).all()
        assert set(waiting) == {seq for seq, state in states.items() if state == "deferred"}
        assert dict(counted) == Counter(s for s in states.values() if s != "queued")

    # -- the end ------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._finish()
        finally:
            for sender in self.world.senders():
                sender.kill()
            self.outer.rollback()
            self.connection.close()
            self.folder.cleanup()

    def _finish(self) -> None:
        """However it was left, it goes on by itself until everybody has an end."""
        for host in self.world.hosts.values():
            if not host.reached:
                host.reach()
        while not self.written:
            self.write_people(PEOPLE)
        if self.state == "paused":
            self.resume()
        if not self.world.senders():
            self.world.hosts["one"].start()
        for _ in range(12):
            self.time_passes(40)
            for sender in self.world.senders():
                sender.store.inherit()
                for seq in list(sender.open):
                    sender.hear(seq, "sent")
                sender.take()
                while self.begin_one(sender):
                    pass
                for seq in list(sender.open):
                    sender.hear(seq, "sent")
                sender.outbox.ship()
            self._skip_if_stopped()
        self.states_move_as_the_table_says()
        self.deferrals_and_counts_follow_the_ledger()
        self.nothing_is_repeated_but_what_nobody_could_know()
        self._everybody_has_an_end()

    def _skip_if_stopped(self) -> None:
        if self.state == "stopped":
            with self.transaction() as session:
                where = (session, self.account_id, self.broadcast_id)
                ledger.skip_rest(*where, "cancelled", self.world.now, 100)

    def _everybody_has_an_end(self) -> None:
        with self.transaction() as session:
            assert ledger.is_through(session, self.account_id, self.broadcast_id)
        assert len(self.known) >= PEOPLE - len(self.gone)
        assert not set(OPEN) & set(self.known.values())
        for seq, state in self.known.items():
            number = self.world.delivered[seq]
            if state == "sent":
                assert number
            elif number:
                assert self.world.uncertain[seq], (seq, state)

    # -- what rules need ----------------------------------------------------------------------

    def transaction(self) -> AbstractContextManager[Session]:
        return self.world.hosts["one"].runtime.transaction(self.account_id)

    def states(self) -> dict[int, str]:
        with self.transaction() as session:
            rows = session.execute(
                text(
                    "SELECT seq, state FROM recipients"
                    " WHERE account_id = :account AND broadcast_id = :broadcast"
                ),
                {"account": self.account_id, "broadcast": self.broadcast_id},
            )
            return dict(rows.all())

    def host_of(self, which: int) -> Host:
        return list(self.world.hosts.values())[which % 2]

    def sender_of(self, which: int) -> Sender | None:
        senders = self.world.senders(reached=True)
        return senders[which % len(senders)] if senders else None
