"""The local mailbox keeps what our senders send, and nothing else."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import threading
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from esp.clock import utc_now
from esp.delivery.plan.urls import return_path
from esp.delivery.return_path import notice_token
from esp.delivery.sender import Sender
from esp.entrypoints import mailbox
from esp.mailbox import queries
from esp.mailbox.models import MailboxMessage
from esp.runtime import Runtime
from esp.tokens import recipient_token
from tests.factories import make_account
from tests.sendings import make_sending, states


@pytest.fixture
def real_runtime(settings, runtime) -> Iterator[Runtime]:
    """The product with a running mailbox."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    changed = settings.model_copy(update={"mailbox_bind": f"127.0.0.1:{port}"})
    real = Runtime.from_settings(changed, utc_now)
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(mailbox.serve(real, stopped),))
    thread.start()
    yield real
    loop.call_soon_threadsafe(stopped.set)
    thread.join()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    real.close()


def connect(runtime: Runtime) -> smtplib.SMTP:
    host, _, port = runtime.settings.mailbox_bind.rpartition(":")
    for _ in range(50):
        try:
            return smtplib.SMTP(host, int(port), timeout=10)
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
    raise AssertionError("the mailbox does not listen")


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ana Souza <ana@acme.example>"
    message["Subject"] = "Grüße aus Köln, und noch viel mehr, was nicht in eine Zeile passt"
    message.set_content("Hello")
    return message


def test_a_broadcast_goes_to_the_mailbox(real_runtime):
    connect(real_runtime).quit()
    with real_runtime.transaction(None) as session:
        sending = make_sending(session, make_account(session), 120)

    sender = Sender(real_runtime)
    sender.work(20, stop=lambda: False)
    sender.stop(2)

    with real_runtime.transaction(sending.account_id) as session:
        assert states(session, sending) == {"sent": 120}
        kept = session.scalars(select(MailboxMessage).order_by(MailboxMessage.seq)).all()
        assert [one.seq for one in kept] == list(range(1, 121))
        assert kept[4].subject == "Hello N5"
        assert kept[4].sender == "Acme <news@acme.example>"
        page = queries.messages(session, sending.account_id, limit=50)
        rest = queries.messages(session, sending.account_id, before=page.before, limit=100)
        assert (len(page.messages), len(rest.messages), rest.before) == (50, 70, None)
        found = queries.messages(session, sending.account_id, search="N77")
        assert [one.rcpt_to for one in found.messages] == [kept[76].rcpt_to]


def test_it_belongs_to_the_account_that_the_return_path_names(real_runtime):
    with real_runtime.transaction(None) as session:
        first, second = make_account(session), make_account(session)
    keyring = real_runtime.keyring
    with connect(real_runtime) as client:
        for token in (notice_token(keyring, first, 7), recipient_token(keyring, second, 3, 9)):
            sender = return_path(token, "bounces.localhost").upper()
            client.send_message(letter(), sender, ["ana@customers.example"])

    for account_id, expected in ((first, (None, None)), (second, (3, 9))):
        with real_runtime.transaction(account_id) as session:
            kept = session.scalars(select(MailboxMessage)).one()
            assert (kept.broadcast_id, kept.seq) == expected
            assert kept.subject == letter()["Subject"]


@pytest.mark.parametrize("sender", ["", "ana@acme.example", "b+0000@bounces.localhost"])
def test_strangers_can_leave_nothing(real_runtime, sender):
    with connect(real_runtime) as client, pytest.raises(smtplib.SMTPSenderRefused):
        client.send_message(letter(), sender, ["ana@customers.example"])
