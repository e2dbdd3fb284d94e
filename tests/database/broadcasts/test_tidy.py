"""After a cancel everybody has a final state; after a retry those who failed are open again."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from esp.broadcasts import compose, move, queries, tidy
from esp.delivery.batches import LEASE
from esp.delivery.models import Batch
from esp.engagement import counts
from esp.errors import Refused
from tests.database.broadcasts.ledger import (
    NOW,
    defer,
    finish_batches,
    outcome,
    set_values,
    started,
    states,
)
from tests.factories import make_contact, make_list, subscribe

NAMES = ("ani", "budi", "citra")


@pytest.fixture
def broadcast_id(session, account_id):
    news = make_list(session, account_id)
    for name in NAMES:
        contact = make_contact(session, account_id, email=f"{name}@x.example")
        subscribe(session, account_id, news, contact)
    return started(session, account_id, news)


def skip_all(session, account_id, broadcast_id):
    steps = []
    while not steps or steps[-1] is tidy.Step.more:
        steps.append(tidy.skip_rest(session, account_id, broadcast_id, NOW))
    return steps[-1]


def test_a_cancel_skips_the_queued_and_the_deferred_and_keeps_what_was_sent(
    session, account_id, broadcast_id
):
    outcome(session, broadcast_id, "ani@x.example", state="sent")
    defer(session, account_id, broadcast_id, "budi@x.example")
    move.cancel(session, account_id, broadcast_id, NOW)
    assert skip_all(session, account_id, broadcast_id) is tidy.Step.done
    assert states(session, broadcast_id) == {
        "ani@x.example": ("sent", None),
        "budi@x.example": ("skipped", "cancelled"),
        "citra@x.example": ("skipped", "cancelled"),
    }
    assert counts.of_broadcast(session, account_id, broadcast_id)["skipped"] == 2
    assert not queries.has_work_left(session, account_id, broadcast_id)


def test_the_deferred_of_finished_ranges_are_skipped_too(session, account_id, broadcast_id):
    defer(session, account_id, broadcast_id, "budi@x.example")
    finish_batches(session, broadcast_id)
    skip_all(session, account_id, broadcast_id)
    assert states(session, broadcast_id)["budi@x.example"] == ("skipped", "cancelled")


def test_it_waits_for_a_sender_that_has_begun(session, account_id, broadcast_id):
    session.execute(
        text("UPDATE batches SET state = 'leased', owner = 'a sender', lease_until = :until"),
        {"until": NOW},
    )
    assert tidy.skip_rest(session, account_id, broadcast_id, NOW) is tidy.Step.waiting
    long_gone = {"until": NOW - 2 * LEASE}
    session.execute(text("UPDATE batches SET lease_until = :until"), long_gone)
    assert skip_all(session, account_id, broadcast_id) is tidy.Step.done


def test_closing_says_when_it_ended(session, account_id, broadcast_id):
    set_values(session, broadcast_id, state="cancelled")
    tidy.close(session, account_id, broadcast_id, NOW)
    session.expire_all()
    assert compose.get(session, account_id, broadcast_id).finished_at == NOW


def test_a_retry_opens_the_failed_but_not_the_wrong_addresses(session, account_id, broadcast_id):
    outcome(session, broadcast_id, "ani@x.example", state="sent")
    outcome(session, broadcast_id, "budi@x.example", state="failed", reason="expired")
    outcome(session, broadcast_id, "citra@x.example", state="failed", reason="invalid")
    finish_batches(session, broadcast_id)
    set_values(session, broadcast_id, state="sent", finished_at=NOW)
    assert tidy.retry_failed(session, account_id, broadcast_id) == 1
    assert states(session, broadcast_id) == {
        "ani@x.example": ("sent", None),
        "budi@x.example": ("queued", None),
        "citra@x.example": ("failed", "invalid"),
    }
    assert set(session.scalars(select(Batch.state))) == {"ready"}
    found = compose.get(session, account_id, broadcast_id)
    session.refresh(found)
    assert (found.state, found.finished_at) == ("sending", None)


def test_nobody_to_retry_is_refused(session, account_id, broadcast_id):
    set_values(session, broadcast_id, state="sent")
    with pytest.raises(Refused):
        tidy.retry_failed(session, account_id, broadcast_id)
