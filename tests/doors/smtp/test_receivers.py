"""aiosmtpd as receiver: the same final state as with smtplib, TLS and signing in."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from aiosmtpd.smtp import Envelope as ReceivedEnvelope

from esp.delivery.smtp.commands import Auth
from esp.delivery.smtp.envelope import Envelope
from esp.delivery.smtp.introduction import TlsMode
from esp.delivery.smtp.lane import Lane
from esp.delivery.smtp.tls import verifying_context
from tests.doors.smtp.parties import (
    Client,
    ListFeed,
    Scripted,
    make_certificate,
    message,
    run,
    server_context,
)


class Receiver:
    """aiosmtpd on a port of its own; keeps what it gets and whether it came under TLS."""

    def __init__(self, implicit_tls: ssl.SSLContext | None = None, **options: Any) -> None:
        self.got: list[tuple[str | None, list[str], bytes]] = []
        self.secure: set[bool] = set()
        self.port = 0
        self._implicit_tls = implicit_tls
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Any, envelope: ReceivedEnvelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.got.append((envelope.mail_from, envelope.rcpt_tos, content))
        self.secure.add(session.ssl is not None or self._implicit_tls is not None)
        return "250 2.0.0 taken"

    def __enter__(self) -> Receiver:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        loop = self._loop
        server = loop.run_until_complete(
            loop.create_server(
                lambda: SMTP(self, hostname="sink", loop=loop, **self._options),
                "127.0.0.1",
                0,
                ssl=self._implicit_tls,
            )
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"), "localhost")


DATA = [
    b"Subject: plain\r\n\r\nhello\r\n",
    b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\na.\r\n",
    b"Subject: bare\r\n\r\none\ntwo\rthree\r\n",
    b"Subject: open end\r\n\r\nlast",
    b"\r\n",
]


@pytest.mark.standard("SMTP-01")
@pytest.mark.standard("SMTP-03")
def test_the_receiver_ends_up_as_with_smtplib() -> None:
    envelopes = [
        Envelope(n, "a@x.org", f"{n}@y.org", data, stuffed=False) for n, data in enumerate(DATA)
    ]
    with Receiver() as ours, Receiver() as theirs:
        with smtplib.SMTP("127.0.0.1", theirs.port) as reference:
            for one in envelopes:
                reference.sendmail(one.mail_from, one.rcpt, one.data.decode())
        run(
            ListFeed(lane=list(envelopes)),
            Lane("lane", [("127.0.0.1", ours.port)], max_connections=1),
        )
    assert ours.got == theirs.got
    assert len(ours.got) == len(DATA)


@pytest.mark.standard("SMTP-19")
@pytest.mark.standard("EAI-01")
@pytest.mark.standard("EAI-02")
def test_international_addresses() -> None:
    data = "To: <ö@xn--mller-kva.example>\r\n\r\nhi\r\n".encode()
    ours = Envelope(1, "a@x.org", "ö@müller.example", data)
    theirs = Envelope(2, "a@x.org", "b@müller.example", b"\r\n")
    feed = ListFeed(lane=[ours, theirs])
    with Receiver(enable_SMTPUTF8=True) as receiver:
        run(feed, Lane("lane", [("127.0.0.1", receiver.port)], max_connections=1))
    assert receiver.got == [
        ("a@x.org", ["ö@xn--mller-kva.example"], data),
        ("a@x.org", ["b@xn--mller-kva.example"], b"\r\n"),
    ]
    feed = ListFeed(lane=[ours, theirs])
    with Receiver() as receiver:
        run(feed, Lane("lane", [("127.0.0.1", receiver.port)], max_connections=1))
    assert (feed.outcomes[1].kind, feed.outcomes[1].enhanced) == ("failed", "5.6.7")
    assert feed.outcomes[2].kind == "sent"


@pytest.mark.standard("SMTP-18")
@pytest.mark.standard("TLS-01")
def test_starttls_with_any_certificate(certificate: tuple[Path, Path]) -> None:
    feed = ListFeed(lane=[message(n) for n in range(20)])
    with Receiver(tls_context=server_context(certificate)) as receiver:
        run(feed, Lane("lane", [("127.0.0.1", receiver.port)], max_connections=2))
    assert len(receiver.got) == 20
    assert receiver.secure == {True}


@pytest.mark.standard("SMTP-18")
@pytest.mark.parametrize("mode", ["starttls-required", "tls"])
def test_tls_with_a_verified_certificate(mode: TlsMode, certificate: tuple[Path, Path]) -> None:
    context = server_context(certificate)
    options = {"implicit_tls": context} if mode == "tls" else {"tls_context": context}
    feed = ListFeed(lane=[message(n) for n in range(20)])
    feed.lanes["lane"][3].data += (b"y" * 70 + b"\r\n") * 40_000
    with Receiver(data_size_limit=10_000_000, **options) as receiver:
        lane = Lane(
            "lane",
            [("localhost", receiver.port)],
            tls=mode,
            context=verifying_context(str(certificate[0])),
        )
        run(feed, lane)
    assert feed.failures == []
    assert len(receiver.got) == 20
    assert receiver.secure == {True}
    assert max(len(data) for _, _, data in receiver.got) > 2_000_000


@pytest.mark.standard("TLS-01")
@pytest.mark.parametrize("mode", ["starttls-required", "tls"])
def test_a_wrong_certificate_is_refused(mode: TlsMode, certificate: tuple[Path, Path]) -> None:
    context = server_context(certificate)
    options = {"implicit_tls": context} if mode == "tls" else {"tls_context": context}
    feed = ListFeed(system=[message(1)], name=[message(2)])
    with Receiver(**options) as receiver:
        run(
            feed,
            Lane("system", [("localhost", receiver.port)], tls=mode),
            Lane(
                "name",
                [("127.0.0.1", receiver.port)],
                tls=mode,
                context=verifying_context(str(certificate[0])),
            ),
            until=lambda: {key for key, _ in feed.failures} == {"system", "name"},
        )
    assert feed.outcomes == {}
    assert receiver.got == []
    assert {(one.kind, one.stage) for _, one in feed.failures} == {("deferred", "tls")}


def offer_starttls(then: bytes) -> Any:
    def script(client: Client) -> None:
        client.greet(b"PIPELINING", b"STARTTLS")
        while client.line() != b"STARTTLS":
            client.say(b"530 5.7.0 secure first")
        client.say(b"220 go")
        client.sock.sendall(then)
        client.sock.recv(65536)

    return script


def in_clear(client: Client) -> None:
    client.greet(b"PIPELINING", b"STARTTLS")
    client.take_all()


@pytest.mark.standard("TLS-01")
@pytest.mark.parametrize("then", [b"", b"\x15\x03\x03\x00\x02\x02\x28"])
def test_a_failing_handshake_falls_back_to_clear_only_where_allowed(then: bytes) -> None:
    feed = ListFeed(lane=[message(1)])
    with Scripted(offer_starttls(then), in_clear) as server:
        run(feed, Lane("lane", [("127.0.0.1", server.port)]))
    assert feed.fates() == {1: ("sent", 250, "dot")}
    assert feed.failures == []
    feed = ListFeed(lane=[message(1)])
    with Scripted(offer_starttls(then), in_clear) as server:
        lane = Lane("lane", [("127.0.0.1", server.port)], tls="starttls-required")
        run(feed, lane, until=lambda: bool(feed.failures))
    assert feed.outcomes == {}
    assert feed.failures[0][1].stage == "tls"


@pytest.mark.standard("SMTP-18")
def test_what_is_announced_after_starttls_counts(certificate: tuple[Path, Path]) -> None:
    heard: list[bytes] = []

    def script(client: Client) -> None:
        client.greet(b"PIPELINING", b"SIZE 10", b"DSN", b"STARTTLS")
        assert client.line() == b"STARTTLS"
        client.say(b"220 go")
        with server_context(certificate).wrap_socket(client.sock, server_side=True) as sock:
            secure = Client(sock)
            assert secure.line().startswith(b"EHLO")
            secure.say(b"250 only this")
            heard.append(secure.line())
            secure.say(b"250 ok")
            heard.append(secure.group_without_mail())
            secure.body()
            secure.say(b"250 ok")
            secure.line()

    feed = ListFeed(lane=[message(1)])
    with Scripted(script) as server:
        run(feed, Lane("lane", [("127.0.0.1", server.port)], dsn=True))
    assert feed.fates() == {1: ("sent", 250, "dot")}
    assert heard == [b"MAIL FROM:<a@x.org>", b"RCPT TO:<1@y.org>"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_signing_in(mechanism: str, certificate: tuple[Path, Path]) -> None:
    def authenticate(_server: Any, _session: Any, _envelope: Any, _how: str, data: Any) -> Any:
        good = (data.login, data.password) == (b"me", "geheim ö".encode())
        return AuthResult(success=good, handled=False)

    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
    options: dict[str, Any] = {
        "tls_context": server_context(certificate),
        "authenticator": authenticate,
        "auth_required": True,
        "auth_exclude_mechanism": [other],
    }
    feed = ListFeed(good=[message(1)], bad=[message(2)])
    with Receiver(**options) as receiver:
        hosts = [("127.0.0.1", receiver.port)]
        run(
            feed,
            Lane("good", hosts, auth=Auth("me", "geheim ö")),
            Lane("bad", hosts, auth=Auth("me", "wrong")),
            until=lambda: bool(feed.outcomes and feed.failures),
        )
    assert feed.fates() == {1: ("sent", 250, "dot")}
    assert {(key, one.kind, one.code, one.stage) for key, one in feed.failures} == {
        ("bad", "failed", 535, "auth")
    }
    assert len(receiver.got) == 1
