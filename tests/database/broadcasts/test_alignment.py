"""Whether a broadcast may go out in the name that stands on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from esp.broadcasts import alignment, compose, move
from esp.broadcasts.message import examine, plan_settings
from esp.broadcasts.models import Broadcast
from esp.config import Settings
from esp.errors import Refused
from esp.secrets import Cipher
from esp.senders import dkim_keys, domain_checks, sending_domains, transports
from esp.senders.dns_checks import Finding
from esp.senders.sending_domains import Changes
from esp.senders.transports import TransportSettings
from tests.factories import make_broadcast, make_list

CIPHER = Cipher(("a key for tests that is long enough",))
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
RELAY = TransportSettings("Relay", "smtp.acme.example", 587)
HERE = TransportSettings("Here", "127.0.0.1", 2525, tls="none")
DIRECT = TransportSettings("Direct", "", 25, tls="starttls", kind="direct")
INSTALLATION = "smtps://u:p@relay.example:465"


def transport(session, account_id, settings) -> int:
    return transports.add_transport(session, account_id, settings, CIPHER, secure=True)


def domain(session, account_id, name="acme.example", **states: Finding) -> int:
    """A domain whose records work, but for `states`."""
    row = sending_domains.add_domain(session, account_id, name, CIPHER, NOW)
    selector = dkim_keys.keys_of(session, account_id, row.id)[0].selector
    parts = ("dkim", "dmarc", "return_path", "spf", "tracking")
    found = dict.fromkeys(parts, Finding("working")) | states
    found[f"dkim:{selector}"] = found.pop("dkim")
    domain_checks.keep_findings(session, account_id, row.id, found, NOW)
    return row.id


def said(session, account_id, from_address="news@acme.example", transport_id=None, smtp_url=""):
    return [
        (problem.kind, problem.code, problem.sentence)
        for problem in alignment.problems(session, account_id, from_address, transport_id, smtp_url)
    ]


@pytest.mark.standard("DMARC-01")
class TestUnaligned:
    def test_nothing_is_asked_while_mail_stays_in_the_local_mailbox(self, session, account_id):
        assert said(session, account_id) == []

    def test_a_sender_without_a_domain_is_refused_with_what_to_do(self, session, account_id):
        for way in (
            {"smtp_url": INSTALLATION},
            {"smtp_url": "direct:"},
            {"transport_id": transport(session, account_id, RELAY)},
            {"transport_id": transport(session, account_id, DIRECT)},
        ):
            [(kind, code, sentence)] = said(session, account_id, **way)
            assert (kind, code) == ("error", "unaligned-sender")
            assert "Add acme.example under Sending domains" in sentence

    def test_a_server_on_this_machine_may_be_a_trial(self, session, account_id):
        here = transport(session, account_id, HERE)
        [(kind, _code, _sentence)] = said(session, account_id, transport_id=here)
        assert kind == "warning"

    @pytest.mark.parametrize("state", ["missing", "wrong"])
    def test_a_key_that_dns_does_not_show_is_refused(self, session, account_id, state):
        domain(session, account_id, dkim=Finding(state))
        [(kind, _code, sentence)] = said(session, account_id, smtp_url=INSTALLATION)
        assert kind == "error"
        assert "DKIM record of acme.example" in sentence

    def test_a_domain_that_works_may_send_and_all_below_it(self, session, account_id):
        domain(session, account_id)
        for address in ("news@acme.example", "a@shop.acme.example"):
            assert said(session, account_id, address, smtp_url=INSTALLATION) == []
        assert said(session, account_id, "a@xacme.example", smtp_url=INSTALLATION) != []

    def test_a_strict_policy_wants_each_name_on_its_own(self, session, account_id):
        strict = Finding("working", found=("v=DMARC1; p=reject; adkim=s",))
        domain(session, account_id, dmarc=strict)
        assert said(session, account_id, smtp_url=INSTALLATION) == []
        [(_kind, _code, sentence)] = said(
            session, account_id, "a@shop.acme.example", smtp_url=INSTALLATION
        )
        assert "Add shop.acme.example under" in sentence

    def test_a_relay_of_ones_own_may_sign(self, session, account_id):
        own = transport(session, account_id, RELAY)
        domain_id = domain(session, account_id, dkim=Finding("missing"))
        assert said(session, account_id, transport_id=own) != []
        sending_domains.change_domain(
            session, account_id, domain_id, Changes("", "", is_signed_by_relay=True), NOW
        )
        assert said(session, account_id, transport_id=own) == []
        # Nobody gets another's name by saying so.
        direct = transport(session, account_id, DIRECT)
        for way in ({"smtp_url": INSTALLATION}, {"transport_id": direct}):
            assert said(session, account_id, **way) != []

    def test_people_read_domains_as_they_write_them(self, session, account_id):
        [(_kind, _code, sentence)] = said(
            session, account_id, "a@xn--bcher-kva.example", smtp_url=INSTALLATION
        )
        assert "bücher.example" in sentence


@pytest.mark.standard("DMARC-04")
def test_a_domain_without_a_policy_is_warned_about(session, account_id):
    domain(session, account_id, dmarc=Finding("missing"))
    [(kind, code, _sentence)] = said(session, account_id, smtp_url=INSTALLATION)
    assert (kind, code) == ("warning", "no-policy")


@pytest.mark.standard("DMARC-01")
def test_an_unaligned_broadcast_is_not_scheduled(session, account_id):
    draft = make_broadcast(session, account_id, (make_list(session, account_id),))
    send_at = NOW + timedelta(hours=1)

    with pytest.raises(Refused, match="Sending domains"):
        move.schedule(session, account_id, draft, send_at, NOW, smtp_url=INSTALLATION)

    domain(session, account_id)
    move.schedule(session, account_id, draft, send_at, NOW, smtp_url=INSTALLATION)


def test_a_free_mail_sender_is_told_once(session, account_id):
    draft = make_broadcast(
        session, account_id, (make_list(session, account_id),), from_address="a@gmail.com"
    )
    broadcast = compose.get(session, account_id, draft)
    found = examine(session, broadcast, smtp_url=INSTALLATION)
    assert [problem.code for problem in found.blockers] == ["free-mail-sender"]


@pytest.mark.standard("DMARC-02")
@pytest.mark.parametrize(
    ("base_url", "tracking_url"),
    [
        ("https://esp.example", "https://links.acme.example"),
        ("https://esp.example:8443", "https://links.acme.example:8443"),
    ],
)
def test_hosts_that_work_are_used(session, account_id, base_url, tracking_url):
    from esp.accounts.models import Account

    settings = Settings(base_url=base_url, bounce_domain="in.esp.example")
    broadcast = compose.get(session, account_id, make_broadcast(session, account_id))
    account = session.get_one(Account, account_id)

    before = plan_settings(session, settings, broadcast, account)
    domain(session, account_id)
    after = plan_settings(session, settings, broadcast, account)

    assert (before.bounce_domain, before.tracking_base_url) == ("in.esp.example", base_url)
    assert (after.bounce_domain, after.tracking_base_url) == ("bounces.acme.example", tracking_url)


def test_senders_that_work_come_first(session, account_id):
    make_broadcast(session, account_id, from_address="shop@kopi.example")
    make_broadcast(session, account_id, from_address="")
    domain(session, account_id, "kopi.example")
    domain(session, account_id, "teh.example", dkim=Finding("missing"))

    found = [(sender.address, sender.works) for sender in alignment.senders(session, account_id)]

    assert found == [
        ("shop@kopi.example", True),
        ("news@acme.example", False),
        ("news@teh.example", False),
    ]


@pytest.mark.parametrize("state", alignment.OPEN)
def test_a_domain_in_use_stays(session, account_id, state):
    domain_id = domain(session, account_id)
    below = domain(session, account_id, "news.acme.example")
    broadcast = make_broadcast(session, account_id, name="Sale", from_address="a@s.acme.example")
    session.execute(update(Broadcast).where(Broadcast.id == broadcast).values(state=state))

    with pytest.raises(Refused, match="“Sale” goes out from this domain"):
        alignment.remove_domain(session, account_id, domain_id)

    assert alignment.remove_domain(session, account_id, below) == "news.acme.example"
    session.execute(update(Broadcast).where(Broadcast.id == broadcast).values(state="sent"))
    assert alignment.remove_domain(session, account_id, domain_id) == "acme.example"
