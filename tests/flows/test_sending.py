"""Real processes, a real receiver: each recipient gets the mail, once, unless they left."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from bench.sink import Behaviour, Received, Sink
from esp import lifeline
from esp.clock import utc_now
from esp.delivery import dispatches
from esp.delivery.facts import HITS, encode_unsubscribe
from esp.delivery.sender import Sender
from esp.entrypoints.run import embedded
from esp.entrypoints.run.migrate import upgrade
from esp.journal import Journal
from esp.runtime import Runtime
from tests.factories import make_account
from tests.flows.processes import wait_until
from tests.sendings import Sending, counts, make_sending, states
from tests.servers import FAST

RUNNER = """
import signal, time
from esp import config
from esp.entrypoints.tasks import send
from esp.runtime import Runtime

runtime = Runtime.from_settings(config.load())
signal.signal(signal.SIGTERM, lambda *_: send.stopping.set())
while not send.stopping.is_set():
    send.run(runtime, 0)
    send.stopping.wait(0.05)
send.finish()
"""


class Receiver:
    """A sink that remembers what it took."""

    def __init__(self) -> None:
        self.messages: list[Received] = []
        self.behaviour = Behaviour()
        self.sink = Sink(self.messages.extend, self.behaviour)

    def by_rcpt(self) -> Counter[str]:
        return Counter(one.rcpt[0] for one in list(self.messages))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.sink:
        yield receiver


@pytest.fixture
def real_runtime(settings, runtime, receiver) -> Iterator[Runtime]:
    """The product at the present time, with the receiver as its transport."""
    changed = settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{receiver.sink.port}"})
    real = Runtime.from_settings(changed, utc_now)
    yield real
    real.close()


@pytest.fixture
def start(real_runtime) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts sending processes, and ends those that are left."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(runtime: Runtime = real_runtime) -> subprocess.Popen[bytes]:
        values = runtime.settings
        environment = os.environ | {
            "ESP_DATA_DIR": str(values.data_dir),
            "ESP_DATABASE_URL": values.database_url,
            "ESP_REDIS_URL": values.redis_url,
            "ESP_SECRET_KEY": values.secret_key,
            "ESP_SMTP_URL": values.smtp_url,
        }
        process = subprocess.Popen([sys.executable, "-c", RUNNER], env=environment)
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def sending_of(runtime: Runtime, people: int, **values: object) -> Sending:
    with runtime.transaction(None) as session:
        account_id = make_account(session)
        return make_sending(session, account_id, people, **values)


def states_of(runtime: Runtime, sending: Sending) -> dict[str, int]:
    with runtime.transaction(sending.account_id) as session:
        return states(session, sending)


def test_everybody_gets_one_mail(real_runtime, receiver):
    sending = sending_of(real_runtime, 250)

    sender = Sender(real_runtime)
    sender.work(20, stop=lambda: False)
    sender.stop(2)

    assert states_of(real_runtime, sending) == {"sent": 250}
    assert set(receiver.by_rcpt().values()) == {1}
    assert len(receiver.messages) == 250
    with real_runtime.transaction(sending.account_id) as session:
        assert counts(session, sending) == {"sent": 250}
    assert [path.name for path in real_runtime.journal_folder.iterdir()] == ["host"]


def kill(process: subprocess.Popen[bytes], receiver: Receiver) -> int:
    """Kill at this moment, and say how many connections were open."""
    process.send_signal(signal.SIGSTOP)
    found = psutil.Process(process.pid).net_connections("tcp")
    process.kill()
    process.wait()
    return sum(one.raddr and one.raddr.port == receiver.sink.port for one in found)


@pytest.mark.standard("SMTP-12")
def test_killed_senders_lose_nothing_and_repeat_only_what_was_open(real_runtime, receiver, start):
    people = 5000
    sending = sending_of(real_runtime, people, batch=500)
    bound = 0
    for kill_at in (1200, 3000):
        process = start()
        wait_until(lambda at=kill_at: len(receiver.messages) >= at)
        bound += kill(process, receiver)
    process = start()
    wait_until(
        lambda: states_of(real_runtime, sending) == {"sent": people},
        lambda: states_of(real_runtime, sending),
    )
    process.terminate()
    assert process.wait(20) == 0

    got = receiver.by_rcpt()
    assert len(got) == people
    assert sum(got.values()) - people <= bound
    assert len({(one.rcpt, one.message_id) for one in receiver.messages}) == people
    with real_runtime.transaction(sending.account_id) as session:
        assert counts(session, sending) == {"sent": people}


def test_nobody_who_left_gets_an_envelope_100_ms_later(real_runtime, receiver, start):
    """200 people leave at random moments of a running broadcast."""
    receiver.behaviour.delay = 0.02
    people = 4000
    sending = sending_of(real_runtime, people, batch=500)
    chosen = random.Random(7).sample(range(people), 200)
    left: dict[str, float] = {}
    process = start()
    wait_until(lambda: len(receiver.messages) > 50)
    for number in chosen:
        contact = sending.first_contact + number
        with real_runtime.transaction(sending.account_id) as session:
            session.execute(
                text(
                    "UPDATE subscriptions SET state = 'unsubscribed'"
                    " WHERE account_id = :account AND contact_id = :contact"
                ),
                {"account": sending.account_id, "contact": contact},
            )
        left[f"p{sending.broadcast_id}-{number + 1}@customers.example"] = time.time()
        time.sleep(random.uniform(0, 0.02))
    wait_until(lambda: "queued" not in states_of(real_runtime, sending))
    process.terminate()
    process.wait(20)

    late = {
        one.rcpt[0]: one.at - left[one.rcpt[0]]
        for one in receiver.messages
        if one.rcpt[0] in left and one.at - left[one.rcpt[0]] > 0.1 + receiver.behaviour.delay
    }
    assert not late
    found = states_of(real_runtime, sending)
    assert found["sent"] == len(receiver.messages)
    assert found["skipped"] == people - found["sent"] > 50


def test_a_paused_broadcast_begins_nothing_and_goes_on_when_resumed(real_runtime, receiver, start):
    receiver.behaviour.delay = 0.02
    sending = sending_of(real_runtime, 1500, batch=500)
    start()
    wait_until(lambda: len(receiver.messages) > 50)
    with real_runtime.transaction(sending.account_id) as session:
        assert dispatches.pause(session, sending.account_id, sending.broadcast_id)
    paused_at = time.time()
    wait_until(lambda: held(real_runtime, sending) == 0)
    stopped_at = len(receiver.messages)
    assert max(one.at for one in receiver.messages) < paused_at + 0.1 + 0.05
    assert states_of(real_runtime, sending) == {"sent": stopped_at, "queued": 1500 - stopped_at}
    with real_runtime.transaction(sending.account_id) as session:
        assert dispatches.resume(session, sending.account_id, sending.broadcast_id)
    wait_until(lambda: states_of(real_runtime, sending) == {"sent": 1500})
    assert set(receiver.by_rcpt().values()) == {1}


def held(runtime: Runtime, sending: Sending) -> int:
    with runtime.transaction(sending.account_id) as session:
        return int(
            session.scalar(
                text("SELECT count(*) FROM batches WHERE broadcast_id = :id AND state = 'leased'"),
                {"id": sending.broadcast_id},
            )
            or 0
        )


class OwnServer:
    """A PostgreSQL that a test may stop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        line = self.folder / "run" / "lifeline"
        self.running = embedded.start_postgres(self.folder, line, FAST)

    def stop(self) -> None:
        self.running.stop()


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    folder = Path(tempfile.mkdtemp(prefix="esp-restart-"))
    folder.chmod(0o711)  # PostgreSQL runs as nobody when the tests run as root
    holder = lifeline.hold(folder / "run" / "lifeline")
    server = OwnServer(folder)
    yield server
    server.stop()
    os.close(holder)
    shutil.rmtree(embedded.socket_folder(folder), ignore_errors=True)
    shutil.rmtree(folder)


def test_sending_goes_on_by_itself_after_the_database_was_away(
    real_runtime, receiver, start, own_server
):
    """And somebody who left meanwhile, by way of a journal, gets nothing any more."""
    receiver.behaviour.delay = 0.01
    app, owner = embedded.database_urls(own_server.folder)
    upgrade(app, owner)
    runtime = Runtime.from_settings(
        real_runtime.settings.model_copy(update={"database_url": app}), utc_now
    )
    people = 3000
    sending = sending_of(runtime, people, batch=500)
    process = start(runtime)
    wait_until(lambda: len(receiver.messages) > 300)

    own_server.stop()
    settled: list[int] = []

    def nothing_begins() -> bool:
        settled.append(len(receiver.messages))
        return len(settled) > 3 and len(set(settled[-3:])) == 1

    wait_until(nothing_begins)
    stopped_at = settled[-1]
    door = Journal(runtime.journal_folder, HITS)
    hit = (sending.account_id, sending.broadcast_id)
    door.append(encode_unsubscribe(*hit, people, utc_now(), "one-click"))
    own_server.start()

    expected = {"sent": people - 1, "skipped": 1}
    wait_until(lambda: states_of(runtime, sending) == expected, lambda: receiver.by_rcpt())
    assert stopped_at < people
    assert len(receiver.messages) == people - 1
    assert set(receiver.by_rcpt().values()) == {1}
    assert process.poll() is None
    process.terminate()
    assert process.wait(20) == 0
    door.remove()
    runtime.close()
