"""Whatever happens, in whatever order: nobody is lost, and no state moves illegally."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.delivery import dispatches
from esp.delivery.facts import OutcomeKind
from esp.suppression import suppress as suppression
from tests.database.delivery.senders import Crash, Sender
from tests.database.delivery.shared_broadcast import PEOPLE, SharedBroadcast, email_of

REPLIES: tuple[OutcomeKind, ...] = ("sent", "sent", "deferred", "failed")
pick = st.integers(0, 5)
replies = st.lists(st.sampled_from(REPLIES), min_size=1, max_size=9)
some = st.lists(st.booleans(), min_size=PEOPLE, max_size=PEOPLE)


class Delivery(SharedBroadcast):
    """What senders do, what happens to them and what people want, in any order."""

    # -- what the product does ----------------------------------------------------------------

    @precondition(lambda self: not self.written)
    @rule(size=st.integers(1, 9))
    def write_chunk(self, size: int) -> None:
        self.write_people(size)

    @rule(which=pick)
    def start_sender(self, which: int) -> None:
        host = self.host_of(which)
        if host.reached and len(host.senders) < 2:
            host.start()

    @rule(which=pick, number=st.integers(0, 5))
    def work(self, which: int, number: int) -> None:
        if sender := self.sender_of(which):
            sender.take()
            for _ in range(number):
                self.begin_one(sender)

    @rule(which=pick, kinds=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=5))
    def hear(self, which: int, kinds: list[OutcomeKind]) -> None:
        # Replies reach a host that the database does not.
        senders = [sender for sender in self.world.senders() if sender.open]
        if senders:
            sender = senders[which % len(senders)]
            for kind, seq in zip(kinds, sorted(sender.open), strict=False):
                sender.hear(seq, kind)

    @rule(which=pick, kinds=replies)
    def send(self, which: int, kinds: list[OutcomeKind]) -> None:
        """All of it in order, as it mostly goes."""
        if sender := self.sender_of(which):
            self._send(sender, kinds)
            sender.outbox.ship()

    def _send(self, sender: Sender, kinds: list[OutcomeKind]) -> None:
        sender.take()
        for kind in kinds:
            if self.begin_one(sender):
                sender.hear(max(sender.open), kind)

    @rule(which=pick)
    def ship(self, which: int) -> None:
        if sender := self.sender_of(which):
            sender.outbox.ship()

    @rule(which=pick)
    def inherit(self, which: int) -> None:
        if sender := self.sender_of(which):
            sender.store.inherit()

    # -- what happens to it -------------------------------------------------------------------

    @rule(which=pick, taken=some)
    def kill_sender(self, which: int, taken: list[bool]) -> None:
        senders = self.world.senders()
        if senders:
            self._kill(senders[which % len(senders)], taken)

    @rule(which=pick, kinds=replies, taken=some, commits=st.integers(0, 2))
    def kill_while_it_ships(
        self, which: int, kinds: list[OutcomeKind], taken: list[bool], commits: int
    ) -> None:
        if sender := self.sender_of(which):
            self._send(sender, kinds)
            self._work_until(commits, sender.outbox.ship)
            self._kill(sender, taken)

    @rule(which=pick, taken=some, commits=st.integers(0, 3))
    def kill_while_it_inherits(self, which: int, taken: list[bool], commits: int) -> None:
        if sender := self.sender_of(which):
            self._work_until(commits, sender.store.inherit)
            self._kill(sender, taken)

    def _work_until(self, commits: int, work: Callable[[], None]) -> None:
        self.world.commits_left = commits
        with suppress(Crash):
            work()
        self.world.commits_left = None

    def _kill(self, sender: Sender, taken: list[bool]) -> None:
        self._unread(sender, taken)
        sender.kill()

    def _unread(self, sender: Sender, taken: list[bool]) -> None:
        """Of what is open, the receiver has taken some, and nobody will know."""
        for seq in sender.open:
            self.world.uncertain[seq] += 1
            self.world.delivered[seq] += taken[seq % PEOPLE]

    @rule(which=pick, taken=some)
    def lose_host(self, which: int, taken: list[bool]) -> None:
        host = self.host_of(which)
        for sender in host.senders:
            for seq in sender.open:
                self.world.delivered[seq] += taken[seq % PEOPLE]
        host.lose()

    @rule(which=pick)
    def cut_off(self, which: int) -> None:
        self.host_of(which).reached = False

    @rule(which=pick)
    def mend(self, which: int) -> None:
        host = self.host_of(which)
        if not host.reached:
            host.reach()

    @rule(minutes=st.sampled_from((2, 40)))
    def time_passes(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)
        for sender in self.world.senders(reached=True):
            sender.store.renew({self.account_id}, [])
        for host in self.world.hosts.values():
            if not host.reached:
                # What others take over now may have been delivered.
                held = [seq for one in host.senders for seq in one.open]
                self.world.uncertain.update([*held, *host.unshipped()])

    # -- what people want ---------------------------------------------------------------------

    @precondition(lambda self: self.state == "open")
    @rule()
    def pause(self) -> None:
        self._stop("paused", dispatches.pause)

    @precondition(lambda self: self.state == "paused")
    @rule()
    def resume(self) -> None:
        with self.transaction() as session:
            assert dispatches.resume(session, self.account_id, self.broadcast_id)
        self.state = "open"

    @precondition(lambda self: self.written and len(self.gone) > 2 and self.state != "stopped")
    @rule()
    def cancel(self) -> None:
        self._stop("stopped", dispatches.stop)

    def _stop(self, state: str, move: Callable[[Session, int, int], bool]) -> None:
        with self.transaction() as session:
            assert move(session, self.account_id, self.broadcast_id)
        self.state = state
        for sender in self.world.senders(reached=True):
            sender.drop()

    @rule(number=st.integers(0, PEOPLE - 1), by_hand=st.booleans())
    def leave(self, number: int, by_hand: bool) -> None:
        email = email_of(number)
        with self.transaction() as session:
            contact_id = session.scalar(
                text("SELECT id FROM contacts WHERE account_id = :account AND email = :email"),
                {"account": self.account_id, "email": email},
            )
            if by_hand:
                suppression.suppress(session, self.account_id, email, "manual")
            else:
                session.execute(
                    text(
                        "UPDATE subscriptions SET state = 'unsubscribed'"
                        " WHERE account_id = :account AND contact_id = :contact"
                    ),
                    {"account": self.account_id, "contact": contact_id},
                )
        self.gone.add(email)
        for sender in self.world.senders(reached=True):
            sender.judge_again(contact_id)


def test_nobody_is_lost_and_nothing_moves_illegally(runtime):
    class Machine(Delivery):
        pass

    Machine.runtime = runtime
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=30, stateful_step_count=40, deadline=None)
    )
