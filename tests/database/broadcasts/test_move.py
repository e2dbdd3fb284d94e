"""A broadcast moves only where it may, and goes out only when nothing is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from esp.accounts.models import Account
from esp.broadcasts import compose, move
from esp.broadcasts.states import NOT_NOW
from esp.delivery.models import Dispatch
from esp.errors import Invalid, Refused
from tests.database.broadcasts.ledger import NOW, set_values, started
from tests.factories import make_broadcast, make_contact, make_list, subscribe

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def news(session, account_id):
    news = make_list(session, account_id)
    subscribe(session, account_id, news, make_contact(session, account_id))
    return news


def state(session, account_id, broadcast_id):
    session.expire_all()
    return compose.get(session, account_id, broadcast_id).state


def test_a_complete_draft_is_scheduled_and_taken_back(session, account_id, news):
    draft = make_broadcast(session, account_id, (news,))
    assert move.schedule(session, account_id, draft, LATER, NOW).send_at == LATER
    assert state(session, account_id, draft) == "scheduled"
    move.unschedule(session, account_id, draft)
    found = compose.get(session, account_id, draft)
    assert (found.state, found.send_at) == ("draft", None)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"subject": " "}, "no-subject"),
        ({"body": ""}, "no-body"),
        ({"body": "<p>{{ account.postal_address }}</p>"}, "missing-footer"),
        ({"body": "<p>{{ unsubscribe_url }}</p>"}, "missing-footer"),
        ({"from_address": ""}, "no-sender"),
        ({"from_address": "acme@gmail.com"}, "free-mail-sender"),
        ({"reply_to": "nobody"}, "wrong-reply-to"),
    ],
)
@pytest.mark.standard("LAW-01", "LIST-12")
def test_what_is_missing_keeps_it_back(session, account_id, news, values, code):
    draft = make_broadcast(session, account_id, (news,), **values)
    with pytest.raises(move.NotReady) as refused:
        move.schedule(session, account_id, draft, LATER, NOW)
    assert code in {problem.code for problem in refused.value.problems}
    assert state(session, account_id, draft) == "draft"


def test_all_reasons_are_told_at_once(session, account_id):
    session.execute(update(Account).where(Account.id == account_id).values(postal_address=" "))
    draft = make_broadcast(session, account_id, subject="", from_address="")
    with pytest.raises(move.NotReady) as refused:
        move.schedule(session, account_id, draft, LATER, NOW)
    assert {problem.code for problem in refused.value.problems} == {
        "no-subject",
        "no-sender",
        "no-list",
        "no-postal-address",
    }


def test_the_standard_footer_mends_what_is_missing(session, account_id, news):
    draft = make_broadcast(session, account_id, (news,), body="<p>Hello</p>", add_footer=True)
    move.schedule(session, account_id, draft, LATER, NOW)
    assert state(session, account_id, draft) == "scheduled"


def test_the_past_is_refused(session, account_id, news):
    draft = make_broadcast(session, account_id, (news,))
    with pytest.raises(Invalid):
        move.schedule(session, account_id, draft, NOW - timedelta(minutes=2), NOW)
    # A click that took some seconds means now.
    found = move.schedule(session, account_id, draft, NOW - timedelta(seconds=30), NOW)
    assert found.send_at == NOW


def test_of_two_starts_one_wins(session, account_id, news):
    draft = make_broadcast(session, account_id, (news,))
    move.schedule(session, account_id, draft, NOW, NOW)
    assert move.start(session, account_id, draft, NOW)
    assert not move.start(session, account_id, draft, NOW)


@pytest.mark.parametrize("before", ["preparing", "sending"])
def test_a_pause_ends_where_it_began_and_its_senders_are_told(session, account_id, news, before):
    broadcast_id = started(session, account_id, news, state=before)
    dispatch = select(Dispatch.state).where(Dispatch.broadcast_id == broadcast_id)
    move.pause(session, account_id, broadcast_id)
    assert state(session, account_id, broadcast_id) == "paused"
    assert session.scalar(dispatch) == "paused"
    move.resume(session, account_id, broadcast_id)
    assert state(session, account_id, broadcast_id) == before
    assert session.scalar(dispatch) == "open"


def test_a_hold_says_why_until_it_is_resumed(session, account_id, news):
    broadcast_id = started(session, account_id, news)
    move.hold(session, account_id, broadcast_id, "Too many complaints.")
    found = compose.get(session, account_id, broadcast_id)
    assert (found.state, found.hold_reason) == ("held", "Too many complaints.")
    move.resume(session, account_id, broadcast_id)
    session.expire_all()
    assert compose.get(session, account_id, broadcast_id).hold_reason == ""


def test_what_never_started_is_over_when_it_is_cancelled(session, account_id, news):
    draft = make_broadcast(session, account_id, (news,))
    move.schedule(session, account_id, draft, LATER, NOW)
    move.cancel(session, account_id, draft, NOW)
    session.expire_all()
    assert compose.get(session, account_id, draft).finished_at == NOW


def test_a_cancelled_one_is_finished_when_it_is_tidied_up(session, account_id, news):
    broadcast_id = started(session, account_id, news)
    move.cancel(session, account_id, broadcast_id, NOW)
    session.expire_all()
    assert compose.get(session, account_id, broadcast_id).finished_at is None
    assert session.scalar(select(Dispatch.state)) == "stopped"


@pytest.mark.parametrize(
    ("before", "act"),
    [
        ("draft", move.unschedule),
        ("draft", move.pause),
        ("sent", move.pause),
        ("cancelled", move.resume),
        ("sending", move.unschedule),
    ],
)
def test_an_illegal_move_is_refused(session, account_id, news, before, act):
    broadcast_id = make_broadcast(session, account_id, (news,))
    set_values(session, broadcast_id, state=before)
    with pytest.raises(Refused) as refused:
        act(session, account_id, broadcast_id)
    assert refused.value.text == NOT_NOW[before]
    assert state(session, account_id, broadcast_id) == before
