"""A sending process, and receivers that misbehave: what the ledger says of each recipient."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from bench.conversation import Received
from bench.sink import Sink
from esp.clock import utc_now
from esp.delivery.sender import Sender
from esp.runtime import Runtime
from esp.senders.transports import TransportSettings, add_transport
from tests.doors.smtp import scripts
from tests.doors.smtp.parties import Scripted, make_certificate
from tests.factories import make_account
from tests.flows.processes import wait_until
from tests.sendings import Sending, make_sending

RUNNER = """
import signal
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
PEOPLE = 3
CROWD = 400

# The first connection is like this, all later ones are good; what becomes of three recipients.
# The one begun behind another shares its connection's end, if it was begun so early.
BEHIND = "deferred or sent"
FATES = {
    "greylists": (scripts.greylist, ("deferred", "sent", "sent")),
    "421": (scripts.hello_and_421, ("sent", "deferred", BEHIND)),
    "closes after DATA": (scripts.take_one, ("deferred", BEHIND, "sent")),
    "wordy": (scripts.wordy, ("failed", "sent", "sent")),
    "malformed": (scripts.malformed, ("deferred", BEHIND, "sent")),
    "over-long": (scripts.over_long, ("deferred", BEHIND, "sent")),
    "no extension": (scripts.helo_only, ("sent", "sent", "sent")),
    "resets in DATA": (scripts.reset_in_the_body, ("deferred", BEHIND, "sent")),
    "too early": (scripts.early_at_data, ("deferred", BEHIND, "sent")),
    "one octet at a time": (scripts.one_octet_at_a_time, ("sent", "sent", "sent")),
}
# These hold what they were given until the process ends.
HELD = {
    "stalls at the greeting": (scripts.hold, ("queued", "queued", "queued")),
    "stalls at RCPT": (scripts.stall_at_rcpt, ("deferred", "queued", "queued")),
    "stalls after the dot": (scripts.stall_after_dot, ("deferred", "deferred or queued", "queued")),
}


def fits(found: list[str], expected: tuple[str, ...]) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(state in states.split(" or ") for state, states in pairs)


@pytest.fixture
def real_runtime(settings, runtime) -> Iterator[Runtime]:
    """The product at the present time."""
    real = Runtime.from_settings(settings, utc_now)
    yield real
    real.close()


class Account:
    """One account with a transport and a broadcast for each receiver."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        with runtime.transaction(None) as session:
            self.id = make_account(session)

    def send_to(self, port: int, people: int = PEOPLE, tls: str = "starttls") -> Sending:
        with self.runtime.transaction(self.id) as session:
            settings = TransportSettings(
                name=f"port {port}", host="127.0.0.1", port=port, tls=tls, max_connections=1
            )
            cipher = self.runtime.cipher
            transport_id = add_transport(session, self.id, settings, cipher, secure=False)
            return make_sending(session, self.id, people, transport_id=transport_id)

    def states(self, sending: Sending) -> list[str]:
        return [state for state, _ in self.replies(sending)]

    def replies(self, sending: Sending) -> list[tuple[str, str]]:
        """State and reply of each recipient, in the order of the broadcast."""
        with self.runtime.transaction(self.id) as session:
            rows = session.execute(
                text(
                    "SELECT state, reply FROM recipients WHERE account_id = :account"
                    " AND broadcast_id = :broadcast ORDER BY seq"
                ),
                {"account": self.id, "broadcast": sending.broadcast_id},
            )
            return [(row.state, row.reply) for row in rows]


def begin(runtime: Runtime, log: Path) -> subprocess.Popen[bytes]:
    values = runtime.settings
    environment = os.environ | {
        "ESP_DATA_DIR": str(values.data_dir),
        "ESP_DATABASE_URL": values.database_url,
        "ESP_REDIS_URL": values.redis_url,
        "ESP_SECRET_KEY": values.secret_key,
    }
    with log.open("wb") as file:
        return subprocess.Popen([sys.executable, "-c", RUNNER], env=environment, stderr=file)


@pytest.mark.standard("SMTP-10")
@pytest.mark.standard("SMTP-12")
@pytest.mark.standard("THR-04")
def test_each_recipient_ends_up_in_the_right_state(real_runtime, tmp_path):
    account = Account(real_runtime)
    got: list[Received] = []
    changing = scripts.with_starttls(make_certificate(tmp_path, "mx.example"), scripts.only_this)
    with ExitStack() as stack:

        def play(*played: scripts.Script) -> int:
            return stack.enter_context(Scripted(*played, scripts.well_behaved)).port

        settled = {name: account.send_to(play(script)) for name, (script, _) in FATES.items()}
        settled["changes"] = account.send_to(play(changing))
        held = {
            name: account.send_to(stack.enter_context(Scripted(script)).port)
            for name, (script, _) in HELD.items()
        }
        refused = account.send_to(play(changing, changing), tls="required")
        good = account.send_to(stack.enter_context(Sink(got.extend)).port, CROWD)
        expected = {name: states for name, (_, states) in FATES.items()}
        expected["changes"] = ("sent", "sent", "sent")
        process = begin(real_runtime, tmp_path / "log")
        try:
            wait_until(
                lambda: (
                    set(account.states(good)) == {"sent"}
                    and all(
                        fits(account.states(settled[name]), expected[name]) for name in expected
                    )
                ),
                lambda: {name: account.states(one) for name, one in settled.items()},
            )
            # The rest is still held, and who shows the wrong certificate got nothing.
            assert all("queued" in account.states(one) for one in held.values())
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()

    found = {name: account.states(one) for name, one in held.items()}
    assert {name for name in HELD if not fits(found[name], HELD[name][1])} == set(), found
    assert set(account.states(refused)) == {"queued"}
    assert set(Counter(one.rcpt[0] for one in got).values()) == {1}
    assert "had to wait" not in (tmp_path / "log").read_text()


@pytest.mark.standard("EAI-01")
def test_international_recipients(real_runtime):
    account = Account(real_runtime)
    got: list[Received] = []
    with Sink(got.extend, keep=True) as sink, Scripted(scripts.well_behaved) as old:
        new, other = account.send_to(sink.port), account.send_to(old.port)
        with real_runtime.transaction(account.id) as session:
            for table in ("recipients", "contacts"):
                session.execute(text(f"UPDATE {table} SET email = replace(email, '-2@', '-é@')"))
        sender = Sender(real_runtime)
        sender.work(20, stop=lambda: False)
        sender.stop(2)

    assert account.states(new) == ["sent", "sent", "sent"]
    [letter] = [one for one in got if not one.rcpt[0].isascii()]
    assert letter.rcpt[0].encode() in letter.data
    assert [(state, reply[:5]) for state, reply in account.replies(other)] == [
        ("sent", "ok"),
        ("failed", "5.6.7"),
        ("sent", "ok"),
    ]
