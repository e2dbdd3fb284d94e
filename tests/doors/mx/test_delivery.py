"""What receivers demand of TLS, from their DNS to their sockets: delivered, or never in clear."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from esp.clock import utc_now
from esp.delivery.smtp.exchanges import exchanges
from esp.delivery.smtp.lane import Lane
from esp.delivery.smtp.loop import Loop
from esp.delivery.smtp.tls import verifying_context
from esp.senders.mx import Destination
from esp.senders.mx.fetch import Fetcher
from esp.senders.mx.find import World, find
from esp.senders.mx.policies import Kept
from esp.senders.mx.questions import Questions
from esp.senders.mx.sts import Policy
from tests.certificates import Issued, authority, issue
from tests.dns import FakeDns
from tests.doors.smtp.parties import QUICK, Client, ListFeed, Scripted, message

ROOT = authority()
MX = "mx.a.example"
GOOD = issue(MX, by=ROOT)
WRONG_NAME = issue("mx.b.example", by=ROOT)
# Its subject alone bears the name.
NO_NAME = issue(by=ROOT, subject=MX)
EXPIRED = issue(MX, by=ROOT, days=(-9, -2))
UNKNOWN = issue(MX, by=authority())

# How the receiver behaves: it offers TLS, doesn't, or breaks it.
OFFERS, SILENT, BREAKS = "offers", "silent", "breaks"


@dataclass
class Receiver:
    """A server with a certificate; `heard` is each message and whether it came by TLS."""

    certificate: Issued
    folder: Path
    manner: str = OFFERS
    heard: list[tuple[bool, bytes]] = field(default_factory=list)

    def script(self, client: Client) -> None:
        client.greet(*([] if self.manner == SILENT else [b"STARTTLS"]))
        line = client.line()
        if line != b"STARTTLS":
            return self._take(client, line, secure=False)
        client.say(b"220 go")
        if self.manner == BREAKS:
            client.sock.recv(4096)
            client.say(b"this is not TLS at all")
            return None
        context = self.certificate.server_context(self.folder)
        with context.wrap_socket(client.sock, server_side=True) as sock:
            inside = Client(sock)
            inside.line()
            inside.say(b"250 hi")
            return self._take(inside, inside.line(), secure=True)

    def _take(self, client: Client, line: bytes, secure: bool) -> None:
        while line != b"QUIT":
            self.heard.append((secure, line))
            client.say(b"354 go" if line == b"DATA" else b"250 ok")
            if line == b"DATA":
                client.body()
                client.say(b"250 taken")
            line = client.line()
        client.say(b"221 bye")


def deliver(
    receiver: Receiver, tlsa: str = "", policy: Policy | None = None, context: bool = False
) -> tuple[str, bool]:
    """What became of a message to a.example, and whether a word of it was said in clear."""
    feed = ListFeed(lane=[message(1)])
    zones = {"a.example": {"MX": [f"10 {MX}."]}, MX: {"A": ["127.0.0.1"]}}
    with Scripted(receiver.script) as server:
        if tlsa:
            zones[f"_{server.port}._tcp.{MX}"] = {"TLSA": [tlsa]}
        with FakeDns(zones, secure=["a.example"] if tlsa else []) as names:
            world = World(Questions((names.nameserver,)), Fetcher(), port=server.port)
            lane = Lane(
                "lane", mx_domain="a.example", context=ours(receiver.folder) if context else None
            )
            with Loop(
                feed, [lane], QUICK, resolve_mx=exchanges(seek(world, policy), utc_now)
            ) as loop:
                loop.run(loop.time() + 10, lambda: feed.done() or bool(feed.failures))
    in_clear = any(not secure for secure, _line in receiver.heard)
    if feed.done():
        return feed.outcomes[1].kind, in_clear
    (_lane, outcome) = feed.failures[0]
    return f"{outcome.kind} {outcome.stage}", in_clear


def seek(world: World, policy: Policy | None) -> Callable[[str, datetime], Destination]:
    kept = Kept("1", policy, utc_now()) if policy else None
    return lambda domain, now: asyncio.run(find(world, domain, kept, now)).destination


def ours(folder: Path) -> ssl.SSLContext:
    file = folder / "root.pem"
    file.write_text(ssl.DER_cert_to_PEM_cert(ROOT.der))
    return verifying_context(str(file))


CERTIFICATES = {
    "good": GOOD,
    "name": WRONG_NAME,
    "no name": NO_NAME,
    "expired": EXPIRED,
    "unknown": UNKNOWN,
}


@pytest.mark.standard("TLS-01")
@pytest.mark.parametrize("name", CERTIFICATES)
def test_where_nothing_is_demanded_any_certificate_is_better_than_none(tmp_path, name):
    assert deliver(Receiver(CERTIFICATES[name], tmp_path)) == ("sent", False)


@pytest.mark.standard("TLS-01")
@pytest.mark.parametrize("manner", [SILENT, BREAKS])
def test_where_nothing_is_demanded_mail_goes_in_clear_at_last(tmp_path, manner):
    assert deliver(Receiver(GOOD, tmp_path, manner)) == ("sent", True)


ENFORCED = Policy("enforce", (MX,), 86_400)
TESTING = Policy("testing", (MX,), 86_400)


@pytest.mark.standard("TLS-03")
@pytest.mark.parametrize(
    ("name", "manner", "fate"),
    [
        ("good", OFFERS, "sent"),
        ("name", OFFERS, "deferred tls"),
        ("no name", OFFERS, "deferred tls"),
        ("expired", OFFERS, "deferred tls"),
        ("unknown", OFFERS, "deferred tls"),
        pytest.param("good", BREAKS, "deferred tls", marks=pytest.mark.standard("TLS-01")),
        pytest.param("good", SILENT, "deferred tls", marks=pytest.mark.standard("TLS-01")),
    ],
)
def test_an_enforced_policy_is_met_or_mail_waits(tmp_path, name, manner, fate):
    receiver = Receiver(CERTIFICATES[name], tmp_path, manner)
    assert deliver(receiver, policy=ENFORCED, context=True) == (fate, False)


@pytest.mark.standard("TLS-03")
def test_a_policy_in_testing_delivers(tmp_path):
    assert deliver(Receiver(WRONG_NAME, tmp_path), policy=TESTING) == ("sent", False)


@pytest.mark.standard("TLS-04")
@pytest.mark.parametrize(
    ("name", "manner", "tlsa", "fate"),
    [
        ("good", OFFERS, GOOD.tlsa(), "sent"),
        # Usage 3 asks for neither name nor date nor authority.
        ("name", OFFERS, WRONG_NAME.tlsa(), "sent"),
        ("expired", OFFERS, EXPIRED.tlsa(), "sent"),
        ("unknown", OFFERS, UNKNOWN.tlsa(), "sent"),
        ("good", OFFERS, UNKNOWN.tlsa(), "deferred tls"),
        ("good", OFFERS, ROOT.tlsa(2), "sent"),
        ("name", OFFERS, ROOT.tlsa(2), "deferred tls"),
        ("expired", OFFERS, ROOT.tlsa(2), "deferred tls"),
        # Authentic, but of a usage that mail does not have.
        ("good", OFFERS, GOOD.tlsa(1), "deferred tls"),
        pytest.param(
            "good", BREAKS, GOOD.tlsa(), "deferred tls", marks=pytest.mark.standard("TLS-01")
        ),
        pytest.param(
            "good", SILENT, GOOD.tlsa(), "deferred tls", marks=pytest.mark.standard("TLS-01")
        ),
    ],
    # Records differ from process to process.
    ids=lambda value: value[:6] if isinstance(value, str) else None,
)
def test_what_the_dns_vouches_for_is_met_or_mail_waits(tmp_path, name, manner, tlsa, fate):
    receiver = Receiver(CERTIFICATES[name], tmp_path, manner)
    assert deliver(receiver, tlsa=tlsa) == (fate, False)


@pytest.mark.standard("TLS-05")
def test_a_valid_certificate_does_not_heal_a_failing_tlsa(tmp_path):
    receiver = Receiver(GOOD, tmp_path)
    assert deliver(receiver, UNKNOWN.tlsa(), ENFORCED, context=True) == ("deferred tls", False)
