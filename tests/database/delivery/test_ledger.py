"""Outcomes in the ledger: once each, with their deferrals, suppressions and counts."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from esp.delivery import dispatches
from esp.delivery.facts import RecipientOutcome
from esp.delivery.ledger import is_through, record_outcomes, skip_rest
from esp.suppression.suppress import is_suppressed
from tests.sendings import Sending, counts, make_sending, states

AT = datetime(2026, 11, 2, 9, 59, 59, tzinfo=UTC)


def outcome(sending: Sending, seq: int, kind: str, **values) -> RecipientOutcome:
    made = RecipientOutcome(
        sending.account_id, sending.broadcast_id, seq, kind, 250, "2.0.0 ok", "", AT
    )
    if kind == "deferred":
        made = replace(made, code=451, next_at=AT + timedelta(minutes=30))
    return replace(made, **values)


@pytest.fixture
def sending(session, account_id) -> Sending:
    return make_sending(session, account_id, 20)


def waiting(session, sending: Sending) -> list[int]:
    return list(
        session.scalars(
            text("SELECT seq FROM deferrals WHERE account_id = :account ORDER BY seq"),
            {"account": sending.account_id},
        )
    )


def test_each_outcome_is_counted_once_however_often_it_is_recorded(session, sending):
    found = [
        outcome(sending, 1, "sent"),
        outcome(sending, 2, "failed", code=550, reason="rejected"),
        outcome(sending, 3, "deferred"),
        outcome(sending, 4, "skipped", reason="unsubscribed"),
    ]
    for _ in range(2):
        record_outcomes(session, found)
    assert states(session, sending) == {
        "sent": 1, "failed": 1, "deferred": 1, "skipped": 1, "queued": 16,
    }  # fmt: skip
    assert counts(session, sending) == {"sent": 1, "failed": 1, "deferred": 1, "skipped": 1}
    assert waiting(session, sending) == [3]


def test_a_deferral_ends_with_the_next_outcome(session, sending):
    for seq in (1, 2, 3):
        record_outcomes(session, [outcome(sending, seq, "deferred")])
    later = AT + timedelta(hours=1)
    record_outcomes(
        session,
        [
            outcome(sending, 1, "sent", at=later),
            outcome(sending, 2, "failed", at=later, reason="expired"),
            outcome(sending, 3, "deferred", at=later, next_at=later + timedelta(hours=1)),
        ],
    )
    assert waiting(session, sending) == [3]
    assert counts(session, sending) == {"sent": 1, "failed": 1, "deferred": 1}
    expires = session.scalar(text("SELECT expires_at FROM deferrals"))
    assert expires == AT + timedelta(days=3)  # of the first attempt
    hours = session.execute(
        text("SELECT hour, name, count FROM broadcast_hours ORDER BY hour, name")
    ).all()
    assert hours == [
        (AT.replace(hour=10, minute=0, second=0), "failed", 1),
        (AT.replace(hour=10, minute=0, second=0), "sent", 1),
    ]


def test_of_two_attempts_in_one_shipment_the_later_counts(session, sending):
    first = outcome(sending, 1, "deferred")
    record_outcomes(session, [outcome(sending, 1, "sent", at=AT + timedelta(minutes=9)), first])
    assert counts(session, sending) == {"sent": 1}
    assert waiting(session, sending) == []


def test_a_late_250_is_true_and_nothing_else_moves_a_final_state(session, sending):
    record_outcomes(
        session,
        [outcome(sending, 1, "skipped", reason="cancelled"), outcome(sending, 2, "sent")],
    )
    record_outcomes(session, [outcome(sending, 1, "sent"), outcome(sending, 2, "failed")])
    assert states(session, sending) == {"sent": 2, "queued": 18}
    assert counts(session, sending) == {"sent": 2}


@pytest.mark.standard("DSN-12")
def test_an_address_that_does_not_exist_is_suppressed_and_others_are_not(session, sending):
    record_outcomes(
        session,
        [
            outcome(sending, 1, "failed", code=550, reply="5.1.1 unknown", reason="invalid"),
            outcome(sending, 2, "failed", code=550, reply="5.7.1 spam", reason="policy"),
        ],
    )
    found = [
        is_suppressed(session, sending.account_id, f"p{sending.broadcast_id}-{n}@customers.example")
        for n in (1, 2)
    ]
    assert found == [True, False]


def test_the_rest_of_a_stopped_broadcast_is_skipped_but_what_a_sender_holds(session, sending):
    record_outcomes(session, [outcome(sending, 1, "sent"), outcome(sending, 2, "deferred")])
    dispatches.stop(session, sending.account_id, sending.broadcast_id)
    session.execute(text("UPDATE batches SET state = 'leased', owner = 'x'"))
    assert skip_rest(session, sending.account_id, sending.broadcast_id, "cancelled", AT, 1000) == 1
    assert states(session, sending) == {"sent": 1, "skipped": 1, "queued": 18}
    assert not is_through(session, sending.account_id, sending.broadcast_id)

    session.execute(text("UPDATE batches SET state = 'ready', owner = NULL"))
    while skip_rest(session, sending.account_id, sending.broadcast_id, "cancelled", AT, 1000):
        pass
    assert states(session, sending) == {"sent": 1, "skipped": 19}
    assert counts(session, sending) == {"sent": 1, "skipped": 19}
    assert is_through(session, sending.account_id, sending.broadcast_id)


def test_recording_is_fast(session, account_id):
    """The goal is 6 ms for 1,000; the machine of a test may be busy."""
    sending = make_sending(session, account_id, 10_000)
    times = []
    for start in range(1, 10_000, 1000):
        found = [outcome(sending, seq, "sent") for seq in range(start, start + 1000)]
        began = time.perf_counter()
        record_outcomes(session, found)
        times.append(time.perf_counter() - began)
    assert statistics.median(times) < 0.05, times


def test_recording_leaves_the_indexes_alone(session, account_id):
    """A new version of a row stands in the page of the old one, where the index looks for it."""
    sending = make_sending(session, account_id, 3000)

    def pages() -> dict[int, int]:
        rows = session.execute(
            text(
                "SELECT seq, (CAST(CAST(ctid AS text) AS point))[0] FROM recipients"
                " WHERE broadcast_id = :broadcast"
            ),
            {"broadcast": sending.broadcast_id},
        )
        return {seq: int(page) for seq, page in rows}

    before = pages()
    reply = "2.0.0 OK 1763769600 a640c23a62f3a-b7654f1c2d3si123456789ejc.101 - gsmtp"
    record_outcomes(session, [outcome(sending, seq, "sent", reply=reply) for seq in range(1, 3001)])
    after = pages()
    assert sum(after[seq] == page for seq, page in before.items()) > 2700
