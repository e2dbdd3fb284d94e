"""Where a domain's mail goes, as name servers on the wire say."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from esp.senders.mx import Demand, Undeliverable, Unresolved
from esp.senders.mx.fetch import Fetcher
from esp.senders.mx.find import World, find
from esp.senders.mx.questions import Questions
from tests.dns import SERVFAIL, TIMEOUT, FakeDns

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TLSA = "3 1 1 " + "ab" * 32

ZONES = {
    "a.example": {"MX": ["20 far.a.example.", "10 near.a.example."]},
    "near.a.example": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"]},
    "far.a.example": {"A": ["192.0.2.3"], "TTL": 30},
    "bare.example": {"A": ["192.0.2.9"]},
    "null.example": {"MX": ["0 ."], "A": ["192.0.2.9"]},
    "nothing.example": {"TXT": ['"hello"']},
    "hollow.example": {"MX": ["10 nowhere.example."], "A": ["192.0.2.9"]},
    "broken.example": SERVFAIL,
    "slow.example": TIMEOUT,
    "half.example": {"MX": ["10 broken.example.", "20 far.a.example."]},
    "stuck.example": {"MX": ["10 broken.example."]},
    "literal.example": {"MX": ["10 192.0.2.7."]},
    "alias.example": {"MX": ["10 mx.alias.example."]},
    "mx.alias.example": {"CNAME": ["near.a.example."]},
    "sub.alias.example": {"CNAME": ["a.example."]},
    "xn--bcher-kva.example": {"MX": ["10 near.a.example."]},
    "loop.example": {"MX": ["10 esp.example.", "20 far.a.example."]},
    "here.example": {"MX": ["10 here.example."], "A": ["127.0.0.1"]},
    "turning.example": {"CNAME": ["turning.example."]},
    "_25._tcp.near.a.example": {"TLSA": [TLSA]},
}


@pytest.fixture(scope="module")
def server():
    with FakeDns(ZONES, ttl=3600) as server:
        yield server


def world(server, port=25) -> World:
    questions = Questions((server.nameserver,), lifetime=0.5)
    return World(questions, Fetcher(), frozenset({"esp.example"}), port)


def destination(server, domain, **options):
    return asyncio.run(find(world(server, **options), domain, None, NOW)).destination


def hosts(server, domain, **options):
    """In their order; addresses of one kind come in the order that the server liked."""
    found = destination(server, domain, **options).hosts
    assert all([*one.addresses] == sorted(one.addresses, key=is_v6) for one in found)
    return [(one.name, tuple(sorted(one.addresses))) for one in found]


def is_v6(address):
    return ":" in address


NEAR = ("near.a.example", ("192.0.2.1", "192.0.2.2", "2001:db8::1"))
FAR = ("far.a.example", ("192.0.2.3",))


@pytest.mark.standard("SMTP-13")
@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("a.example", [NEAR, FAR]),
        ("A.Example.", [NEAR, FAR]),
        ("bare.example", [("bare.example", ("192.0.2.9",))]),
        ("half.example", [FAR]),
        ("literal.example", [("192.0.2.7", ("192.0.2.7",))]),
        ("alias.example", [("mx.alias.example", NEAR[1])]),
        ("sub.alias.example", [NEAR, FAR]),
        pytest.param("bücher.example", [NEAR], marks=pytest.mark.standard("EAI-02")),
    ],
)
def test_hosts_with_their_addresses(server, domain, found):
    assert hosts(server, domain) == found


@pytest.mark.parametrize(
    ("domain", "enhanced"),
    [
        pytest.param("absent.example", "5.1.2", marks=pytest.mark.standard("SMTP-13")),
        pytest.param("null.example", "5.1.10", marks=pytest.mark.standard("SMTP-14")),
        ("nothing.example", "5.4.4"),
        # RFC 5321 §5.1: with an MX, the domain's own address is never asked.
        pytest.param("hollow.example", "5.4.4", marks=pytest.mark.standard("SMTP-13")),
        ("loop.example", "5.4.6"),
        ("here.example", "5.4.4"),
        ("not a name", "5.1.2"),
    ],
)
def test_what_is_final(server, domain, enhanced):
    with pytest.raises(Undeliverable) as failure:
        destination(server, domain)
    assert failure.value.enhanced == enhanced


@pytest.mark.standard("SMTP-13")
@pytest.mark.parametrize(
    "domain", ["broken.example", "slow.example", "stuck.example", "turning.example"]
)
def test_what_is_temporary(server, domain):
    with pytest.raises(Unresolved) as failure:
        destination(server, domain)
    assert failure.value.enhanced == "4.4.3"


def test_no_name_server_at_all_is_temporary():
    with FakeDns() as gone:
        pass
    with pytest.raises(Unresolved):
        destination(gone, "a.example")


def test_this_machine_is_a_receiver_in_a_trial_only(server):
    assert hosts(server, "here.example", port=2525) == [("here.example", ("127.0.0.1",))]


def test_how_long_it_counts(server):
    def seconds(domain):
        return (destination(server, domain).expires_at - NOW) / timedelta(seconds=1)

    assert 3590 <= seconds("bare.example") <= 3600
    assert seconds("a.example") == 300


@pytest.mark.standard("THR-01")
def test_domains_behind_the_same_hosts_share_site_and_provider(server):
    one, other = destination(server, "a.example"), destination(server, "sub.alias.example")
    assert one.site == other.site
    assert {one.provider, other.provider} == {"a.example"}
    assert destination(server, "bare.example").site != one.site


def test_a_site_does_not_come_and_go_with_its_addresses(server):
    def found(domain, addresses):
        return asyncio.run(find(world(server), domain, None, NOW, addresses=addresses)).destination

    for domain in ("half.example", "a.example"):
        whole, quick = found(domain, True), found(domain, False)
        assert (whole.site, whole.provider) == (quick.site, quick.provider)
    assert len(found("half.example", True).hosts) == 1


SECURE = {
    "s.example": {"MX": ["10 mx.s.example.", "20 mx.t.example."]},
    "mx.s.example": {"A": ["192.0.2.1"]},
    "_25._tcp.mx.s.example": {"TLSA": [TLSA, "0 1 1 " + "cd" * 32]},
    "mx.t.example": {"A": ["192.0.2.2"]},
    "u.example": {"MX": ["10 mx.u.example."]},
    "mx.u.example": {"A": ["192.0.2.3"]},
    "_25._tcp.mx.u.example": {"TLSA": ["1 1 1 " + "cd" * 32]},
    "v.example": {"MX": ["10 mx.v.example."]},
    "mx.v.example": {"A": ["192.0.2.4"]},
    "_25._tcp.mx.v.example": SERVFAIL,
    "c.example": {"MX": ["10 mx.c.example."]},
    "mx.c.example": {"CNAME": ["mx.s.example."]},
    "w.example": {"MX": ["10 mx.w.example."]},
    "mx.w.example": {"A": ["192.0.2.5"]},
    "_25._tcp.mx.w.example": {"TLSA": ["2 0 1 " + "ef" * 32]},
}
RECORD = (3, 1, 1, bytes.fromhex("ab" * 32))


@pytest.mark.standard("TLS-04")
@pytest.mark.parametrize(
    ("secure", "domain", "demands"),
    [
        # Only if MX, address and TLSA are all authentic.
        (["s.example", "t.example"], "s.example", [("dane", (RECORD,)), ("opportunistic", ())]),
        ([], "s.example", [("opportunistic", ())] * 2),
        (["mx.s.example"], "s.example", [("opportunistic", ())] * 2),
        (["c.example"], "c.example", [("opportunistic", ())]),
        (["c.example", "s.example"], "c.example", [("dane", (RECORD,))]),
        # Authentic but of no use: nothing will do.
        (["u.example"], "u.example", [("dane", ())]),
    ],
)
def test_dane_where_all_of_it_is_authentic(secure, domain, demands):
    with FakeDns(SECURE, secure=secure) as server:
        found = destination(server, domain)
    assert [(one.demand.kind, one.demand.tlsa) for one in found.hosts] == demands


@pytest.mark.standard("TLS-04")
def test_a_host_whose_tlsa_cannot_be_asked_gets_nothing():
    with FakeDns(SECURE, secure=["v.example"]) as server, pytest.raises(Unresolved):
        destination(server, "v.example")


def test_an_authority_in_the_dns_vouches_for_host_and_domain():
    with FakeDns(SECURE, secure=["w.example"]) as server:
        (host,) = destination(server, "w.example").hosts
    assert host.demand.names == ("mx.w.example", "w.example")
    assert not host.demand.verify([b"rubbish"], NOW)
    assert host.demand != Demand()
