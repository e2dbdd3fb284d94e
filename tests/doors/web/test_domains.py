"""The pages of sending domains."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from esp.accounts.models import AuditEntry
from esp.broadcasts.models import Broadcast
from esp.entrypoints.tasks import domains as task
from esp.entrypoints.web import create_pages
from esp.senders import dkim_keys, domain_checks, sending_domains
from esp.senders.dns_checks import Finding
from tests.dns import FakeDns
from tests.doors.web.visitor import Visitor, colleague, page
from tests.factories import make_broadcast, make_list

BASE = "/a/acme/domains"


@pytest.fixture
def dns(runtime):
    with FakeDns({}) as server:
        changes = {
            "dns": (server.nameserver,),
            "bounce_domain": "in.esp.example",
            "base_url": "http://esp.example:1",
        }
        object.__setattr__(runtime, "settings", runtime.settings.model_copy(update=changes))
        yield server


@pytest.fixture
def app(runtime, dns):
    app = create_pages(runtime)
    app.testing = True
    return app


@pytest.fixture
def domain_id(owner) -> int:
    answer = owner.post(f"{BASE}/new", {"name": "Acme.example"})
    assert answer.status_code == 303
    return int(answer.location.rpartition("/")[2])


def key(runtime, acme, domain_id):
    with runtime.transaction(acme[0]) as session:
        return dkim_keys.keys_of(session, acme[0], domain_id)[0]


def found(runtime, acme, domain_id, **states: Finding) -> None:
    with runtime.transaction(acme[0]) as session:
        domain_checks.keep_findings(session, acme[0], domain_id, states, runtime.clock())


def test_without_a_domain_the_page_says_what_to_do(owner):
    text = page(owner.get(BASE))
    assert "No domain yet" in text
    assert "Add a domain" in text


@pytest.mark.standard("DMARC-01")
@pytest.mark.parametrize("name", ["gmail.com", "", "acme", "<b>"])
def test_what_cannot_be_added_is_told_at_the_field(owner, name):
    answer = owner.post(f"{BASE}/new", {"name": name})
    assert answer.status_code == 422
    assert 'id="name-error"' in answer.text


def test_a_domain_twice_is_told_at_the_field(owner, domain_id):
    answer = owner.post(f"{BASE}/new", {"name": "acme.example"})
    assert answer.status_code == 422
    assert "there already" in page(answer, 422)


@pytest.mark.standard("DKIM-09")
def test_the_records_can_be_copied_whole_and_in_strings(owner, runtime, acme, domain_id):
    text = owner.get(f"{BASE}/{domain_id}").text
    made = key(runtime, acme, domain_id)

    values = set(re.findall(r'<input class="input" id="[^"]+" value="([^"]*)"', text))

    assert {
        f"{made.selector}._domainkey.acme.example",
        f"v=DKIM1; k=rsa; p={made.public_key}",
        "_dmarc.acme.example",
        "v=DMARC1; p=none",
        "bounces.acme.example",
        "10 in.esp.example.",
        "v=spf1 mx ~all",
        "links.acme.example",
        "esp.example.",
    } <= values
    pieces = re.findall(r"&#34;([^&]+)&#34;", text)
    assert "".join(pieces) == f"v=DKIM1; k=rsa; p={made.public_key}"
    assert max(map(len, pieces)) == 255


def test_the_page_asks_again_until_dns_has_answered(owner, runtime, acme, clock, domain_id):
    waiting = owner.get(f"{BASE}/{domain_id}").text
    assert f'hx-get="{BASE}/{domain_id}/records"' in waiting

    task.run(runtime, acme[0])

    part = owner.get(f"{BASE}/{domain_id}/records", headers={"HX-Request": "true"}).text
    assert "hx-get" not in part
    assert "Missing" in part
    clock.forward(seconds=30)
    assert owner.post(f"{BASE}/{domain_id}/check").status_code == 303
    assert "Asking DNS" in owner.get(f"{BASE}/{domain_id}").text


def test_states_say_what_is_found_and_what_is_to_be_done(owner, runtime, acme, domain_id):
    found(
        runtime,
        acme,
        domain_id,
        dmarc=Finding("wrong", "Its p= must be none, quarantine or reject.", {}, ("<script>x",)),
        spf=Finding("unknown", "The name servers did not answer."),
    )
    answer = owner.get(f"{BASE}/{domain_id}")
    text = page(answer)
    assert "Its p= must be none, quarantine or reject." in text
    assert "The name servers did not answer." in text
    assert "<script>x" not in answer.text
    assert "is not signed yet" in text
    assert "Wrong" in page(owner.get(BASE))


def test_a_domain_whose_key_was_seen_signs(owner, runtime, acme, domain_id):
    part = f"dkim:{key(runtime, acme, domain_id).selector}"
    found(runtime, acme, domain_id, **{part: Finding("working")})
    assert "Mail from acme.example is signed" in page(owner.get(f"{BASE}/{domain_id}"))
    assert "Works" in page(owner.get(BASE))


def test_keys_are_made_beside_those_that_sign(owner, runtime, acme, domain_id):
    # One waits already.
    owner.post(f"{BASE}/{domain_id}/rotate")
    assert "waits for its DNS record already" in page(owner.get(f"{BASE}/{domain_id}"))
    part = f"dkim:{key(runtime, acme, domain_id).selector}"
    found(runtime, acme, domain_id, **{part: Finding("working")})
    owner.post(f"{BASE}/{domain_id}/rotate")
    assert owner.post(f"{BASE}/{domain_id}/ed25519").status_code == 303
    text = page(owner.get(f"{BASE}/{domain_id}"))
    for words in ("RSA, in use", "RSA, new key", "Ed25519, new key"):
        assert words in text


def test_hosts_are_changed_and_mistakes_told(owner, domain_id):
    address = f"{BASE}/{domain_id}"
    wrong = owner.post(address, {"return_path_host": "b.other.example"})
    assert wrong.status_code == 422
    assert "Write a name below acme.example." in page(wrong, 422)
    right = {"return_path_host": "back.acme.example", "is_signed_by_relay": "y"}
    assert owner.post(address, right).status_code == 303
    text = owner.get(address)
    assert 'value="back.acme.example"' in text.text
    assert "links.acme.example" not in text.text
    assert "Your own relay signs mail of this domain." in page(text)


def test_a_domain_in_use_is_not_removed(owner, runtime, acme, domain_id):
    with runtime.transaction(acme[0]) as session:
        broadcast = make_broadcast(session, acme[0], name="Sale")
        session.execute(
            update(Broadcast).where(Broadcast.id == broadcast).values(state="scheduled")
        )
    answer = owner.post(f"{BASE}/{domain_id}/delete")
    assert "“Sale” goes out from this domain." in page(answer, answer.status_code)
    with runtime.transaction(acme[0]) as session:
        assert sending_domains.domains(session, acme[0])
        session.execute(update(Broadcast).values(state="sent"))

    assert owner.post(f"{BASE}/{domain_id}/delete").status_code == 303

    with runtime.transaction(acme[0]) as session:
        assert not sending_domains.domains(session, acme[0])
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["domain.add", "domain.delete"]


def test_who_may_do_what(app, runtime, acme, domain_id):
    for role, sees, checks, changes in (
        ("viewer", 200, 403, 403),
        ("editor", 200, 303, 403),
        ("manager", 200, 303, 303),
    ):
        visitor = Visitor(app)
        visitor.enter(runtime, colleague(runtime, acme[0], role))
        assert visitor.get(f"{BASE}/{domain_id}").status_code == sees
        assert visitor.post(f"{BASE}/{domain_id}/check").status_code == checks
        for action in ("rotate", ""):
            answer = visitor.post(f"{BASE}/{domain_id}/{action}".rstrip("/"))
            assert answer.status_code == changes


@pytest.mark.standard("DMARC-01")
def test_an_unaligned_sender_is_told_in_the_review_with_a_way_to_mend_it(
    app, owner, runtime, acme, dns
):
    changes = {"smtp_url": "smtps://u:p@relay.example"}
    object.__setattr__(runtime, "settings", runtime.settings.model_copy(update=changes))
    with runtime.transaction(acme[0]) as session:
        draft = make_broadcast(session, acme[0], (make_list(session, acme[0]),))

    review = owner.get(f"/a/acme/broadcasts/{draft}/review")

    assert "Receivers can't tell that mail from acme.example is yours." in page(review)
    assert f'href="{BASE}"' in review.text
    assert owner.post(f"/a/acme/broadcasts/{draft}/send").status_code == 409


def test_senders_whose_domain_works_are_offered_first(owner, runtime, acme, domain_id):
    with runtime.transaction(acme[0]) as session:
        draft = make_broadcast(session, acme[0], from_address="a@kopi.example")
    part = f"dkim:{key(runtime, acme, domain_id).selector}"
    found(runtime, acme, domain_id, **{part: Finding("working")})

    text = owner.get(f"/a/acme/broadcasts/{draft}/sender").text

    offered = re.findall(r'<option value="([^"]+@[^"]+)" label="([^"]+)"', text)
    assert offered == [
        ("news@acme.example", "news@acme.example – its domain is ready"),
        ("a@kopi.example", "a@kopi.example – its domain is not ready yet"),
    ]
