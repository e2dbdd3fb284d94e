"""Why somebody did, or did not, get a broadcast."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, insert, update

from esp.broadcasts.why import why
from esp.contacts.models import Contact, Subscription
from esp.delivery.models import LateOutcome
from esp.errors import NotFound
from esp.suppression.models import Suppression
from tests.database.broadcasts.ledger import NOW, outcome, set_values, started
from tests.factories import make_account, make_broadcast, make_contact, make_list, subscribe

PEOPLE = {
    "ani": "subscribed",
    "budi": "subscribed",
    "citra": "subscribed",
    "left": "unsubscribed",
    "pending": "pending",
    "suppressed": "subscribed",
}


@pytest.fixture
def news(session, account_id):
    news = make_list(session, account_id)
    for name, state in PEOPLE.items():
        contact = make_contact(session, account_id, email=f"{name}@x.example")
        subscribe(session, account_id, news, contact, state)
    make_contact(session, account_id, email="elsewhere@x.example")
    session.execute(
        insert(Suppression).values(
            account_id=account_id, email="suppressed@x.example", reason="bounce"
        )
    )
    return news


@pytest.fixture
def broadcast_id(session, account_id, news):
    broadcast_id = started(session, account_id, news)
    outcome(session, broadcast_id, "ani@x.example", state="sent", at=NOW)
    outcome(session, broadcast_id, "budi@x.example", state="failed", reason="invalid", at=NOW)
    return broadcast_id


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ani", "sent"),
        ("budi", "failed"),
        ("citra", "queued"),
        ("suppressed", "skipped"),
        ("left", "unsubscribed"),
        ("pending", "pending"),
        ("elsewhere", "not_on_list"),
        ("nobody", "unknown"),
    ],
)
def test_each_fate_has_its_answer(session, account_id, broadcast_id, name, code):
    assert why(session, account_id, broadcast_id, f"{name}@x.example").code == code


def test_the_address_may_be_written_in_any_case(session, account_id, broadcast_id):
    assert why(session, account_id, broadcast_id, " ANI@X.example ").code == "sent"


def test_a_bounce_that_came_later_is_told(session, account_id, broadcast_id):
    seq = outcome(session, broadcast_id, "ani@x.example", state="sent")
    session.execute(
        insert(LateOutcome).values(
            account_id=account_id,
            broadcast_id=broadcast_id,
            seq=seq,
            kind="bounced",
            is_hard=True,
            at=NOW,
        )
    )
    found = why(session, account_id, broadcast_id, "ani@x.example")
    assert found.code == "bounced"
    assert found.late is not None


def test_who_was_deleted_since_is_still_found_in_the_ledger(session, account_id, broadcast_id):
    session.execute(delete(Contact).where(Contact.email == "ani@x.example"))
    assert why(session, account_id, broadcast_id, "ani@x.example").code == "sent"


def test_who_came_after_the_start_is_told_so(session, account_id, broadcast_id, news):
    contact = make_contact(session, account_id, email="late@x.example")
    subscribe(session, account_id, news, contact)
    session.execute(
        update(Subscription)
        .where(Subscription.contact_id == contact)
        .values(changed_at=func.clock_timestamp())
    )
    assert why(session, account_id, broadcast_id, "late@x.example").code == "subscribed_later"
    set_values(session, broadcast_id, snapshot_finished_at=None)
    assert why(session, account_id, broadcast_id, "late@x.example").code == "not_yet"


def test_before_the_start_nobody_knows(session, account_id, news):
    draft = make_broadcast(session, account_id, (news,))
    assert why(session, account_id, draft, "ani@x.example").code == "not_started"


def test_another_account_has_no_such_broadcast(session, account_id, broadcast_id):
    with pytest.raises(NotFound):
        why(session, make_account(session), broadcast_id, "ani@x.example")
