"""One sender in this process against a receiver that does more than take."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from bench.sink import Behaviour, Received, Sink
from esp.clock import utc_now
from esp.delivery import notices
from esp.delivery.notices import Origin
from esp.delivery.sender import Sender
from esp.runtime import Runtime
from tests.factories import make_account
from tests.sendings import Sending, counts, make_sending, states


class Receiver:
    """A sink that remembers what it took."""

    def __init__(self) -> None:
        self.messages: list[Received] = []
        self.behaviour = Behaviour()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def real_runtime(settings, runtime, receiver) -> Iterator[Runtime]:
    """The product at the present time, with the receiver as its transport."""
    with Sink(receiver.messages.extend, receiver.behaviour) as sink:
        changed = settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{sink.port}"})
        real = Runtime.from_settings(changed, utc_now)
        yield real
        real.close()


def send(runtime: Runtime, seconds: float = 20, until: Callable[[], bool] = lambda: False) -> None:
    sender = Sender(runtime)
    sender.work(seconds, stop=until)
    sender.stop(2)


def sending_of(runtime: Runtime, people: int, **values) -> Sending:
    with runtime.transaction(None) as session:
        return make_sending(session, make_account(session), people, **values)


def states_of(runtime: Runtime, sending: Sending) -> dict[str, int]:
    with runtime.transaction(sending.account_id) as session:
        return states(session, sending)


def test_refused_and_deferred_recipients_do_not_stop_the_others(settings, runtime):
    messages: list[Received] = []
    behaviour = Behaviour(defer_every=7, fail=r"-(11|22)@")
    with Sink(messages.extend, behaviour) as sink:
        changed = settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{sink.port}"})
        real = Runtime.from_settings(changed, utc_now)
        sending = sending_of(real, 100)
        send(real)
        found = states_of(real, sending)
        with real.transaction(sending.account_id) as session:
            counted = counts(session, sending)
            waits = session.scalars(text("SELECT next_at - now() FROM deferrals")).all()
            owners = session.scalars(text("SELECT owner FROM deferrals")).all()
            suppressed = session.scalars(text("SELECT email FROM suppressions")).all()
            failed = session.execute(
                text("SELECT code, reply, reason, attempts FROM recipients WHERE state = 'failed'")
            ).all()
        real.close()
    assert found == counted
    assert found["sent"] == len(messages)
    assert found["deferred"] == 14
    assert set(owners) == {None}
    assert min(waits) > timedelta(minutes=29)
    assert set(failed) == {(550, "5.1.1 no such user", "invalid", 1)}
    assert all(re.search(behaviour.fail, email) for email in suppressed)
    assert len(suppressed) == found["failed"]


def test_a_deferred_recipient_is_sent_when_its_time_has_come(real_runtime, receiver):
    sending = sending_of(real_runtime, 30)
    with real_runtime.transaction(sending.account_id) as session:
        session.execute(
            text("UPDATE recipients SET state = 'deferred', attempts = 1 WHERE seq = 5")
        )
        session.execute(
            text(
                "INSERT INTO deferrals (account_id, broadcast_id, seq, provider_id, next_at,"
                " expires_at) VALUES (:account, :broadcast, 5, 1, now(), now() + interval '1 day')"
            ),
            {"account": sending.account_id, "broadcast": sending.broadcast_id},
        )
    send(real_runtime)
    assert states_of(real_runtime, sending) == {"sent": 30}
    assert len(receiver.messages) == 30
    with real_runtime.transaction(sending.account_id) as session:
        assert session.scalar(text("SELECT count(*) FROM deferrals")) == 0


def test_a_notice_overtakes_a_broadcast(real_runtime, receiver):
    receiver.behaviour.delay = 0.05
    sending = sending_of(real_runtime, 1000, batch=1000)
    origin = Origin.of(real_runtime.settings, real_runtime.keyring)
    sender = Sender(real_runtime)
    sender.work(20, stop=lambda: len(receiver.messages) > 30)
    with real_runtime.transaction(sending.account_id) as session:
        notices.queue(
            session, sending.account_id, origin, kind="reset", email="ana@acme.example",
            subject="Reset", text="Here: {{ link }}\n", data={"link": "x"}, now=utc_now(),
        )  # fmt: skip
    sender.work(
        20, stop=lambda: any(one.rcpt == ("ana@acme.example",) for one in receiver.messages)
    )
    taken = len(receiver.messages)
    sender.stop(2)
    assert taken < 600
    with real_runtime.transaction(sending.account_id) as session:
        assert session.execute(text("SELECT state, message FROM notices")).one() == ("sent", b"")
        assert session.scalar(text("SELECT count(*) FROM batches WHERE state = 'leased'")) == 0


def test_the_rate_of_a_broadcast_is_kept_and_delays_no_other(real_runtime, receiver):
    slow = sending_of(real_runtime, 100, batch=50, rate=600, prefix="slow")
    with real_runtime.transaction(slow.account_id) as session:
        make_sending(session, slow.account_id, 200, prefix="fast")
    send(real_runtime, seconds=3)
    times = [one.at for one in receiver.messages if one.rcpt[0].startswith("slow")]
    fast = [one.at for one in receiver.messages if one.rcpt[0].startswith("fast")]
    assert len(fast) == 200
    assert max(fast) < times[0] + 2
    assert 10 <= len(times) <= 32
    # Ten a second, and what a busy machine may make up for of the last quarter of one.
    assert all(later - sooner > 1 for sooner, later in zip(times, times[13:], strict=False))


def test_accounts_take_turns(real_runtime, receiver):
    receiver.behaviour.delay = 0.01
    large = sending_of(real_runtime, 2000, batch=500, prefix="large")
    small = sending_of(real_runtime, 50, prefix="small")
    done = lambda: sum(one.rcpt[0].startswith("small") for one in receiver.messages) == 50  # noqa: E731  # a name for a condition
    send(real_runtime, until=done)
    assert done()
    assert len(receiver.messages) < 1000
    assert states_of(real_runtime, small) == {"sent": 50}
    assert states_of(real_runtime, large)["queued"] > 1000


def test_with_a_full_disk_outcomes_go_to_the_database_first(real_runtime, receiver):
    sending = sending_of(real_runtime, 60)
    sender = Sender(real_runtime)
    journal = sender._outbox.journal
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._file)
    os.close(full)
    sender.work(20, stop=lambda: False)
    assert states_of(real_runtime, sending) == {"sent": 60}
    sender.stop(2)
    assert len(receiver.messages) == 60


def test_a_broadcast_without_transport_waits(settings, runtime):
    real = Runtime.from_settings(settings, utc_now)
    sending = sending_of(real, 10)
    send(real, seconds=2)
    assert states_of(real, sending) == {"queued": 10}
    with real.transaction(sending.account_id) as session:
        assert session.scalar(text("SELECT count(*) FROM batches WHERE state = 'ready'")) == 1
    real.close()
