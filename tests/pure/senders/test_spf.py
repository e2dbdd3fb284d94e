"""SPF: what a record says of an address, and what makes it useless."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.senders import spf
from tests.pure.senders.zone import SILENT, asking

ZONE = {
    "mx.example": {"A": ("192.0.2.30",), "AAAA": ("2001:db8::30",)},
    "relay.example": {"TXT": ("v=spf1 ip4:198.51.100.0/24 -all",)},
    "broken.example": {"TXT": ("v=spf1 ip5:1 -all",)},
    "away.example": SILENT,
}
HOST = "bounces.acme.example"


def asked(*texts: str, **more):
    return asking(ZONE | {HOST: {"TXT": texts, **more}})


@pytest.mark.parametrize(
    ("text", "address", "verdict"),
    [
        ("v=spf1 ip4:192.0.2.1 -all", "192.0.2.1", "pass"),
        ("v=spf1 ip4:192.0.2.1 -all", "192.0.2.2", "fail"),
        ("v=spf1 ip4:192.0.2.0/24 ~all", "192.0.2.200", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 ~all", "192.0.3.1", "softfail"),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::7", "pass"),
        ("v=spf1 ip6:2001:db8::/32 ?all", "192.0.2.1", "neutral"),
        ("v=spf1 -ip4:192.0.2.1 +all", "192.0.2.1", "fail"),
        ("v=spf1 a:mx.example -all", "192.0.2.30", "pass"),
        ("v=spf1 a:mx.example/24 -all", "192.0.2.99", "pass"),
        ("v=spf1 a:mx.example//64 -all", "2001:db8::99", "pass"),
        ("v=spf1 a:mx.example -all", "2001:db8::30", "pass"),
        ("v=spf1 mx -all", "192.0.2.30", "pass"),
        ("v=spf1 include:relay.example -all", "198.51.100.9", "pass"),
        ("v=spf1 include:relay.example ~all", "192.0.2.1", "softfail"),
        ("v=spf1 redirect=relay.example", "198.51.100.9", "pass"),
        ("v=spf1 redirect=relay.example", "192.0.2.1", "fail"),
        ("v=spf1 exists:%{i}.list.example ptr -all", "192.0.2.1", "fail"),
        ("V=SPF1 IP4:192.0.2.1 -ALL", "192.0.2.1", "pass"),
        ("v=spf1", "192.0.2.1", "neutral"),
        ("v=spf2 +all", "192.0.2.1", "none"),
    ],
)
def test_verdicts(text: str, address: str, verdict: str):
    ask = asked(text, MX=("mx.example",))

    assert spf.verdict(ip_address(address), HOST, ask) == verdict


@pytest.mark.parametrize(
    ("texts", "why", "where"),
    [
        (("v=spf1 -all", "v=spf1 ~all"), "several", HOST),
        (("v=spf1 include:nobody.example -all",), "include", "nobody.example"),
        (("v=spf1 ip5:192.0.2.1",), "term", "ip5:192.0.2.1"),
        (("v=spf1 ip4:300.1.1.1",), "term", "ip4:300.1.1.1"),
        (("v=spf1 ip4:2001:db8::1",), "term", "ip4:2001:db8::1"),
        (("v=spf1 include: -all",), "term", "include:"),
        (("v=spf1 include:broken.example -all",), "term", "ip5:1"),
        (("v=spf1 " + "a:mx.example " * 11 + "-all",), "lookups", ""),
        ((f"v=spf1 include:{HOST} " + "mx " * 10,), "lookups", ""),
    ],
)
def test_what_makes_a_record_useless(texts: tuple[str, ...], why: str, where: str):
    with pytest.raises(spf.BrokenError) as broken:
        spf.tree(HOST, asked(*texts))

    assert (broken.value.why, broken.value.where) == (why, where)


def test_ten_questions_are_allowed():
    found = spf.tree(HOST, asked("v=spf1 include:relay.example " + "a:mx.example " * 9 + "-all"))

    assert found is not None
    assert (found.lookups, found.includes) == (10, {"relay.example"})


def test_a_tree_without_end_is_left():
    zone = {f"n{i}.example": {"TXT": (f"v=spf1 include:n{i + 1}.example",)} for i in range(500)}
    asked_names: list[str] = []

    with pytest.raises(spf.BrokenError):
        spf.tree("n0.example", asking(zone, asked_names))
    with pytest.raises(spf.BrokenError):
        spf.verdict(ip_address("192.0.2.1"), "n0.example", asking(zone, asked_names))

    assert len(asked_names) < 100


def test_silence_is_not_a_verdict():
    with pytest.raises(spf.UnansweredError):
        spf.tree(HOST, asked("v=spf1 include:away.example -all"))
    with pytest.raises(spf.UnansweredError):
        spf.verdict(ip_address("192.0.2.1"), HOST, asked("v=spf1 a:away.example -all"))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str):
    ask = asked(f"v=spf1 {text}")
    try:
        spf.tree(HOST, ask)
        assert spf.verdict(ip_address("192.0.2.1"), HOST, ask)
    except (spf.BrokenError, spf.UnansweredError):
        pass
