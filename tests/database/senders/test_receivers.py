"""The table of domains, and how it is filled before a broadcast's audience is written down."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from esp.broadcasts import audience
from esp.db import enter_account
from esp.delivery.models import Batch, Recipient
from esp.entrypoints.tasks import receivers as task
from esp.runtime import Runtime
from esp.senders import providers
from esp.senders.models import DomainProvider, Provider
from esp.senders.mx import (
    Destination,
    Resolver,
    Undeliverable,
    Unresolved,
    receivers,
    resolve,
)
from esp.senders.mx.policies import Kept, Policies
from esp.senders.mx.resolver import resolve_all
from esp.senders.mx.sts import Policy
from tests.dns import SERVFAIL, TIMEOUT, FakeDns
from tests.factories import (
    make_account,
    make_broadcast,
    make_contact,
    make_dispatch,
    make_list,
    subscribe,
)

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SOON = NOW + timedelta(hours=2)


def to(provider, site="s#1", until=SOON, domain="x.example"):
    return Destination(domain, (), site, provider, until)


def known(session, now=NOW):
    names = session.scalars(select(DomainProvider.domain)).all()
    ids = {one.id: one.name for one in session.scalars(select(Provider))}
    found = receivers.lookup(session, names, now)
    return {domain: (ids[number], site) for domain, (number, site) in found.items()}


def test_what_is_looked_up_is_found_in_one_question(session):
    found = {"a.example": to("google"), "b.example": to("acme.example", "s#2")}
    receivers.keep(session, found, NOW)
    assert known(session) == {"a.example": ("google", "s#1"), "b.example": ("acme.example", "s#2")}


def test_a_site_out_of_date_is_none_but_the_provider_stays(session):
    receivers.keep(session, {"a.example": to("google")}, NOW)
    assert known(session, SOON) == {"a.example": ("google", "")}


@pytest.mark.parametrize(
    ("result", "provider"),
    [
        (Unresolved("no answer"), "google"),
        (Undeliverable(556, "5.1.10", "no mail"), "other"),
        (to("microsoft"), "microsoft"),
    ],
)
def test_what_changes_at_the_next_look(session, result, provider):
    receivers.keep(session, {"a.example": to("google")}, NOW)
    receivers.keep(session, {"a.example": result}, SOON)
    site = "s#1" if provider == "microsoft" else ""
    assert known(session) == {"a.example": (provider, site)}


def test_the_first_look_without_an_answer_knows_what_everybody_knows(session):
    receivers.keep(session, {"gmail.com": Unresolved(""), "a.example": Unresolved("")}, NOW)
    assert known(session) == {"gmail.com": ("google", ""), "a.example": ("other", "")}


def test_those_never_looked_up_come_first(session):
    providers.assign(session, ["gmail.com"])
    receivers.keep(
        session,
        {"old.example": to("google", until=NOW), "good.example": to("google")},
        NOW - timedelta(hours=1),
    )
    names = ["old.example", "new.example", "good.example", "gmail.com", "a.example"]
    asked = receivers.stale(session, names, NOW)
    assert asked == ["new.example", "gmail.com", "a.example", "old.example"]


def test_policies_are_kept_and_replaced(runtime: Runtime):
    policies = Policies(runtime.transaction)
    first = Kept("1", Policy("enforce", ("*.a.example",), 86_400), NOW)
    policies.keep({"a.example": first, "b.example": first})
    assert policies.read(["a.example", "c.example"]) == {"a.example": first}
    second = Kept("2", Policy("none", (), 60), SOON)
    policies.keep({"a.example": second})
    assert policies.read(["a.example", "b.example"]) == {"a.example": second, "b.example": first}


# -- before the audience ------------------------------------------------------------------------

ZONES = {
    "alpha.example": {"MX": ["10 aspmx.l.google.com."]},
    "beta.example": {"MX": ["10 beta-example.mail.protection.outlook.com."]},
    "gamma.example": {"MX": ["10 mx.gamma.example."]},
    "delta.example": {"MX": ["10 mx.gamma.example."]},
    "dead.example": {"MX": ["0 ."]},
    "here.example": {"A": ["192.0.2.1"]},
    "broken.example": SERVFAIL,
}


@pytest.fixture
def dns_server():
    with FakeDns(ZONES) as server:
        yield server


@pytest.fixture
def asking(runtime: Runtime, dns_server) -> Runtime:
    return changed(runtime, dns=(dns_server.nameserver,), smtp_url="smtp://relay.acme.example")


def changed(runtime, **values) -> Runtime:
    return replace(runtime, settings=runtime.settings.model_copy(update=values))


def an_audience(runtime, domains) -> tuple[int, int]:
    with runtime.transaction(None) as session:
        account_id = make_account(session)
        list_id = make_list(session, account_id)
        for number, domain in enumerate(domains):
            person = make_contact(session, account_id, email=f"p{number}@{domain}")
            subscribe(session, account_id, list_id, person)
        broadcast_id = make_broadcast(
            session,
            account_id,
            (list_id,),
            state="preparing",
            started_at=runtime.clock() + timedelta(days=3650),
        )
        make_dispatch(session, account_id, broadcast_id)
    return account_id, broadcast_id


@pytest.mark.standard("THR-01")
def test_the_providers_are_known_before_the_people_are_written_down(asking, dns_server):
    account_id, broadcast_id = an_audience(asking, sorted(ZONES))
    task.Receivers(asking, account_id, broadcast_id, first=20).look_up(500)
    with asking.transaction(account_id) as session:
        audience.write_chunk(session, account_id, broadcast_id, 500, asking.clock())
        rows = session.execute(
            select(Recipient.email, Provider.name).join(
                Provider, Provider.id == Recipient.provider_id
            )
        )
        found = {email.partition("@")[2]: name for email, name in rows}
        sites = receivers.lookup(session, sorted(ZONES), asking.clock())
    assert found == {
        "alpha.example": "google",
        "beta.example": "microsoft",
        "gamma.example": "gamma.example",
        "delta.example": "gamma.example",
        "dead.example": "other",
        "here.example": "here.example",
        "broken.example": "other",
    }
    assert sites["gamma.example"] == sites["delta.example"]
    assert sites["dead.example"][1] == ""
    asked = len(dns_server.asked)
    task.Receivers(asking, account_id, broadcast_id, first=20).look_up(500)
    # All but the broken one are known now.
    assert {name for name, _kind in dns_server.asked[asked:]} <= {
        "broken.example",
        "_mta-sts.broken.example",
    }


@pytest.mark.parametrize("smtp_url", ["", "smtp://127.0.0.1:2525"])
def test_nobody_is_asked_where_mail_stays_on_this_machine(asking, dns_server, smtp_url):
    staying = changed(asking, smtp_url=smtp_url)
    account_id, broadcast_id = an_audience(staying, ["alpha.example"])
    task.Receivers(staying, account_id, broadcast_id).look_up(500)
    task.run(staying, account_id)
    assert dns_server.asked == []


def test_where_nobody_answers_the_second_chunk_does_not_wait(asking, dns_server):
    account_id, broadcast_id = an_audience(asking, ["broken.example"] * 3)
    waiting = task.Receivers(asking, account_id, broadcast_id, first=20)
    waiting.look_up(1)
    asked = len(dns_server.asked)
    waiting.look_up(2)
    assert len(dns_server.asked) == asked > 0


def test_a_slow_name_server_does_not_keep_a_broadcast_waiting(asking, dns_server):
    dns_server["slow.example"] = TIMEOUT
    account_id, broadcast_id = an_audience(asking, ["slow.example"])
    began = time.monotonic()
    task.Receivers(asking, account_id, broadcast_id, first=0.2).look_up(1)
    # Alone, the question would take six seconds.
    assert time.monotonic() - began < 4


def test_the_domains_of_imported_people_are_looked_up(asking):
    account_id, _broadcast = an_audience(asking, sorted(set(ZONES) - {"broken.example"}) * 2)
    task.run(asking, account_id)
    with asking.transaction(None) as session:
        assert known(session, asking.clock())["alpha.example"][0] == "google"
        assert receivers.stale(session, list(ZONES), asking.clock()) == ["broken.example"]


# -- while sending ------------------------------------------------------------------------------


def test_what_is_found_while_sending_is_known_to_all(asking):
    resolver = Resolver.of(asking.settings, asking.transaction)
    find = receivers.Finder(resolver, asking.transaction).of_domain
    with pytest.raises(Undeliverable) as never:
        find("dead.example", NOW)
    assert never.value.enhanced == "5.1.10"
    with pytest.raises(Unresolved):
        find("broken.example", NOW)
    found = find("here.example", NOW)
    assert [one.addresses for one in found.hosts] == [("192.0.2.1",)]
    with asking.transaction(None) as session:
        assert known(session) == {
            "broken.example": ("other", ""),
            "dead.example": ("other", ""),
            "here.example": ("here.example", found.site),
        }


@pytest.fixture
def shared(asking, dns_server):
    """A site of two domains, and one who may ask for it."""
    for domain in ("one.example", "two.example"):
        dns_server[domain] = {"MX": ["10 mx.shared.example."], "TTL": 0}
    dns_server["mx.shared.example"] = {"A": ["192.0.2.1"]}
    resolver = Resolver.of(asking.settings, asking.transaction)
    finder = receivers.Finder(resolver, asking.transaction)
    site = finder.of_domain("one.example", NOW).site
    assert finder.of_domain("two.example", NOW).site == site
    return finder, site


@pytest.mark.parametrize("news", [{"MX": ["10 mx.evil.example."]}, {"MX": ["0 ."]}, SERVFAIL])
def test_who_leaves_a_site_takes_no_others_along(shared, dns_server, news):
    finder, site = shared
    dns_server["mx.evil.example"] = {"A": ["192.0.2.66"]}
    dns_server["one.example"] = news
    found = finder.of_site(site, "one.example", NOW)
    assert [one.name for one in found.hosts] == ["mx.shared.example"]
    dns_server["two.example"] = news
    with pytest.raises(Unresolved):
        finder.of_site(site, "one.example", NOW)


def test_a_policy_once_fetched_binds_the_next_process_too(asking):
    kept = Kept("1", Policy("enforce", ("mx.here.example",), 86_400), NOW)
    Policies(asking.transaction).keep({"here.example": kept})
    resolver = Resolver.of(asking.settings, asking.transaction)
    with pytest.raises(Unresolved) as waiting:
        resolve(resolver, "here.example", NOW + timedelta(hours=1))
    assert waiting.value.enhanced == "4.7.5"
    found = resolve_all(resolver, ["here.example"], NOW + timedelta(days=2), 20)
    assert isinstance(found["here.example"], Destination)


def test_our_own_names_are_no_receivers(asking):
    here = changed(asking, base_url="https://here.example", bounce_domain="bounces.here.example")
    resolver = Resolver.of(here.settings, here.transaction, ["mta1.here.example"])
    assert resolver.world.own_names == {
        "here.example",
        "bounces.here.example",
        "mta1.here.example",
    }
    with pytest.raises(Undeliverable):
        resolve(resolver, "here.example", NOW)


# -- batches ------------------------------------------------------------------------------------


@pytest.mark.standard("THR-01")
def test_providers_of_few_share_batches_and_rows_bear_their_own(session, account_id):
    enter_account(session, account_id)
    many, few = audience.FEW, 7
    list_id = make_list(session, account_id)
    for number in range(many + few):
        domain = "gmail.com" if number < many else f"d{number}.example"
        person = make_contact(session, account_id, email=f"p{number}@{domain}")
        subscribe(session, account_id, list_id, person)
    found = {f"d{number}.example": to(f"d{number}.example") for number in range(many, many + few)}
    receivers.keep(session, found, NOW)
    broadcast_id = make_broadcast(session, account_id, (list_id,), state="preparing")
    session.execute(text("UPDATE broadcasts SET started_at = clock_timestamp()"))
    make_dispatch(session, account_id, broadcast_id)
    audience.write_chunk(session, account_id, broadcast_id, 500, NOW)
    batches = session.execute(
        select(Batch.hi - Batch.lo + 1, Provider.name)
        .join(Provider, Provider.id == Batch.provider_id)
        .order_by(Provider.name)
    ).all()
    assert [tuple(one) for one in batches] == [(many, "google"), (few, "other")]
    names = session.scalars(
        select(Provider.name).join(Recipient, Provider.id == Recipient.provider_id).distinct()
    )
    assert set(names) == {"google", *found}
