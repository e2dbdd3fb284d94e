"""MTA-STS: policies fetched over HTTPS, kept, and what they leave of a domain's hosts."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from esp.senders.mx import Demand, Unresolved
from esp.senders.mx.fetch import Fetcher
from esp.senders.mx.find import World, find
from esp.senders.mx.policies import Kept
from esp.senders.mx.questions import Questions
from esp.senders.mx.sts import Policy
from tests.certificates import authority, issue
from tests.dns import SERVFAIL, FakeDns

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ROOT = authority()
HOST = "mta-sts.a.example"


def policy(mode="enforce", mx=("mx1.a.example",), age=604_800):
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {one}" for one in mx), f"max_age: {age}"]
    return "\r\n".join(lines).encode()


def answer(body, status="200 OK", kind="text/plain", extra=""):
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    )
    return head.encode() + body


class Site:
    """An HTTPS server that says `said` to whoever asks, and counts the questions."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.said = answer(policy())
        self.asked: list[bytes] = []
        self._context = context
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.port = self._sock.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # Wakes the thread that waits for a visitor.
        self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._sock.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _visitor = self._sock.accept()
            except OSError:
                return
            plain.settimeout(5)
            try:
                with self._context.wrap_socket(plain, server_side=True) as visitor:
                    self.asked.append(visitor.recv(4096))
                    visitor.sendall(self.said)
            except OSError:
                plain.close()


@pytest.fixture
def certificate():
    return issue(HOST, by=ROOT)


@pytest.fixture
def site(certificate, tmp_path: Path) -> Iterator[Site]:
    site = Site(certificate.server_context(tmp_path))
    yield site
    site.close()


@pytest.fixture
def server() -> Iterator[FakeDns]:
    zones = {
        "a.example": {"MX": ["10 mx1.a.example.", "20 mx2.a.example."]},
        "mx1.a.example": {"A": ["127.0.0.1"]},
        "mx2.a.example": {"A": ["127.0.0.1"]},
        "_mta-sts.a.example": {"TXT": ['"v=STSv1; id=1"']},
        HOST: {"A": ["127.0.0.1"]},
    }
    with FakeDns(zones) as server:
        yield server


@pytest.fixture
def world(site: Site, server: FakeDns) -> World:
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(ROOT.der))
    questions = Questions((server.nameserver,), lifetime=0.5)
    return World(questions, Fetcher(context, site.port), port=2525)


def seek(world, kept=None, now=NOW):
    found = asyncio.run(find(world, "a.example", kept, now))
    return [(one.name, one.demand.kind) for one in found.destination.hosts], found.fetched


FREE = [("mx1.a.example", "opportunistic"), ("mx2.a.example", "opportunistic")]
BOUND = [("mx1.a.example", "sts")]


@pytest.mark.standard("TLS-02")
@pytest.mark.standard("TLS-03")
def test_an_enforced_policy_leaves_the_hosts_it_names(world, site):
    hosts, fetched = seek(world)
    assert hosts == BOUND
    assert fetched == Kept("1", Policy("enforce", ("mx1.a.example",), 604_800), NOW)
    assert site.asked[0].startswith(
        b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + HOST.encode()
    )


@pytest.mark.standard("TLS-03")
@pytest.mark.parametrize("mode", ["testing", "none"])
def test_other_modes_demand_nothing(world, site, mode):
    site.said = answer(policy(mode))
    hosts, fetched = seek(world)
    assert hosts == FREE
    assert fetched.policy.mode == mode


@pytest.mark.standard("TLS-03")
def test_where_the_policy_names_no_host_nothing_is_delivered(world, site):
    site.said = answer(policy(mx=("*.b.example",)))
    with pytest.raises(Unresolved) as failure:
        seek(world)
    assert failure.value.enhanced == "4.7.5"


@pytest.mark.standard("TLS-02")
@pytest.mark.parametrize(
    "said",
    [
        answer(b"", "301 Moved", extra="Location: https://elsewhere.example/\r\n"),
        answer(b"", "302 Found", extra=f"Location: https://{HOST}/other\r\n"),
        answer(policy(), "404 Not Found"),
        answer(policy(), kind="text/html"),
        answer(policy() + b"\r\n" + b"x" * 70_000),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 200_000,
        answer(b"mode: enforce"),
        b"SSH-2.0-hello\r\n",
        b"",
    ],
    ids=["moved", "found", "missing", "page", "long", "endless", "no policy", "other", "silent"],
)
def test_what_is_no_policy_binds_nobody(world, site, said):
    site.said = said
    assert seek(world) == (FREE, None)
    assert len(site.asked) == 1


def test_a_policy_in_pieces_is_read(world, site):
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(policy()), policy())
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
    site.said = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk
    assert seek(world)[0] == BOUND


@pytest.mark.standard("TLS-02")
@pytest.mark.parametrize(
    "certificate",
    [
        issue("a.example", by=ROOT),
        issue(HOST, by=ROOT, days=(-9, -2)),
        issue(HOST),
        issue(HOST, by=authority()),
    ],
    ids=["other name", "expired", "its own", "unknown authority"],
)
def test_a_site_without_a_valid_certificate_is_not_believed(world, site):
    assert seek(world) == (FREE, None)
    assert site.asked == []


KEPT = Kept("1", Policy("enforce", ("mx1.a.example",), 604_800), NOW)


@pytest.mark.standard("TLS-02")
@pytest.mark.standard("TLS-03")
@pytest.mark.parametrize("records", [None, SERVFAIL, {"TXT": ['"hello"']}])
def test_a_kept_policy_survives_the_loss_of_its_record(world, site, server, records):
    if records is None:
        del server["_mta-sts.a.example"]
    else:
        server["_mta-sts.a.example"] = records
    assert seek(world, KEPT, NOW + timedelta(days=6)) == (BOUND, None)
    assert seek(world, KEPT, NOW + timedelta(days=8)) == (FREE, None)
    assert site.asked == []


@pytest.mark.standard("TLS-02")
def test_a_kept_policy_is_fetched_again_when_its_id_changes(world, site, server):
    assert seek(world, KEPT, NOW + timedelta(hours=1)) == (BOUND, None)
    assert site.asked == []
    server["_mta-sts.a.example"] = {"TXT": ['"v=STSv1; id=2"'], "TTL": 0}
    site.said = answer(policy("none"))
    fresh = World(Questions((server.nameserver,)), world.fetcher, port=world.port)
    hosts, fetched = seek(fresh, KEPT, NOW + timedelta(hours=2))
    assert (hosts, fetched.policy_id) == (FREE, "2")


def test_a_kept_policy_is_fetched_again_each_day(world, site):
    _hosts, fetched = seek(world, KEPT, NOW + timedelta(days=2))
    assert fetched.fetched_at == NOW + timedelta(days=2)
    site.said = answer(b"", "500 Oh")
    assert seek(world, KEPT, NOW + timedelta(days=3)) == (BOUND, None)


@pytest.mark.standard("TLS-05")
def test_dane_stands_above_a_policy(world, server):
    server.secure |= {"a.example"}
    server["_2525._tcp.mx2.a.example"] = {"TLSA": ["3 1 1 " + "ab" * 32]}
    found = asyncio.run(find(world, "a.example", None, NOW)).destination
    assert [(one.name, one.demand.kind) for one in found.hosts] == [
        *BOUND,
        ("mx2.a.example", "dane"),
    ]
    assert found.hosts[0].demand == Demand("sts")
    server["_2525._tcp.mx1.a.example"] = {"TLSA": ["3 1 1 " + "cd" * 32]}
    fresh = World(Questions((server.nameserver,)), world.fetcher, port=world.port)
    found = asyncio.run(find(fresh, "a.example", KEPT, NOW)).destination
    assert {one.demand.kind for one in found.hosts} == {"dane"}
