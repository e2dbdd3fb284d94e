"""Who gets a broadcast."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, insert, select, text, update

from esp.broadcasts import audience, move
from esp.broadcasts.funnel import Funnel, by_provider, funnel
from esp.broadcasts.models import Broadcast, BroadcastList
from esp.contacts.models import Subscription
from esp.delivery.models import Batch, Recipient
from esp.engagement import counts
from esp.suppression.models import Suppression
from tests.factories import make_broadcast, make_contact, make_list, subscribe

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def people(session, account_id):
    """A list and an excluded list with one person for each fate; the ids by name."""
    news, staff = make_list(session, account_id), make_list(session, account_id)
    ids = {"news": news, "staff": staff}
    for name in ("ani", "budi", "citra", "pending", "left", "suppressed", "staffer", "faceless"):
        email = (
            None
            if name == "faceless"
            else f"{name}@{'gmail.com' if name == 'budi' else 'x.example'}"
        )
        ids[name] = make_contact(session, account_id, email=email)
        state = {"pending": "pending", "left": "unsubscribed"}.get(name, "subscribed")
        subscribe(session, account_id, news, ids[name], state)
    subscribe(session, account_id, staff, ids["staffer"])
    # On two lists, yet one person.
    subscribe(session, account_id, staff, ids["citra"], "unsubscribed")
    session.execute(
        insert(Suppression).values(
            account_id=account_id, email="suppressed@x.example", reason="manual"
        )
    )
    return ids


def started(session, account_id, people):
    broadcast_id = make_broadcast(session, account_id, (people["news"],), state="preparing")
    session.execute(
        insert(BroadcastList).values(
            account_id=account_id,
            broadcast_id=broadcast_id,
            list_id=people["staff"],
            side="exclude",
        )
    )
    session.execute(
        update(Broadcast)
        .where(Broadcast.id == broadcast_id)
        .values(started_at=audience.database_time(session))
    )
    session.execute(text("SELECT make_ledger_partition(:id)"), {"id": broadcast_id})
    session.execute(
        text(
            "INSERT INTO dispatches (account_id, broadcast_id, content, settings,"
            " include_list_ids, exclude_list_ids, tracking)"
            " VALUES (:a, :b, '{}', '{}', '{}', '{}', 'all')"
        ),
        {"a": account_id, "b": broadcast_id},
    )
    return broadcast_id


def write_all(session, account_id, broadcast_id, size):
    chunks = 0
    while not audience.write_chunk(session, account_id, broadcast_id, size, NOW).finished:
        chunks += 1
    return chunks


def test_the_funnel_counts_everybody_once(session, account_id, people):
    found = funnel(session, account_id, [people["news"]], [people["staff"]])
    assert found == Funnel(
        matched=8, pending=1, unsubscribed=1, no_address=1, suppressed=1, excluded=1
    )
    assert found.final == 3


def test_who_is_on_two_lists_is_told_and_counted_once(session, account_id, people):
    found = funnel(session, account_id, [people["news"], people["staff"]], [])
    assert (found.matched, found.duplicates, found.final) == (8, 2, 4)


def test_the_audience_by_provider_is_that_of_the_funnel(session, account_id, people):
    sides = [people["news"]], [people["staff"]]
    found = by_provider(session, account_id, *sides)
    assert found == [("other", 2), ("google", 1)]
    assert sum(number for _, number in found) == funnel(session, account_id, *sides).final


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_ledger_holds_each_subscriber_once_whatever_the_chunks(
    session, account_id, people, size
):
    broadcast_id = started(session, account_id, people)
    write_all(session, account_id, broadcast_id, size)
    rows = session.execute(
        select(Recipient.email, Recipient.state, Recipient.reason).order_by(Recipient.email)
    ).all()
    assert rows == [
        ("", "skipped", "no_address"),
        ("ani@x.example", "queued", None),
        ("budi@gmail.com", "queued", None),
        ("citra@x.example", "queued", None),
        ("staffer@x.example", "skipped", "excluded"),
        ("suppressed@x.example", "skipped", "suppressed"),
    ]
    assert sorted(session.scalars(select(Recipient.seq))) == [1, 2, 3, 4, 5, 6]
    assert counts.of_broadcast(session, account_id, broadcast_id) == {
        "recipients": 6,
        "skipped": 3,
    }


def test_batches_cover_the_queued_ones_exactly(session, account_id, people):
    broadcast_id = started(session, account_id, people)
    write_all(session, account_id, broadcast_id, 100)
    covered = session.execute(
        select(Batch.lo, Recipient.seq, Recipient.state)
        .join(Recipient, Recipient.seq.between(Batch.lo, Batch.hi))
        .order_by(Recipient.seq)
    ).all()
    assert [tuple(one) for one in covered] == [(1, seq, "queued") for seq in (1, 2, 3)]


def test_who_comes_back_after_the_start_is_not_in(session, account_id, people):
    broadcast_id = started(session, account_id, people)
    session.execute(
        update(Subscription)
        .where(Subscription.contact_id == people["left"])
        .values(state="subscribed", changed_at=func.clock_timestamp())
    )
    write_all(session, account_id, broadcast_id, 100)
    assert "left@x.example" not in session.scalars(select(Recipient.email)).all()


def test_a_paused_broadcast_writes_nothing_further(session, account_id, people):
    broadcast_id = started(session, account_id, people)
    audience.write_chunk(session, account_id, broadcast_id, 1, NOW)
    move.pause(session, account_id, broadcast_id)
    assert audience.write_chunk(session, account_id, broadcast_id, 1, NOW).finished
    assert session.scalar(select(func.count(Recipient.seq))) == 1
    move.resume(session, account_id, broadcast_id)
    write_all(session, account_id, broadcast_id, 1)
    assert session.scalar(select(func.count(Recipient.seq))) == 6
