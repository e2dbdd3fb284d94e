"""The records of a sending domain, and what is said of those that DNS has."""

from __future__ import annotations

import base64
import os
from dataclasses import replace

import pytest

from esp.senders import dns_checks, records
from esp.senders.dns_checks import judge
from esp.senders.records import Key, Setup, Ways
from tests.pure.senders.zone import SILENT, asking

PUBLIC = base64.b64encode(os.urandom(294)).decode()
SETUP = Setup(
    "acme.example",
    (Key("s1", "rsa", PUBLIC),),
    "bounces.acme.example",
    "links.acme.example",
    Ways(("192.0.2.1", "2001:db8::1")),
    "in.esp.example",
    "esp.example",
)
KEY_NAME = "s1._domainkey.acme.example"
GOOD = {
    KEY_NAME: {"TXT": (f"v=DKIM1; k=rsa; p={PUBLIC}",)},
    "_dmarc.acme.example": {"TXT": ("v=DMARC1; p=none",)},
    "in.esp.example": {"MX": ("mx.esp.example",)},
    "bounces.acme.example": {
        "MX": ("mx.esp.example",),
        "TXT": ("v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all",),
    },
    "links.acme.example": {"CNAME": ("esp.example",), "A": ("192.0.2.9",)},
    "esp.example": {"A": ("192.0.2.9",)},
}


def found(changes=None, setup: Setup = SETUP, serves: bool | None = True):
    return judge(setup, asking(GOOD | (changes or {})), lambda host: serves)


def test_all_is_well_when_the_records_stand_as_told():
    assert {part: one.state for part, one in found().items()} == {
        "dkim:s1": "working",
        "dmarc": "working",
        "return_path": "working",
        "spf": "working",
        "tracking": "working",
    }


def test_what_is_told_to_publish_passes_the_checks():
    told = records.records(replace(SETUP, inbound_hosts=("mx.esp.example",)))
    zone: dict = {name: dict(GOOD[name]) for name in ("in.esp.example", "esp.example")}
    for record in told:
        value = record.value.removeprefix("10 ")
        value = value if record.kind == "TXT" else value.rstrip(".")
        zone.setdefault(record.name, {})[record.kind] = (value,)

    states = {one.state for one in judge(SETUP, asking(zone), lambda host: True).values()}

    assert states == {"working"}


def bounces(text: str | tuple[str, ...], **more):
    return {
        "bounces.acme.example": {
            "MX": ("mx.esp.example",),
            "TXT": (text,) if isinstance(text, str) else text,
        },
        **more,
    }


CASES = [
    ("dkim:s1", {KEY_NAME: {}}, "missing", dns_checks.MISSING),
    ("dkim:s1", {KEY_NAME: SILENT}, "unknown", dns_checks.UNKNOWN),
    ("dkim:s1", {KEY_NAME: {"TXT": ("v=DKIM1; p=AAAA",)}}, "wrong", dns_checks.ANOTHER_KEY),
    ("dmarc", {"_dmarc.acme.example": {}}, "missing", dns_checks.MISSING),
    ("dmarc", {"_dmarc.acme.example": SILENT}, "unknown", dns_checks.UNKNOWN),
    (
        "dmarc",
        {"_dmarc.acme.example": {"TXT": ("v=DMARC1; p=none", "v=DMARC1; p=reject")}},
        "wrong",
        dns_checks.SEVERAL_POLICIES,
    ),
    (
        "dmarc",
        {"_dmarc.acme.example": {"TXT": ("v=DMARC1; p=maybe",)}},
        "wrong",
        dns_checks.NO_POLICY,
    ),
    (
        "dmarc",
        {"_dmarc.acme.example": {}, "_dmarc.example": {"TXT": ("v=DMARC1; psd=y",)}},
        "working",
        dns_checks.POLICY_ABOVE,
    ),
    ("return_path", {"bounces.acme.example": {}}, "missing", dns_checks.MISSING),
    ("return_path", {"in.esp.example": SILENT}, "unknown", dns_checks.UNKNOWN),
    (
        "return_path",
        {"bounces.acme.example": {"MX": ("mx.esp.example", "mx.other.example")}},
        "wrong",
        dns_checks.OTHER_SERVERS,
    ),
    ("spf", bounces(()), "missing", dns_checks.MISSING),
    ("spf", bounces("v=spf1 ip4:192.0.2.1 -all"), "wrong", dns_checks.NOT_LET),
    ("spf", bounces(("v=spf1 +all", "v=spf1 -all")), "wrong", dns_checks.BROKEN["several"]),
    ("spf", bounces("v=spf1 " + "mx " * 11), "wrong", dns_checks.BROKEN["lookups"]),
    ("spf", bounces("v=spf1 include:no.example"), "wrong", dns_checks.BROKEN["include"]),
    ("spf", bounces("v=spf1 <script>"), "wrong", dns_checks.BROKEN["term"]),
    (
        "spf",
        bounces("v=spf1 include:away.example", **{"away.example": SILENT}),
        "unknown",
        dns_checks.UNKNOWN,
    ),
    ("tracking", {"links.acme.example": {}}, "missing", dns_checks.MISSING),
    ("tracking", {"links.acme.example": SILENT}, "unknown", dns_checks.UNKNOWN),
    (
        "tracking",
        {"links.acme.example": {"CNAME": ("shop.example",), "A": ("192.0.2.77",)}},
        "wrong",
        dns_checks.ELSEWHERE,
    ),
    ("tracking", {"links.acme.example": {"A": ("192.0.2.9",)}}, "working", ""),
]


@pytest.mark.standard("SPF-01")
@pytest.mark.standard("DMARC-04")
@pytest.mark.standard("DKIM-09")
@pytest.mark.parametrize(("part", "changes", "state", "text"), CASES)
def test_what_is_said_of_a_record(part: str, changes, state: str, text: str):
    one = found(changes)[part]

    assert (one.state, one.text) == (state, text)
    assert one.text % one.values if one.values else True


@pytest.mark.parametrize(
    ("serves", "state", "text"),
    [
        (False, "wrong", dns_checks.NOT_SERVED),
        (None, "unknown", dns_checks.NOT_TRIED),
        (True, "working", ""),
    ],
)
def test_links_need_a_web_server_that_answers(serves, state: str, text: str):
    one = found(serves=serves)["tracking"]

    assert (one.state, one.text) == (state, text)


def test_what_is_not_used_is_not_asked_for():
    bare = replace(SETUP, return_path_host="", tracking_host="")
    away = replace(SETUP, bounce_domain="", tracking_target="")

    for setup in (bare, away):
        states = found(setup=setup)
        assert {states[part].state for part in ("return_path", "spf", "tracking")} == {"unused"}
        assert [one.part for one in records.records(setup)] == ["dkim:s1", "dmarc"]


@pytest.mark.standard("SPF-01")
@pytest.mark.parametrize(
    ("ways", "text"),
    [
        (Ways(("192.0.2.1", "2001:db8::1")), "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all"),
        (
            Ways((), ("email-smtp.eu-west-1.amazonaws.com",)),
            "v=spf1 include:amazonses.com ~all",
        ),
        (
            Ways((), ("smtp.acme.example", "192.0.2.7")),
            "v=spf1 ip4:192.0.2.7 a:smtp.acme.example ~all",
        ),
        (Ways(), "v=spf1 mx ~all"),
    ],
)
def test_the_spf_record_names_the_ways_mail_leaves_by(ways: Ways, text: str):
    assert records.spf_text(ways) == text


@pytest.mark.standard("SPF-01")
def test_a_relay_must_be_included_or_let():
    known = replace(SETUP, ways=Ways((), ("smtp.sendgrid.net",)))
    assert found(setup=known)["spf"].text == dns_checks.NOT_INCLUDED
    relay = {"smtp.acme.example": {"A": ("192.0.2.50",)}}
    named = replace(SETUP, ways=Ways((), ("smtp.acme.example",)))
    assert found(relay, named)["spf"].text == dns_checks.NOT_LET
    told = records.spf_text(named.ways)
    assert found(bounces(told, **relay), named)["spf"].state == "working"


@pytest.mark.standard("DKIM-09")
def test_long_texts_are_shown_in_strings_too():
    key, *_others = records.records(SETUP)

    assert len(key.value) > 255
    assert all(len(piece) <= 255 for piece in key.strings)
    assert "".join(key.strings) == key.value
    assert records.pieces("short") == ()


def test_keys_are_shown_until_they_are_retired():
    keys = tuple(Key(state, "rsa", PUBLIC, state) for state in ("waiting", "leaving", "retired"))
    setup = replace(SETUP, keys=keys)

    assert [one.part for one in records.records(setup)][:2] == ["dkim:waiting", "dkim:leaving"]
    assert "dkim:retired" not in found(setup=setup)


def test_what_dns_says_is_shown_in_part():
    text = "x" * 5000
    one = found({KEY_NAME: {"TXT": (text,) * 50}})["dkim:s1"]

    assert len(one.found) == dns_checks.MOST_SHOWN
    assert {len(value) for value in one.found} == {dns_checks.SHOWN}
