"""What DNS says of a domain becomes hosts to try, or the outcome of its envelopes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from esp.delivery.smtp.exchanges import exchanges
from esp.delivery.smtp.resolve import Host, NoHosts
from esp.senders.mx.destination import Demand, Destination, Undeliverable, Unresolved
from esp.senders.mx.destination import Host as Exchange
from esp.senders.mx.tlsa import Tlsa

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TLSA = (Tlsa(3, 1, 1, b"x" * 32),)
HOSTS = (
    Exchange("a.example", 25, 10, ("192.0.2.1", "2001:db8::1")),
    Exchange("b.example", 25, 20, ("192.0.2.2",), Demand("sts")),
    Exchange("c.example", 2525, 20, ("192.0.2.3",), Demand("dane", TLSA)),
)


def test_hosts_keep_their_order_and_their_demands() -> None:
    def find(domain: str, now: datetime) -> Destination:
        assert (domain, now) == ("y.org", NOW)
        return Destination(domain, HOSTS, "site", "other", now)

    found = exchanges(find, lambda: NOW)("y.org")
    assert found == [
        Host("a.example", 25, ("192.0.2.1", "2001:db8::1"), "starttls"),
        Host("b.example", 25, ("192.0.2.2",), "starttls-required"),
        Host("c.example", 2525, ("192.0.2.3",), "starttls-required"),
    ]
    assert [one.verify is not None for one in found] == [False, False, True]
    assert found[2].verify is not None
    assert not found[2].verify([b"another certificate"])


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        (Undeliverable(556, "5.1.10", "no mail here"), ("failed", 556, "5.1.10", "no mail here")),
        (Unresolved("no answer"), ("deferred", 0, "4.4.3", "no answer")),
        (Unresolved("no", "4.7.5"), ("deferred", 0, "4.7.5", "no")),
    ],
)
def test_a_domain_without_hosts(trouble: Exception, outcome: tuple[object, ...]) -> None:
    def find(_domain: str, _now: datetime) -> Destination:
        raise trouble

    with pytest.raises(NoHosts) as raised:
        exchanges(find, lambda: NOW)("y.org")
    found = raised.value.outcome
    assert (found.kind, found.code, found.enhanced, found.text) == outcome
    assert found.stage == "connect"
