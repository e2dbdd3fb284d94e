"""The self-check of the names that our addresses have."""

from __future__ import annotations

import pytest

from esp.senders.mx.ptr import PtrFinding, check
from esp.senders.mx.questions import Questions
from tests.dns import SERVFAIL, FakeDns

V6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
ZONES = {
    "1.2.0.192.in-addr.arpa": {"PTR": ["Out1.acme.example."]},
    "2.2.0.192.in-addr.arpa": {"PTR": ["rented-2.host.example."]},
    "3.2.0.192.in-addr.arpa": {"PTR": ["out3.acme.example."]},
    "5.2.0.192.in-addr.arpa": SERVFAIL,
    "6.2.0.192.in-addr.arpa": {"PTR": ["gone.acme.example.", "out6.acme.example."]},
    "7.2.0.192.in-addr.arpa": {"PTR": ["broken.acme.example."]},
    V6: {"PTR": ["out6.acme.example."]},
    "out1.acme.example": {"A": ["192.0.2.1"]},
    "rented-2.host.example": {"A": ["192.0.2.2"]},
    "out3.acme.example": {"A": ["192.0.2.99"]},
    "out6.acme.example": {"A": ["192.0.2.6"], "AAAA": ["2001:db8::1"]},
    "broken.acme.example": SERVFAIL,
}


@pytest.mark.standard("SMTP-23")
@pytest.mark.parametrize(
    ("address", "helo_name", "state", "names"),
    [
        ("192.0.2.1", "out1.acme.example", "working", ["out1.acme.example"]),
        ("192.0.2.2", "out2.acme.example", "other", ["rented-2.host.example"]),
        ("192.0.2.3", "out3.acme.example", "astray", ["out3.acme.example"]),
        ("192.0.2.4", "out4.acme.example", "missing", []),
        ("192.0.2.5", "out5.acme.example", "unasked", []),
        (
            "192.0.2.6",
            "OUT6.acme.example",
            "working",
            ["gone.acme.example", "out6.acme.example"],
        ),
        ("192.0.2.7", "out7.acme.example", "unasked", ["broken.acme.example"]),
        ("2001:db8::1", "out6.acme.example", "working", ["out6.acme.example"]),
    ],
)
def test_a_name_that_leads_back(address, helo_name, state, names):
    with FakeDns(ZONES) as server:
        (found,) = check(Questions((server.nameserver,)), {address: helo_name})
    assert (found.state, sorted(found.names)) == (state, names)


def test_one_finding_for_each_address_in_their_order():
    with FakeDns(ZONES) as server:
        found = check(Questions((server.nameserver,)), {"192.0.2.4": "b", "192.0.2.1": "a"})
    assert [one.address for one in found] == ["192.0.2.4", "192.0.2.1"]
    assert found[0] == PtrFinding("192.0.2.4", "b", "missing")
