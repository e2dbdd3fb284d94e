"""What comes back by SMTP, in real conversations."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import threading

import pytest
from sqlalchemy import text

from esp.delivery.return_path import notice_token
from esp.entrypoints import inbound
from esp.entrypoints.tasks import inbound as task
from esp.errors import SettingError
from esp.runtime import Runtime
from tests.pure.returns.test_classify import mail
from tests.pure.returns.test_reports import FAILED, dsn

DOMAIN = "bounces.localhost"


class Listening:
    """The inbound server on a free port, in a thread of its own."""

    def __init__(self, runtime: Runtime) -> None:
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        free = runtime.settings.model_copy(update={"inbound_bind": "127.0.0.1:0"})
        runtime = Runtime(**{**runtime.__dict__, "settings": free})

        async def begin() -> None:
            self._server = await inbound.serve(runtime)
            self.port = self._server.sockets[0].getsockname()[1]
            started.set()

        async def end() -> None:
            self._server.close()
            for other in asyncio.all_tasks():
                if other is not asyncio.current_task():
                    other.cancel()
            await asyncio.sleep(0)
            await self._loop.shutdown_default_executor()

        self._end = end
        self._loop.create_task(begin())
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        assert started.wait(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def listen():
    servers = []

    def listening(runtime: Runtime) -> int:
        servers.append(Listening(runtime))
        return servers[-1].port

    yield listening
    for server in servers:
        server.close()


@pytest.fixture
def port(runtime, listen) -> int:
    return listen(runtime)


@pytest.fixture
def deliver(port):
    """`deliver(rcpt, raw)`: the reply to the first command that was refused, or the last."""

    def delivered(rcpt: str, raw: bytes, sender: str = "<>") -> tuple[int, bytes]:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.ehlo("mx.example")
            for command in (f"MAIL FROM:{sender}", f"RCPT TO:<{rcpt}>"):
                code, said = client.docmd(command)
                if code >= 400:
                    return code, said
            return client.data(with_crlf(raw))

    return delivered


@pytest.fixture
def work(runtime, sent):
    return lambda: task.run(runtime, sent.account_id)


@pytest.fixture
def bounce(sent) -> str:
    return f"b+{sent.token}@{DOMAIN}"


def with_crlf(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def said(port: int, *lines: bytes) -> list[bytes]:
    """What the server answers to these bytes, sent one after the other's answer."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        stream = connection.makefile("rb")
        answers = [stream.readline()]
        for line in lines:
            connection.sendall(line)
            answers.append(stream.readline())
            while answers[-1][3:4] == b"-":
                answers[-1] = stream.readline()
        return answers[1:]


@pytest.mark.standard("DSN-07")
def test_a_hard_bounce_marks_the_copy_and_suppresses_the_address(deliver, bounce, work, ask):
    assert deliver(bounce, dsn(FAILED))[0] == 250
    assert ask("SELECT state, mail_from, purpose FROM inbound_messages") == [("new", "", "bounce")]
    work()
    assert ask("SELECT state, verdict, detail->>'reason' FROM inbound_messages") == [
        ("done", "bounce", "invalid")
    ]
    assert ask("SELECT state, bounced_at IS NOT NULL FROM recipients") == [("sent", True)]
    assert ask("SELECT kind, is_hard, status FROM late_outcomes") == [("bounced", True, "5.1.1")]
    assert ask("SELECT email, reason, source FROM suppressions") == [
        ("ana@customers.example", "bounce", "dsn")
    ]
    assert ask("SELECT name, count FROM broadcast_counts") == [("bounced", 1)]
    assert ask("SELECT kind FROM events") == [("bounced",)]


@pytest.mark.standard("DSN-11")
def test_a_bounce_that_comes_twice_counts_once(deliver, bounce, work, ask):
    for _ in range(2):
        deliver(bounce, dsn(FAILED))
        work()
    work()
    assert ask("SELECT name, count FROM broadcast_counts") == [("bounced", 1)]
    assert len(ask("SELECT 1 FROM events")) == 1


@pytest.mark.standard("DSN-07")
def test_the_address_survives_upper_case(deliver, bounce, work, ask):
    assert deliver(bounce.upper(), dsn(FAILED))[0] == 250


@pytest.mark.standard("DSN-14")
@pytest.mark.parametrize(
    ("status", "words", "hard"),
    [("5.7.1", "550 5.7.1 spam", True), ("5.2.2", "552 full", True), ("4.4.7", "expired", False)],
)
def test_only_a_dead_address_is_suppressed(deliver, bounce, work, ask, status, words, hard):
    report = (
        f"Final-Recipient: rfc822; ana@customers.example\nAction: failed\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {words}"
    )
    deliver(bounce, dsn(report))
    work()
    assert ask("SELECT is_hard FROM late_outcomes") == [(hard,)]
    assert ask("SELECT * FROM suppressions") == []


@pytest.mark.standard("DSN-05")
def test_a_delay_changes_nothing(deliver, bounce, work, ask):
    deliver(bounce, dsn(FAILED.replace("failed", "delayed")))
    work()
    assert ask("SELECT verdict FROM inbound_messages") == [("delay",)]
    assert ask("SELECT * FROM late_outcomes") == []
    assert ask("SELECT bounced_at FROM recipients") == [(None,)]


@pytest.mark.standard("AUTO-04")
def test_an_auto_reply_changes_nothing(deliver, bounce, sent, work, ask, states):
    for address in (bounce, f"u+{sent.token}@{DOMAIN}"):
        assert deliver(address, mail("Auto-Submitted: auto-replied"))[0] == 250
    work()
    assert ask("SELECT verdict FROM inbound_messages") == [("autoreply",), ("autoreply",)]
    assert states() == ("subscribed", "subscribed")
    for table in ("late_outcomes", "suppressions", "events", "broadcast_counts", "notices"):
        assert ask(f"SELECT * FROM {table}") == []


@pytest.mark.standard("LIST-09")
def test_a_mail_unsubscribes_whoever_wrote_it(deliver, sent, work, ask, states):
    raw = mail(body="")
    assert deliver(f"u+{sent.token}@{DOMAIN}", raw, "<stranger@else.example>")[0] == 250
    work()
    assert states() == ("unsubscribed", "subscribed")
    assert ask("SELECT verdict FROM inbound_messages") == [("unsubscribe",)]
    assert ask("SELECT source FROM consents") == [("mailto",)]


@pytest.mark.standard("DSN-08")
@pytest.mark.parametrize(
    "address",
    [
        "b+{bad}@bounces.localhost",
        "u+{bad}@bounces.localhost",
        "b+@bounces.localhost",
        "{token}@bounces.localhost",
        "b+{token}@elsewhere.example",
        "someone@bounces.localhost",
        "b+{token}@bounces.localhost.evil.example",
    ],
)
def test_unsigned_addresses_are_refused_before_the_message(deliver, sent, ask, address):
    bad = sent.token[:-1] + ("0" if sent.token[-1] != "0" else "1")
    code, words = deliver(address.format(token=sent.token, bad=bad), dsn(FAILED))
    assert (code, words[:5]) == (550, b"5.1.1")
    assert ask("SELECT * FROM inbound_messages") == []


@pytest.mark.standard("SMTP-17")
@pytest.mark.parametrize("name", ["postmaster", "Abuse", "POSTMASTER"])
def test_mail_for_the_operator_is_taken(deliver, ask, name):
    assert deliver(f"{name}@{DOMAIN}", mail(), "<a@b.example>")[0] == 250
    assert ask("SELECT mail_from FROM postmaster_messages") == [("a@b.example",)]


@pytest.mark.standard("SMTP-17")
def test_postmaster_needs_no_domain(deliver, ask):
    assert deliver("Postmaster", mail())[0] == 250
    assert len(ask("SELECT 1 FROM postmaster_messages")) == 1


@pytest.mark.standard("SMTP-16")
@pytest.mark.standard("DSN-15")
def test_nothing_that_comes_back_is_answered(deliver, bounce, work, ask):
    deliver(bounce, dsn(FAILED))
    deliver(bounce, mail())
    work()
    assert ask("SELECT * FROM notices") == []


def test_a_bounced_single_message_is_failed(deliver, runtime, sent, work, ask):
    with runtime.transaction(sent.account_id) as session:
        number = session.scalar(
            text(
                "INSERT INTO notices (account_id, kind, email, mail_from, message, state)"
                " VALUES (:a, 'confirmation', 'x@y.example', '', '', 'sent') RETURNING id"
            ),
            {"a": sent.account_id},
        )
    token = notice_token(runtime.keyring, sent.account_id, number)
    assert deliver(f"b+{token}@{DOMAIN}", dsn(FAILED))[0] == 250
    work()
    assert ask("SELECT state, reply FROM notices") == [("failed", "5.1.1 550 5.1.1 User unknown")]


def test_with_the_database_away_the_sender_tries_again(cut_off, listen, bounce):
    with smtplib.SMTP("127.0.0.1", listen(cut_off), timeout=20) as client:
        client.ehlo("mx.example")
        client.docmd("MAIL FROM:<>")
        assert client.docmd(f"RCPT TO:<{bounce}>")[0] == 250
        code, words = client.data(with_crlf(dsn(FAILED)))
    assert (code, words[:5]) == (451, b"4.3.0")


@pytest.mark.standard("DSN-15")
def test_too_large_a_message_is_refused(deliver, port, bounce):
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.ehlo("mx.example")
        assert client.esmtp_features["size"] == str(inbound.LARGEST)
        assert client.docmd(f"MAIL FROM:<> SIZE={inbound.LARGEST + 1}")[0] == 552
    huge = b"Subject: x\r\n\r\n" + (b"x" * 998 + b"\r\n") * 11_000
    assert deliver(bounce, huge)[0] == 552


@pytest.mark.standard("SMTP-21")
@pytest.mark.parametrize(
    "body",
    [
        b"Subject: x\r\n\r\none\ntwo\r\n.\r\n",
        b"Subject: x\r\n\r\none\rtwo\r\n.\r\n",
        b"Subject: x\r\n\r\none\n.\nMAIL FROM:<a@b.example>\r\n.\r\n",
        b"Subject: x\r\n\r\none\n.\r\nMAIL FROM:<a@b.example>\r\n.\r\n",
        b"Subject: x\r\n\r\none\r\n.\nMAIL FROM:<a@b.example>\r\n.\r\n",
        b"Subject: x\r\n\r\none\r.\rMAIL FROM:<a@b.example>\r\n.\r\n",
        b"Subject: x\r\n\r\none\r\n.\rMAIL FROM:<a@b.example>\r\n.\r\n",
    ],
)
def test_bare_line_ends_smuggle_nothing(port, bounce, ask, body):
    answers = said(
        port,
        b"EHLO mx.example\r\n",
        b"MAIL FROM:<>\r\n",
        f"RCPT TO:<{bounce}>\r\n".encode(),
        b"DATA\r\n",
        body,
        # Nothing of the body was taken for a command: there is no mail under way.
        b"RCPT TO:<postmaster@bounces.localhost>\r\n",
    )
    assert [answer[:3] for answer in answers[2:]] == [b"250", b"354", b"554", b"503"]
    assert ask("SELECT * FROM inbound_messages") == []


@pytest.mark.standard("SMTP-21")
def test_a_command_ends_with_cr_and_lf(port):
    answers = said(port, b"EHLO mx.example\n", b"EHLO a\rMAIL FROM:<>\r\n", b"EHLO mx.example\r\n")
    assert [answer[:3] for answer in answers] == [b"500", b"500", b"250"]


@pytest.mark.standard("SMTP-21")
def test_a_message_sent_before_it_was_asked_for_is_refused(port, bounce, ask):
    answers = said(
        port,
        b"EHLO mx.example\r\n",
        b"MAIL FROM:<>\r\n",
        f"RCPT TO:<{bounce}>\r\n".encode(),
        b"DATA\r\nSubject: x\r\n\r\nHello\r\n.\r\n",
    )
    assert answers[-1][:3] == b"554"
    assert ask("SELECT * FROM inbound_messages") == []


def test_a_taken_place_names_the_setting(runtime, port):
    taken = runtime.settings.model_copy(update={"inbound_bind": f"127.0.0.1:{port}"})
    other = Runtime(**{**runtime.__dict__, "settings": taken})
    with pytest.raises(SettingError, match="ESP_INBOUND_BIND"):
        asyncio.run(inbound.serve(other))
