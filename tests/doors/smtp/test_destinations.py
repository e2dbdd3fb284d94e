"""Lanes of a mail domain: the loop asks for the hosts, and what they demand is kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.sink import Sink
from esp.delivery.smtp.envelope import Outcome
from esp.delivery.smtp.lane import Lane, Timing
from esp.delivery.smtp.loop import Loop
from esp.delivery.smtp.resolve import Host, NoHosts
from tests.doors.smtp.parties import (
    PATIENT,
    Client,
    ListFeed,
    Scripted,
    make_certificate,
    message,
    server_context,
)

UNRESOLVED = Outcome("deferred", 0, "4.4.3", "no answer", "connect")
NULL_MX = Outcome("failed", 556, "5.1.10", "takes no mail", "connect")


class Book:
    """Answers by domain and counts the questions; an exception in it is raised."""

    def __init__(self, **domains: Sequence[Host] | Exception) -> None:
        self.domains = domains
        self.asked: list[str] = []
        self.threads: set[int] = set()
        self.most = 0
        self._lock = threading.Lock()
        self._now = 0

    def __call__(self, domain: str) -> Sequence[Host]:
        with self._lock:
            self.asked.append(domain)
            self.threads.add(threading.get_ident())
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            time.sleep(0.001)
            answer = self.domains[domain]
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            with self._lock:
                self._now -= 1


def send(
    feed: ListFeed,
    book: Book,
    until: Callable[[], bool] | None = None,
    timing: Timing = PATIENT,
) -> None:
    until = until or feed.done
    lanes = [Lane(key, mx_domain=str(key)) for key in feed.lanes]
    with Loop(feed, lanes, timing, resolve_mx=book) as loop:
        loop.run(time.monotonic() + 10, until)
        assert until(), (feed.fates(), feed.failures)


def local(port: int, name: str = "mx.example") -> Host:
    return Host(name, port, ("127.0.0.1",))


@pytest.mark.standard("SMTP-13")
def test_the_hosts_of_a_domain_are_tried_in_their_order() -> None:
    feed = ListFeed(domain=[message(n) for n in range(20)])
    with Sink(lambda _: None) as sink:
        book = Book(domain=[local(1, "dead.example"), local(sink.port), local(1)])
        send(feed, book)
    assert set(feed.fates().values()) == {("sent", 250, "dot")}
    assert feed.failures == []
    assert book.asked == ["domain"]
    assert book.threads != {threading.get_ident()}


def test_hosts_without_addresses_are_looked_up() -> None:
    feed = ListFeed(domain=[message(1)])
    with Sink(lambda _: None) as sink:
        send(feed, Book(domain=[Host("nowhere.invalid", 25), Host("localhost", sink.port)]))
    assert feed.fates() == {1: ("sent", 250, "dot")}


@pytest.mark.standard("SMTP-14")
def test_a_domain_that_takes_no_mail_fails_each_envelope_at_once() -> None:
    feed = ListFeed(domain=[message(n) for n in range(200)])
    book = Book(domain=NoHosts(NULL_MX))
    send(feed, book)
    assert set(map(id, feed.outcomes.values())) == {id(NULL_MX)}
    assert len(feed.outcomes) == 200
    assert feed.failures == []
    assert book.asked == ["domain"]


def test_a_domain_that_takes_no_mail_is_asked_again_after_a_while() -> None:
    feed = ListFeed(domain=[message(1)])
    book = Book(domain=NoHosts(NULL_MX))
    timing = replace(PATIENT, names=0.05)
    with (
        Sink(lambda _: None) as sink,
        Loop(feed, [Lane("domain", mx_domain="domain")], timing, resolve_mx=book) as loop,
    ):
        loop.run(time.monotonic() + 10, feed.done)
        loop.run(time.monotonic() + timing.names)
        book.domains["domain"] = [local(sink.port)]
        feed.lanes["domain"].append(message(2))
        feed.total = 2
        loop.wake("domain")
        loop.run(time.monotonic() + 10, feed.done)
    assert feed.outcomes[1] is NULL_MX
    assert feed.outcomes[2].kind == "sent"


@pytest.mark.standard("SMTP-13")
@pytest.mark.parametrize("trouble", [NoHosts(UNRESOLVED), ValueError("a bug")])
def test_a_lookup_that_fails_is_tried_again(trouble: Exception) -> None:
    feed = ListFeed(domain=[message(1)])
    book = Book(domain=trouble)
    with Sink(lambda _: None) as sink:

        def failed_twice() -> bool:
            if len(feed.failures) >= 2:
                book.domains["domain"] = [local(sink.port)]
            return feed.done()

        send(feed, book, failed_twice)
    assert feed.fates() == {1: ("sent", 250, "dot")}
    assert {(one.kind, one.enhanced) for _, one in feed.failures} == {("deferred", "4.4.3")}


def test_many_domains_share_a_few_threads() -> None:
    feed = ListFeed(**{f"d{n}": [message(n)] for n in range(300)})
    with Sink(lambda _: None) as sink:
        book = Book(**{f"d{n}": [local(sink.port)] for n in range(300)})
        send(feed, book)
    assert len(book.asked) == 300
    assert book.most <= 32


def offer_tls(paths: tuple[Path, Path]) -> Callable[[Client], None]:
    def script(client: Client) -> None:
        client.greet(b"PIPELINING", b"STARTTLS")
        if client.line() != b"STARTTLS":
            return
        client.say(b"220 go")
        with server_context(paths).wrap_socket(client.sock, server_side=True) as sock:
            secure = Client(sock)
            secure.line()
            secure.say(b"250-hi", b"250 PIPELINING")
            secure.take_all()

    return script


@pytest.mark.standard("TLS-04")
@pytest.mark.parametrize("good", [True, False])
def test_published_certificates_count_in_place_of_the_authorities(
    good: bool, tmp_path: Path
) -> None:
    paths = make_certificate(tmp_path, "another.example")
    shown: list[Sequence[bytes]] = []

    def verify(chain: Sequence[bytes]) -> bool:
        shown.append(chain)
        return good

    feed = ListFeed(domain=[message(1)])
    with Scripted(offer_tls(paths)) as server:
        host = Host("mx.example", server.port, ("127.0.0.1",), "starttls-required", verify)
        send(feed, Book(domain=[host]), lambda: bool(feed.failures or feed.done()))
    assert all(len(chain) == 1 and chain[0].startswith(b"\x30") for chain in shown)
    if good:
        assert feed.fates() == {1: ("sent", 250, "dot")}
    else:
        assert feed.outcomes == {}
        assert {(one.kind, one.enhanced, one.stage) for _, one in feed.failures} == {
            ("deferred", "4.7.5", "tls")
        }


@pytest.mark.standard("TLS-03")
def test_a_host_may_demand_a_valid_certificate(tmp_path: Path) -> None:
    paths = make_certificate(tmp_path, "mx.example")
    feed = ListFeed(domain=[message(1)])
    with Scripted(offer_tls(paths)) as server:
        host = Host("mx.example", server.port, ("127.0.0.1",), "starttls-required")
        send(feed, Book(domain=[host]), lambda: len(feed.failures) >= 2)
    assert feed.outcomes == {}
    assert {one.stage for _, one in feed.failures} == {"tls"}


@pytest.mark.parametrize("terms", [{}, {"hosts": [("127.0.0.1", 25)], "mx_domain": "x.org"}])
def test_a_lane_has_either_hosts_or_a_domain(terms: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="either hosts or a domain"):
        Lane("lane", **terms)  # type: ignore[arg-type]  # that is what is refused


@pytest.mark.standard("SMTP-04")
@pytest.mark.standard("EAI-02")
def test_our_own_name_is_said_in_a_labels() -> None:
    lane = Lane("lane", mx_domain="x.org", helo_name="mail.bücher.example")
    assert lane.helo_name == "mail.xn--bcher-kva.example"
    with pytest.raises(ValueError, match="a domain name"):
        Lane("lane", mx_domain="x.org", helo_name="two words")
