"""What the delivery page shows: answers by the minute, and in the receivers' words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from esp.db import enter_account
from esp.delivery.tally import KEPT, MOST, Tally

AT = datetime(2026, 11, 2, 9, 0, 30, tzinfo=UTC)


def minutes(session, account_id: int) -> list[tuple[object, ...]]:
    enter_account(session, account_id)
    rows = session.execute(
        text(
            "SELECT minute, pool_id, provider_id, sent, deferred, failed FROM delivery_minutes"
            " ORDER BY 1, 2, 3"
        )
    )
    return [tuple(row) for row in rows]


def replies(session, account_id: int) -> list[tuple[object, ...]]:
    enter_account(session, account_id)
    rows = session.execute(
        text("SELECT kind, code, reply, count FROM receiver_replies ORDER BY count DESC, reply")
    )
    return [tuple(row) for row in rows]


def test_answers_are_counted_by_minute_pool_and_provider(session, account_id):
    tally, minute = Tally(), AT.replace(second=0)
    for second in (0, 20, 40):
        tally.add(account_id, 5, 1, "sent", 250, "ok", AT + timedelta(seconds=second))
    tally.add(account_id, 5, 1, "deferred", 421, "4.7.0 wait", AT)
    tally.add(account_id, 5, 2, "failed", 550, "5.1.1 no", AT)
    tally.add(account_id, 5, 2, "skipped", 0, "", AT)
    tally.flush(session)
    two = Tally()
    two.add(account_id, 5, 1, "sent", 250, "ok", AT)
    two.flush(session)
    assert minutes(session, account_id) == [
        (minute, 5, 1, 3, 1, 0),
        (minute, 5, 2, 0, 0, 1),
        (minute + timedelta(minutes=1), 5, 1, 1, 0, 0),
    ]
    assert minutes(session, 0) == []


def test_by_the_common_pool_it_counts_for_the_installation_too(session, account_id):
    tally = Tally()
    tally.add(account_id, 0, 1, "failed", 550, "5.7.1 no", AT)
    tally.flush(session)
    assert minutes(session, account_id) == minutes(session, 0)
    assert replies(session, account_id) == replies(session, 0) == [("failed", 550, "5.7.1 no", 1)]


def test_replies_that_say_the_same_are_one(session, account_id):
    tally = Tally()
    for number in range(5):
        tally.add(account_id, 5, 1, "deferred", 450, f"4.2.0 Wait {number} seconds", AT)
    tally.flush(session)
    again = Tally()
    again.add(account_id, 5, 1, "deferred", 450, "4.2.0 Wait 99 seconds", AT)
    again.add(account_id, 5, 1, "failed", 550, 'a "quoted\\ {text}', AT)
    again.flush(session)
    assert replies(session, account_id) == [
        ("deferred", 450, "4.2.0 Wait … seconds", 6),
        ("failed", 550, 'a "quoted\\ {text}', 1),
    ]


def test_a_receiver_that_never_says_the_same_fills_no_table(session, account_id):
    tally = Tally()
    for number in range(MOST + 50):
        words = "".join(chr(97 + int(digit)) for digit in str(number))
        tally.add(account_id, 5, 1, "deferred", 451, words, AT)
    tally.flush(session)
    kept = replies(session, account_id)
    assert len(kept) == MOST + 1
    assert kept[0] == ("deferred", 0, "", 50)


def test_what_is_old_goes(session, account_id):
    old, new = Tally(), Tally()
    old.add(account_id, 5, 1, "failed", 550, "no", AT - KEPT - timedelta(days=1))
    old.flush(session)
    new.add(account_id, 5, 1, "sent", 250, "ok", AT)
    new.flush(session)
    assert [row[3] for row in minutes(session, account_id)] == [1]
    assert replies(session, account_id) == []


def test_what_is_not_committed_is_flushed_again(runtime):
    tally = Tally()
    tally.add(1, 5, 1, "sent", 250, "ok", AT)

    def broken() -> None:
        with runtime.transaction(None) as session:
            tally.flush(session)
            raise LookupError

    with pytest.raises(LookupError):
        broken()
    for _ in range(3):
        with runtime.transaction(None) as session:
            tally.flush(session)
    with runtime.transaction(1) as session:
        assert [row[3] for row in minutes(session, 1)] == [1]
    assert not tally
