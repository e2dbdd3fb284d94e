"""Domains that the same hosts receive for: looked up once, sent to on the same connections."""

from __future__ import annotations

import pytest

from bench.conversation import Behaviour
from esp.clock import utc_now
from esp.delivery.sender import Sender
from esp.runtime import Runtime
from esp.senders.mx import Resolver, receivers
from esp.senders.mx.resolver import resolve_all
from tests.factories import make_account
from tests.flows.receivers import World, direct_runtime, send_to, world
from tests.sendings import Sending, states

DOMAINS = [f"company{number}.example" for number in range(12)]


def a_broadcast(real: Runtime) -> Sending:
    """To a person in each company, whose receivers have been looked up."""
    with real.transaction(None) as session:
        sending = send_to(session, make_account(session), dict.fromkeys(DOMAINS, 1), together=True)
    found = resolve_all(Resolver.of(real.settings, real.transaction), DOMAINS, utc_now(), 20)
    with real.transaction(None) as session:
        receivers.keep(session, found, utc_now())
        sites = receivers.lookup(session, DOMAINS, utc_now())
    assert len(set(sites.values())) == 1
    return sending


def hosted(found: World) -> None:
    for domain in DOMAINS:
        found.dns[domain] = {"MX": ["10 mx.hosted.example."], "TTL": 0}


def send(real: Runtime, sending: Sending) -> dict[str, int]:
    sender = Sender(real)
    sender.work(20, stop=lambda: False)
    sender.stop(2)
    with real.transaction(sending.account_id) as session:
        return states(session, sending)


@pytest.mark.standard("THR-01")
def test_companies_behind_one_provider_share_its_connections(settings, runtime):
    with world({"hosted.example": Behaviour()}) as found:
        hosted(found)
        with direct_runtime(settings, found.dns, found.port) as real:
            assert send(real, a_broadcast(real)) == {"sent": len(DOMAINS)}
        taken = found.taken["hosted.example"]
    assert sorted(one.rcpt[0].partition("@")[2] for one in taken) == sorted(DOMAINS)
    # As many as a provider may have would do no harm; one for each company would.
    assert len({one.connection for one in taken}) < len(DOMAINS) / 2


def test_a_company_that_moves_away_takes_no_mail_of_the_others(settings, runtime):
    with world({"hosted.example": Behaviour(), "evil.example": Behaviour()}) as found:
        hosted(found)
        with direct_runtime(settings, found.dns, found.port) as real:
            sending = a_broadcast(real)
            for domain in DOMAINS[:2]:
                found.dns[domain] = {"MX": ["10 mx.evil.example."], "TTL": 0}
            assert send(real, sending)["sent"] == len(DOMAINS)
        # Where a domain's mail went for the last five minutes, it may go a little longer.
        assert found.count("evil.example") == 0
