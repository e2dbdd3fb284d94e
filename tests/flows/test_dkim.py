"""What the sending worker sends verifies at the receiver, and so do resets and their like."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import insert, text

from bench.sink import Behaviour, Received, Sink
from esp.broadcasts import move
from esp.clock import utc_now
from esp.delivery import notices
from esp.delivery.notices import Origin
from esp.delivery.sender import Sender
from esp.delivery.sender.signers import from_domain
from esp.entrypoints.tasks import broadcasts
from esp.runtime import Runtime
from esp.senders import dkim_keys
from esp.senders.dkim_records import record
from esp.senders.models import SendingDomain
from tests.factories import make_account, make_broadcast, make_contact, make_list, subscribe
from tests.flows.processes import wait_until
from tests.sendings import make_sending
from tests.signatures import signatures, verified


class Published:
    """A domain's keys and what DNS says of them."""

    def __init__(self, runtime: Runtime, account_id: int, name: str = "acme.example") -> None:
        self.runtime, self.account_id, self.name = runtime, account_id, name
        self.records: dict[str, str] = {}
        with runtime.transaction(account_id) as session:
            self.domain_id = session.scalar(
                insert(SendingDomain)
                .values(account_id=account_id, name=name)
                .returning(SendingDomain.id)
            )

    def add(self, algorithm: str) -> str:
        with self.runtime.transaction(self.account_id) as session:
            key = dkim_keys.create_key(
                session, self.account_id, self.domain_id, algorithm, self.runtime.cipher, utc_now()
            )
            shown = record(key.selector, self.name, key.algorithm, key.public_key)
            self.records[shown.name] = shown.value
            dkim_keys.mark_seen(session, self.account_id, key.id, utc_now())
        return key.selector


@pytest.fixture
def messages() -> list[Received]:
    return []


@pytest.fixture
def real(settings, runtime, messages) -> Iterator[Runtime]:
    """The product at the present time, with a recording sink as its transport."""
    with Sink(messages.extend, Behaviour(), keep=True) as sink:
        changed = settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{sink.port}"})
        real = Runtime.from_settings(changed, utc_now)
        yield real
        real.close()


def broadcast_to(real: Runtime, people: int) -> int:
    """A broadcast that is due; gives its account."""
    with real.transaction(None) as session:
        account_id = make_account(session)
        list_id = make_list(session, account_id)
        for number in range(people):
            name = "  Ünï  çode" if number % 2 else ".From a dot"
            contact = make_contact(session, account_id, first_name=name, last_name='"Quote"')
            subscribe(session, account_id, list_id, contact)
        broadcast_id = make_broadcast(session, account_id, (list_id,))
        move.schedule(session, account_id, broadcast_id, utc_now(), utc_now())
    return account_id


@pytest.mark.standard("DKIM-02")
@pytest.mark.standard("DKIM-04")
@pytest.mark.standard("DKIM-06")
@pytest.mark.standard("DKIM-07")
@pytest.mark.standard("LIST-04")
def test_every_copy_of_a_broadcast_verifies(real, messages):
    account_id = broadcast_to(real, 60)
    published = Published(real, account_id)
    published.add("rsa")
    published.add("ed25519")
    environment = os.environ | {
        "ESP_DATA_DIR": str(real.settings.data_dir),
        "ESP_DATABASE_URL": real.settings.database_url,
        "ESP_REDIS_URL": real.settings.redis_url,
        "ESP_SECRET_KEY": real.settings.secret_key,
        "ESP_SMTP_URL": real.settings.smtp_url,
    }
    command = [sys.executable, "-m", "esp.entrypoints.cli", "worker", "--sending"]
    worker = subprocess.Popen(command, env=environment)
    try:
        broadcasts.run(real, account_id)
        wait_until(lambda: len(messages) >= 60, lambda: len(messages))
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)

    assert len({one.rcpt[0] for one in messages}) == 60
    for one in messages:
        assert one.data.isascii()
        assert verified(one.data, published.records) == [True, True]
        for found in signatures(one.data):
            assert found["d"] == "acme.example"
            assert {"from", "feedback-id", "list-unsubscribe", "list-unsubscribe-post"} <= set(
                found["h"].split(":")
            )
        for name in (b"Feedback-ID", b"List-Unsubscribe", b"List-Unsubscribe-Post"):
            assert one.data.count(b"\r\n" + name + b": ") == 1


def send(real: Runtime) -> None:
    sender = Sender(real)
    sender.work(20, stop=lambda: False)
    sender.stop(2)


def test_mail_without_a_key_goes_unsigned(real, messages):
    with real.transaction(None) as session:
        sending = make_sending(session, make_account(session), 3)
    Published(real, sending.account_id, "other.example").add("rsa")
    send(real)
    assert len(messages) == 3
    assert [signatures(one.data) for one in messages] == [[], [], []]


@pytest.mark.standard("DKIM-08")
def test_who_signs_follows_the_keys(real, messages):
    with real.transaction(None) as session:
        account_id = make_account(session)
    published = Published(real, account_id)
    old = published.add("rsa")
    for selector in (old, None):
        with real.transaction(account_id) as session:
            make_sending(session, account_id, 2, prefix=str(selector))
        send(real)
        new = selector or f"{old}-2"
        assert {one["s"] for m in messages[-2:] for one in signatures(m.data)} == {new}
        published.add("rsa")
        # As after the hour that a new record is given to settle.
        with real.transaction(account_id) as session:
            session.execute(text("UPDATE dkim_keys SET seen_at = seen_at - interval '1 hour'"))
            dkim_keys.advance(session, account_id, utc_now())
    assert all(verified(one.data, published.records) == [True] for one in messages)


def test_a_notice_is_signed_for_the_domain_it_comes_from(real, messages):
    with real.transaction(None) as session:
        account_id = make_account(session)
        origin = Origin.of(real.settings, real.keyring, "Acme Ümlaut")
        for kind in ("reset", "test"):
            notices.queue(
                session,
                account_id,
                origin,
                kind=kind,
                email=f"{kind}@customers.example",
                subject="Your new password",
                text="  Here it is:\n\n.\n",
                now=utc_now(),
            )
    domain = from_domain(b"From: " + real.settings.system_from.encode() + b"\r\n\r\n")
    published = Published(real, account_id, domain)
    published.add("rsa")
    send(real)
    assert len(messages) == 2
    for one in messages:
        assert verified(one.data, published.records) == [True]
        assert signatures(one.data)[0]["d"] == domain


def test_a_notice_goes_out_even_if_its_key_cannot_be_read(real, messages):
    with real.transaction(None) as session:
        account_id = make_account(session)
        origin = Origin.of(real.settings, real.keyring)
        notices.queue(
            session, account_id, origin, kind="reset", email="a@customers.example",
            subject="Reset", text="Here", now=utc_now(),
        )  # fmt: skip
    published = Published(real, account_id, real.settings.system_from.rpartition("@")[2])
    published.add("rsa")
    with real.transaction(account_id) as session:
        session.execute(text("UPDATE dkim_keys SET private_key = 'of another installation'"))
    send(real)
    assert [signatures(one.data) for one in messages] == [[]]


@pytest.mark.parametrize(
    ("head", "domain"),
    [
        (b"From: a@Acme.example", "acme.example"),
        (b"To: b@c.example\r\nFROM:\r\n =?utf-8?q?a=40b?=\r\n <a@acme.example>", "acme.example"),
        (b'From: "x@evil.example" <a@acme.example>', "acme.example"),
        (b"To: b@c.example", ""),
    ],
)
def test_the_domain_of_from(head, domain):
    assert from_domain(head + b"\r\n\r\nFrom: x@y.example\r\n") == domain
