"""Sending domains: added, changed, checked, removed, and what they allow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from esp.config import Settings
from esp.errors import Conflict, Invalid, NotFound
from esp.secrets import Cipher
from esp.senders import dkim_keys, domain_checks, sending_domains, transports
from esp.senders.dns_checks import UNKNOWN, Finding
from esp.senders.models import SendingDomain
from esp.senders.records import Ways
from esp.senders.sending_domains import Changes
from esp.senders.standing import Standing, standing
from esp.senders.transports import TransportSettings
from tests.factories import make_account

CIPHER = Cipher(("a key for tests that is long enough",))
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SETTINGS = Settings(base_url="https://esp.example", bounce_domain="in.esp.example")
WORKING = Finding("working")


def add(session, account_id, name="acme.example") -> SendingDomain:
    return sending_domains.add_domain(session, account_id, name, CIPHER, NOW)


def selector(session, row: SendingDomain) -> str:
    return dkim_keys.keys_of(session, row.account_id, row.id)[0].selector


def kept(session, row: SendingDomain, now=NOW, **states: str | Finding) -> SendingDomain:
    """After a check that found `states`; "dkim" stands for the newest key."""
    parts = {"dkim": "working", "dmarc": "working", "return_path": "working"}
    parts |= {"spf": "working", "tracking": "working"} | states
    found = {
        f"dkim:{selector(session, row)}" if part == "dkim" else part: (
            state if isinstance(state, Finding) else Finding(state)
        )
        for part, state in parts.items()
    }
    domain_checks.keep_findings(session, row.account_id, row.id, found, now)
    return sending_domains.domain(session, row.account_id, row.id)


def test_a_new_domain_has_a_key_and_hosts_and_is_checked_at_once(session, account_id):
    row = add(session, account_id, " Acme.Example. ")

    assert (row.name, row.return_path_host, row.tracking_host) == (
        "acme.example",
        "bounces.acme.example",
        "links.acme.example",
    )
    assert [(k.algorithm, k.state) for k in dkim_keys.keys_of(session, account_id, row.id)] == [
        ("rsa", "waiting")
    ]
    assert domain_checks.claim_due(session, account_id, NOW) == row.id


def test_names_are_kept_as_a_labels(session, account_id):
    assert add(session, account_id, "Bücher.example").name == "xn--bcher-kva.example"


@pytest.mark.standard("DMARC-01")
@pytest.mark.parametrize(
    "name",
    ["gmail.com", "GMAIL.com.", "yahoo.com", "yahoo.co.id", "outlook.com", "gmx.de", "proton.me"],
)
def test_free_mail_providers_are_refused(session, account_id, name):
    with pytest.raises(Invalid, match="own domain") as refused:
        add(session, account_id, name)
    assert refused.value.place == "name"


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "acme", "a@acme.example", "acme .example", "-", "192.0.2.1", "<b>.example"),
        *("shop.localhost", "a" * 64 + ".example", ".".join(["abcdefgh"] * 26) + ".example"),
    ],
)
def test_what_is_no_domain_is_refused(session, account_id, name):
    with pytest.raises(Invalid):
        add(session, account_id, name)


def test_a_domain_is_added_once_for_each_account(session, account_id):
    add(session, account_id)
    with pytest.raises(Conflict):
        add(session, account_id)
    other = make_account(session)
    add(session, other)


def test_nobody_reaches_anothers_domain(session, account_id):
    row = add(session, account_id)
    other = make_account(session)

    for act in (
        lambda: sending_domains.domain(session, other, row.id),
        lambda: sending_domains.delete_domain(session, other, row.id),
        lambda: sending_domains.change_domain(session, other, row.id, Changes("", ""), NOW),
        lambda: domain_checks.ask_again(session, other, row.id, NOW),
    ):
        with pytest.raises(NotFound):
            act()
    assert sending_domains.domains(session, other) == []
    assert standing(session, other, "acme.example") == Standing()


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        (Changes("bounces.other.example", ""), "return_path_host"),
        (Changes("acme.example", ""), "return_path_host"),
        (Changes("", "xacme.example"), "tracking_host"),
        (Changes("m.acme.example", "m.acme.example"), "tracking_host"),
        (Changes("", "https://links.acme.example/"), "tracking_host"),
    ],
)
def test_hosts_stand_below_the_domain(session, account_id, changes, place):
    row = add(session, account_id)
    with pytest.raises(Invalid) as refused:
        sending_domains.change_domain(session, account_id, row.id, changes, NOW)
    assert refused.value.place == place


def test_another_host_is_not_used_before_it_was_seen(session, account_id):
    row = kept(session, add(session, account_id))
    changes = Changes("back.acme.example", row.tracking_host)
    sending_domains.change_domain(session, account_id, row.id, changes, NOW)

    found = standing(session, account_id, "acme.example")

    assert (found.return_path_host, found.tracking_host) == ("", "links.acme.example")


class TestChecks:
    def test_what_is_missing_is_looked_at_again_sooner_than_what_works(self, session, account_id):
        row = add(session, account_id)
        minutes = {}
        for age in (0, 60, 24 * 60, 7 * 24 * 60):
            now = NOW + timedelta(minutes=age)
            minutes[age] = (kept(session, row, now, spf="missing").next_check_at - now) // (
                timedelta(minutes=1)
            )
        assert minutes == {0: 1, 60: 5, 24 * 60: 30, 7 * 24 * 60: 240}
        assert kept(session, row).next_check_at == NOW + timedelta(hours=4)
        silent = kept(session, row, spf=Finding("unknown", UNKNOWN))
        assert silent.next_check_at == NOW + timedelta(minutes=15)

    def test_a_claimed_check_is_nobody_elses_until_it_must_have_failed(self, session, account_id):
        row = add(session, account_id)
        assert domain_checks.claim_due(session, account_id, NOW) == row.id
        assert domain_checks.claim_due(session, account_id, NOW) is None
        assert domain_checks.claim_due(session, account_id, NOW + timedelta(minutes=3)) == row.id

    def test_a_wish_during_a_check_gets_a_check_of_its_own(self, session, account_id):
        row = add(session, account_id)
        domain_checks.claim_due(session, account_id, NOW)
        wish = NOW + timedelta(seconds=5)
        domain_checks.ask_again(session, account_id, row.id, wish)
        row = kept(session, row, NOW)

        assert domain_checks.is_being_checked(row, wish)
        assert domain_checks.claim_due(session, account_id, wish) == row.id
        row = kept(session, row, wish)
        assert not domain_checks.is_being_checked(row, wish)

    def test_nobody_waits_for_ever(self, session, account_id):
        row = add(session, account_id)
        assert domain_checks.is_being_checked(row, NOW)
        assert not domain_checks.is_being_checked(row, NOW + timedelta(minutes=10))

    @pytest.mark.standard("DKIM-08")
    def test_a_key_signs_once_it_was_seen(self, session, account_id):
        row = add(session, account_id)
        kept(session, row, dkim="missing")
        assert not standing(session, account_id, "acme.example").is_signed
        kept(session, row)
        assert standing(session, account_id, "acme.example").is_signed
        for state, signed in (("unknown", True), ("missing", False), ("wrong", False)):
            kept(session, row, dkim=state)
            assert standing(session, account_id, "acme.example").is_signed is signed

    def test_what_worked_is_used_for_days_while_name_servers_are_silent(self, session, account_id):
        row = kept(session, add(session, account_id))
        for days, host in ((1, "links.acme.example"), (4, "")):
            kept(session, row, NOW + timedelta(days=days), tracking="unknown")
            assert standing(session, account_id, "acme.example").tracking_host == host

    def test_a_removed_domain_is_no_matter(self, session, account_id):
        row = add(session, account_id)
        sending_domains.delete_domain(session, account_id, row.id)
        domain_checks.keep_findings(session, account_id, row.id, {"dmarc": WORKING}, NOW)


class TestStanding:
    def test_a_return_path_needs_both_its_records(self, session, account_id):
        row = add(session, account_id)
        for states in ({"spf": "wrong"}, {"return_path": "missing"}):
            kept(session, row, **states)
            assert standing(session, account_id, "acme.example").return_path_host == ""
        kept(session, row)
        assert standing(session, account_id, "acme.example") == Standing(
            "acme.example",
            is_signed=True,
            has_policy=True,
            return_path_host="bounces.acme.example",
            tracking_host="links.acme.example",
        )

    def test_the_nearest_domain_above_stands_for_an_address(self, session, account_id):
        add(session, account_id)
        add(session, account_id, "news.acme.example")
        for from_domain, name in {
            "acme.example": "acme.example",
            "shop.acme.example": "acme.example",
            "news.acme.example": "news.acme.example",
            "eu.news.acme.example": "news.acme.example",
            "xacme.example": "",
            "example": "",
        }.items():
            assert standing(session, account_id, from_domain).name == name

    @pytest.mark.standard("DMARC-01")
    def test_a_strict_policy_lets_no_other_name_sign(self, session, account_id):
        strict = Finding("working", found=("v=DMARC1; p=reject; adkim=s",))
        kept(session, add(session, account_id), dmarc=strict)
        assert not standing(session, account_id, "acme.example").is_strict
        assert standing(session, account_id, "shop.acme.example").is_strict


class TestSetup:
    def test_records_follow_from_the_ways_mail_leaves_by(self, session, account_id):
        row = add(session, account_id)
        here = TransportSettings("Here", "127.0.0.1", 25, tls="none", is_default=False)
        relay = TransportSettings("Relay", "smtp.acme.example", 587)
        for one in (here, relay):
            transports.add_transport(session, account_id, one, CIPHER, secure=True)

        setup = domain_checks.setup_of(session, SETTINGS, row)

        assert setup.ways == Ways((), ("smtp.acme.example",))
        assert (setup.bounce_domain, setup.tracking_target) == ("in.esp.example", "esp.example")

    def test_the_installations_relay_counts_where_there_is_no_other(self, session, account_id):
        row = add(session, account_id)
        settings = SETTINGS.model_copy(update={"smtp_url": "smtps://u:p@relay.example:465"})
        assert domain_checks.setup_of(session, settings, row).ways.relays == ("relay.example",)

    def test_an_installation_at_home_has_no_names_to_point_to(self, session, account_id):
        setup = domain_checks.setup_of(session, Settings(), add(session, account_id))
        assert (setup.bounce_domain, setup.tracking_target) == ("", "")
