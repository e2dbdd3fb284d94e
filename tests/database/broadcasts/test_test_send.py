"""A test goes out as the mail would, to few, and changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from sqlalchemy import insert, select

from esp.accounts.models import Account
from esp.broadcasts import compose, preview, test_send
from esp.config import Settings
from esp.content import templates
from esp.delivery.models import Notice
from esp.errors import Invalid, NotFound, Refused
from esp.suppression.models import Suppression
from esp.tokens import Keyring
from tests.factories import make_account, make_broadcast, make_contact, make_list

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
KEYS = Keyring([b"a key of the tests"])


def send(session, account_id, broadcast_id, to=("mira@acme.example",), contact_id=None):
    return test_send.send_test(
        session,
        Settings(),
        KEYS,
        compose.get(session, account_id, broadcast_id),
        to,
        preview.person(session, account_id, contact_id, "en"),
        NOW,
    )


def queued(session):
    rows = session.scalars(select(Notice).order_by(Notice.id)).all()
    return [(n, message_from_bytes(n.message, policy=policy.default)) for n in rows]


@pytest.fixture
def broadcast_id(session, account_id):
    return make_broadcast(session, account_id, (make_list(session, account_id),))


def test_it_is_filled_with_the_chosen_contacts_data(session, account_id, broadcast_id):
    ani = make_contact(session, account_id, first_name="Ani")
    send(session, account_id, broadcast_id, contact_id=ani)
    [(notice, message)] = queued(session)
    assert (notice.kind, notice.email) == ("test", "mira@acme.example")
    assert message["Subject"] == "[Test] Hello Ani"
    assert message["To"].addresses[0].addr_spec == "mira@acme.example"
    assert message["From"].addresses[0].addr_spec == "news@acme.example"
    html = message.get_body(("html",)).get_content()
    assert "1 Main Street" in html
    # No link table exists before the broadcast has started.
    assert 'href="https://acme.example/"' in html.replace("'", '"')
    assert "/o/" not in html


def test_dates_are_those_of_the_accounts_place(session, account_id, broadcast_id):
    session.get_one(Account, account_id).time_zone = "Asia/Jakarta"
    body = "<p>*|CURRENT_YEAR|*, {{ 'now' | date: '%d %B %H:%M' }}</p>"
    compose.save(session, account_id, broadcast_id, {"body": body})
    send(session, account_id, broadcast_id)
    html = queued(session)[0][1].get_body(("html",)).get_content()
    assert "<p>2026, 02 November 16:00</p>" in html


def test_without_a_contact_it_is_filled_with_a_sample(session, account_id, broadcast_id):
    send(session, account_id, broadcast_id)
    assert queued(session)[0][1]["Subject"] == "[Test] Hello Alex"


def test_each_copy_has_a_message_id_and_return_path_of_its_own(session, account_id, broadcast_id):
    send(session, account_id, broadcast_id, ("a@acme.example", "b@acme.example"))
    send(session, account_id, broadcast_id, ("a@acme.example",))
    found = queued(session)
    assert len({message["Message-ID"] for _, message in found}) == 3
    assert len({notice.mail_from for notice, _ in found}) == 3


def test_it_leaves_by_the_broadcasts_transport(session, account_id):
    broadcast_id = make_broadcast(session, account_id, transport_id=77)
    send(session, account_id, broadcast_id)
    assert queued(session)[0][0].transport_id == 77


@pytest.mark.parametrize(
    "to",
    [
        (),
        ("",),
        ("no address",),
        tuple(f"person{n}@acme.example" for n in range(6)),
        ("gone@acme.example",),
    ],
    ids=["none", "empty", "wrong", "too many", "suppressed"],
)
def test_addresses_that_get_no_test(session, account_id, broadcast_id, to):
    session.execute(
        insert(Suppression).values(
            account_id=account_id, email="gone@acme.example", reason="manual"
        )
    )
    with pytest.raises(Invalid):
        send(session, account_id, broadcast_id, to)
    assert queued(session) == []


@pytest.mark.parametrize(
    "values", [{"body": "{% if %}"}, {"from_address": ""}], ids=["broken", "no sender"]
)
def test_a_message_that_can_not_be_made_is_refused(session, account_id, values):
    broadcast_id = make_broadcast(session, account_id, **values)
    with pytest.raises(Refused):
        send(session, account_id, broadcast_id)


def test_a_draft_without_a_list_or_an_unsubscribe_link_can_be_tested(session, account_id):
    broadcast_id = make_broadcast(session, account_id, body="<p>Hello</p>")
    assert send(session, account_id, broadcast_id) == ["mira@acme.example"]


def test_a_template_is_tested_as_the_draft_it_would_become(session, account_id):
    template = templates.create(session, account_id, {"name": "N", "body": "<p>Hello</p>"})
    draft = preview.draft_of(template, session.get_one(Account, account_id))
    sample = preview.person(session, account_id, None, "en")
    test_send.send_test(session, Settings(), KEYS, draft, ("mira@acme.example",), sample, NOW)
    # The footer that every broadcast needs is shown with it.
    assert "Unsubscribe" in queued(session)[0][1].get_body(("html",)).get_content()


def test_a_preview_shows_the_person_and_the_targets_of_links(session, account_id, broadcast_id):
    ani = make_contact(session, account_id, first_name="Ani <3")
    account = session.get_one(Account, account_id)
    shown = preview.show(
        session,
        compose.get(session, account_id, broadcast_id),
        account,
        preview.person(session, account_id, ani, "en"),
        NOW,
    )
    assert shown.subject == "Hello Ani <3"
    assert "https://acme.example/" in shown.html
    assert "/c/" not in shown.html


def test_nobody_is_previewed_from_another_account(session, account_id):
    stranger = make_contact(session, account_id)
    other = make_account(session)
    with pytest.raises(NotFound):
        preview.person(session, other, stranger, "en")


def test_contacts_to_preview_as_are_found_by_the_beginning_of_their_address(session, account_id):
    for name in ("ani", "anton", "budi"):
        make_contact(session, account_id, email=f"{name}@x.example")
    found = preview.choices(session, account_id, "An")
    assert [c.email for c in found] == ["ani@x.example", "anton@x.example"]
    assert len(preview.choices(session, account_id, "")) == 3
