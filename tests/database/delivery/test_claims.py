"""Who works on what: no two at once, and nothing that may not be mailed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from esp.clock import utc_now
from esp.contacts.merge import COLUMNS
from esp.delivery import batches, dispatches
from esp.delivery.facts import RecipientOutcome
from esp.delivery.ledger import record_outcomes
from esp.delivery.load import Audience, Ready, Skip, load
from esp.suppression.suppress import suppress
from tests.factories import make_account, make_list, subscribe
from tests.sendings import make_sending


def now() -> datetime:
    return utc_now()


def test_two_processes_never_hold_the_same_batch(runtime):
    with runtime.transaction(None) as session:
        sending = make_sending(session, make_account(session), 100, batch=10)
    account_id = sending.account_id
    with runtime.transaction(account_id) as one, runtime.transaction(account_id) as two:
        first = batches.claim(one, account_id, "a", now(), 4)
        second = batches.claim(two, account_id, "b", now(), 20)
    assert len(first) == 4
    assert len(second) == 6
    assert not {claim.lo for claim in first} & {claim.lo for claim in second}
    with runtime.transaction(account_id) as session:
        assert batches.claim(session, account_id, "c", now(), 20) == []
        batches.release(session, first[0], "a")
        batches.release(session, second[0], "a")  # not a's
        batches.finish(session, first[1], "a")
        again = batches.claim(session, account_id, "c", now(), 20)
    assert again == [first[0]]


def test_a_lease_that_ran_out_is_taken_over_unless_its_owner_is_known_to_live(session, account_id):
    make_sending(session, account_id, 10)
    batches.claim(session, account_id, "a", now(), 1)
    later = now() + timedelta(minutes=5)
    assert batches.claim(session, account_id, "b", later, 1, alive=["a"]) == []
    assert len(batches.claim(session, account_id, "b", later, 1)) == 1


def test_full_lanes_paused_and_busy_broadcasts_are_left_alone(session, account_id):
    first = make_sending(session, account_id, 10)
    second = make_sending(session, account_id, 10)
    third = make_sending(session, account_id, 10, transport_id=5)
    dispatches.pause(session, account_id, first.broadcast_id)

    def claimed(**values) -> list[int]:
        with session.begin_nested() as attempt:
            found = batches.claim(session, account_id, "a", now(), 9, **values)
            attempt.rollback()
        return [claim.broadcast_id for claim in found]

    assert claimed() == [second.broadcast_id, third.broadcast_id]
    assert claimed(full=[(0, 0, 0)]) == [third.broadcast_id]
    assert claimed(full=[(5, 0, 0)]) == [second.broadcast_id]
    assert claimed(busy_broadcasts=[second.broadcast_id]) == [third.broadcast_id]


def test_deferred_recipients_are_claimed_when_due_and_once(session, account_id):
    sending = make_sending(session, account_id, 10)
    at = now()
    record_outcomes(
        session,
        [
            RecipientOutcome(
                account_id, sending.broadcast_id, seq, "deferred", 451, "later", "", at,
                at + timedelta(minutes=seq),
            )
            for seq in (3, 4, 9)
        ],
    )  # fmt: skip
    soon = at + timedelta(minutes=5)
    assert batches.claim_deferred(session, account_id, "a", at, 10) == []
    (claim,) = batches.claim_deferred(session, account_id, "a", soon, 10)
    assert claim.seqs == (3, 4)
    assert batches.claim_deferred(session, account_id, "b", soon, 10) == []
    audience = Audience([sending.list_id], [], "all")
    assert [one.seq for one in load(session, claim, audience)] == [3, 4]
    (batch,) = batches.claim(session, account_id, "a", soon, 1)
    assert [one.seq for one in load(session, batch, audience)] == [1, 2, 5, 6, 7, 8, 10]
    batches.release(session, claim, "a")
    assert batches.claim_deferred(session, account_id, "b", soon, 10) == [claim]


def test_who_may_not_be_mailed_any_more_is_skipped_with_the_reason(session, account_id):
    sending = make_sending(session, account_id, 7)
    barred = make_list(session, account_id)
    contact = dict(enumerate(range(sending.first_contact, sending.first_contact + 7), start=1))
    address = f"p{sending.broadcast_id}-{{}}@customers.example".format
    session.execute(
        text("UPDATE subscriptions SET state = 'unsubscribed' WHERE contact_id = :id"),
        {"id": contact[1]},
    )
    suppress(session, account_id, address(2), "manual")
    session.execute(text("DELETE FROM contacts WHERE id = :id"), {"id": contact[3]})
    session.execute(
        text("UPDATE contacts SET email = 'new@customers.example' WHERE id = :id"),
        {"id": contact[4]},
    )
    subscribe(session, account_id, barred, contact[5])
    session.execute(
        text("UPDATE contacts SET tracking_consent = false WHERE id = :id"), {"id": contact[6]}
    )
    (claim,) = batches.claim(session, account_id, "a", now(), 1)
    found = load(session, claim, Audience([sending.list_id], [barred], "all"))
    assert {one.seq: one.reason for one in found if isinstance(one, Skip)} == {
        1: "unsubscribed",
        2: "suppressed",
        3: "deleted",
        4: "address_changed",
        5: "excluded",
    }
    ready = [one for one in found if isinstance(one, Ready)]
    assert [(one.seq, one.email, one.track_opens) for one in ready] == [
        (6, address(6), False),
        (7, address(7), True),
    ]
    assert ready[1].contact(COLUMNS)["first_name"] == "N7"


@pytest.mark.parametrize("rate", [7, 60, 600, 6000])
def test_grants_never_exceed_the_rate_over_any_ten_seconds(session, account_id, rate):
    sending = make_sending(session, account_id, 1, rate=rate)
    began = at = now()
    slots: list[datetime] = []
    while at < began + timedelta(seconds=30):
        granted = dispatches.grant(session, account_id, sending.broadcast_id, rate, at)
        slots += [granted.first + granted.gap * n for n in range(granted.messages)]
        at = max(at + timedelta(milliseconds=10), granted.first)
    allowed = rate / 6
    for number, slot in enumerate(slots):
        window = [one for one in slots[number:] if one < slot + timedelta(seconds=10)]
        assert len(window) <= max(allowed * 1.05, allowed + 1)
    assert len(slots) >= rate / 2 * 0.95


def test_a_rate_does_not_make_up_for_lost_time(session, account_id):
    sending = make_sending(session, account_id, 1, rate=60)
    began = now()
    dispatches.grant(session, account_id, sending.broadcast_id, 60, began)
    later = began + timedelta(hours=1)
    first = dispatches.grant(session, account_id, sending.broadcast_id, 60, later)
    second = dispatches.grant(session, account_id, sending.broadcast_id, 60, later)
    assert (first.messages, first.first) == (1, later)
    assert second.messages == 0
    assert later < second.first <= later + timedelta(seconds=1)
