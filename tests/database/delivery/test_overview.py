"""What the delivery pages read: the queue, answers, speeds and ways, for an account and for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text, update

from esp.db import enter_account
from esp.delivery import batches, brakes, overview, sums
from esp.delivery.batches import Range
from esp.delivery.models import Deferral, Dispatch, Pace
from esp.delivery.overview import Activity, Wishes
from esp.delivery.pacing.key import Key
from esp.delivery.tally import Tally
from esp.senders import pools, providers
from esp.senders.models import Transport
from esp.senders.pools import PoolSettings, Source
from tests.factories import make_account, make_broadcast, make_dispatch, make_recipient

NOW = datetime(2026, 11, 2, 9, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def google(session) -> int:
    return providers.provider_id(session, "google")


@pytest.fixture
def other(session) -> int:
    return providers.provider_id(session, "other")


def queued(session, account_id, provider_of_each, **dispatch):
    """A broadcast with one recipient for each of the numbers, in one batch of the first."""
    broadcast_id = make_broadcast(session, account_id, state="sending", started_at=NOW)
    make_dispatch(session, account_id, broadcast_id)
    session.execute(
        update(Dispatch)
        .where(Dispatch.broadcast_id == broadcast_id)
        .values(created_at=NOW - MINUTE, **dispatch)
    )
    for seq, provider_id in enumerate(provider_of_each, 1):
        make_recipient(session, account_id, broadcast_id, 1, seq=seq, provider_id=provider_id)
    found = [Range(1, len(provider_of_each), provider_of_each[0])]
    batches.add_batches(session, account_id, broadcast_id, found, NOW)
    return broadcast_id


def defer(session, account_id, broadcast_id, seq, provider_id):
    session.execute(
        text("UPDATE recipients SET state = 'deferred' WHERE broadcast_id = :b AND seq = :s"),
        {"b": broadcast_id, "s": seq},
    )
    session.execute(
        insert(Deferral).values(
            account_id=account_id, broadcast_id=broadcast_id, seq=seq, provider_id=provider_id,
            next_at=NOW + 30 * MINUTE, expires_at=NOW + timedelta(days=3),
        )
    )  # fmt: skip


def tally(session, *cells):
    """(account, pool, provider, kind, minutes ago, how often)"""
    counted = Tally()
    for account_id, pool_id, provider_id, kind, ago, number in cells:
        for _ in range(number):
            reply = "" if kind == "sent" else "4.7.0 try later, id 17"
            at = NOW - ago * MINUTE
            counted.add(account_id, pool_id, provider_id, kind, 421, reply, at)
    counted.flush(session)


class TestQueue:
    def test_each_person_counts_with_their_own_provider(self, session, account_id, google, other):
        first = queued(session, account_id, [other, google, google, google])
        defer(session, account_id, first, 2, google)

        found = overview.queue(session, account_id, delivers_directly=True)

        assert {q.provider_id: (q.waiting, q.deferred, q.retry_at) for q in found} == {
            google: (2, 1, NOW + 30 * MINUTE),
            other: (1, 0, None),
        }
        assert {q.since for q in found} == {NOW - MINUTE}
        assert all(q.is_direct for q in found)

    def test_a_large_queue_is_counted_by_ranges(self, session, account_id, google, other):
        queued(session, account_id, [other, google, google])
        batches.add_batches(
            session, account_id, queued(session, account_id, [google]),
            [Range(2, overview.COUNTED + 2, google)], NOW,
        )  # fmt: skip

        found = overview.queue(session, account_id, delivers_directly=False)

        assert sorted((q.provider_id, q.waiting) for q in found) == sorted(
            [(other, 3), (google, overview.COUNTED + 2)]
        )

    def test_what_was_stopped_or_is_done_waits_no_more(self, session, account_id, google):
        stopped = queued(session, account_id, [google], state="stopped")
        defer(session, account_id, stopped, 1, google)
        queued(session, account_id, [google], state="paused")
        session.execute(
            text("UPDATE batches SET state = 'done' WHERE broadcast_id <> :b"), {"b": stopped}
        )

        assert overview.queue(session, account_id, delivers_directly=True) == []

    def test_a_pool_counts_where_mail_goes_straight_to_receivers(self, session, account_id, google):
        pool_id = pools.add_pool(
            session, account_id, PoolSettings("Offers", (Source("192.0.2.1"),))
        )
        ids = {}
        for kind in ("direct", "relay"):
            ids[kind] = session.scalar(
                insert(Transport)
                .values(account_id=account_id, name=kind, kind=kind, host="", port=25)
                .returning(Transport.id)
            )
            queued(session, account_id, [google], pool_id=pool_id, transport_id=ids[kind])

        found = overview.queue(session, account_id, delivers_directly=False)

        assert [(q.pool_id, q.is_direct) for q in found] == [(pool_id, True), (0, False)]


def test_the_last_hour_and_now(session, account_id, google):
    tally(
        session,
        (account_id, 0, google, "sent", 0, 6),
        (account_id, 0, google, "sent", 1, 9),
        (account_id, 0, google, "sent", 30, 10),
        (account_id, 0, google, "deferred", 30, 2),
        (account_id, 0, google, "failed", 30, 1),
        (account_id, 0, google, "sent", 90, 50),
        (account_id, 7, google, "failed", 1, 1),
    )
    enter_account(session, account_id)

    found = overview.activity(session, account_id, NOW)

    # Half of the running minute and the one before.
    assert found == {
        (0, google): Activity(25, 2, 1, pytest.approx(10)),
        (7, google): Activity(0, 0, 1, 0),
    }
    enter_account(session, 0)
    assert overview.activity(session, 0, NOW)[0, google].sent == 25


def test_only_busy_minutes_measure_a_speed(session, account_id, google, other):
    tally(
        session,
        *((account_id, 0, google, "sent", 60 + ago, 100) for ago in range(3)),
        # Its last minute was half empty, and a test went out another time.
        (account_id, 0, google, "sent", 63, 20),
        (account_id, 0, google, "sent", 500, 1),
        (account_id, 0, other, "sent", 60, 59),
        (account_id, 0, other, "sent", 11 * 24 * 60, 900),
    )
    enter_account(session, account_id)

    found = overview.measured(session, account_id, NOW - overview.MEASURED)

    assert found == {(0, google): 100, (0, 0): pytest.approx((159 + 100 + 100) / 3)}
    assert overview.common_speeds(session, account_id, NOW - overview.MEASURED) == found
    assert overview.replies(session, account_id, NOW) == []


def test_replies_come_in_their_words_the_latest_first(session, account_id, google, other):
    tally(
        session,
        (account_id, 0, google, "deferred", 40, 3),
        (account_id, 0, other, "failed", 10, 1),
        (account_id, 0, other, "deferred", 30 * 60, 1),
    )
    enter_account(session, account_id)

    found = overview.replies(session, account_id, NOW)

    assert [(r.provider, r.kind, r.code, r.text, r.count) for r in found] == [
        ("other", "failed", 421, "4.7.0 try later, id …", 1),
        ("google", "deferred", 421, "4.7.0 try later, id …", 3),
    ]


class TestWays:
    def test_what_people_set_and_replies_taught(self, session, account_id, google):
        brakes.set_limits(session, Key(account_id, 0, google), 3, None, 120)
        session.execute(
            update(Pace).values(
                paused_until=NOW + 5 * MINUTE, share=0.5, reason="rate", reply="421 slow down"
            )
        )

        found = overview.ways(session, account_id, NOW)[0, google]

        assert found.wishes == Wishes(3, None, 120)
        assert (found.limits.connections, found.limits.messages_per_connection) == (3, 50)
        assert found.state.paused_until == (NOW + 5 * MINUTE).timestamp()
        assert found.allowed(NOW).rate_per_minute == 60
        assert (found.provider, found.allowance) == ("google", None)
        assert overview.ways(session, account_id, NOW, [google + 1]) == {}

    def test_the_day_of_a_warm_up_counts_from_its_start(self, session, account_id, google):
        key = Key(account_id, 0, google)
        brakes.start_warm_up(session, key, NOW - timedelta(days=2, hours=1))
        tally(
            session,
            (account_id, 0, google, "sent", 30, 4),
            (account_id, 0, google, "sent", 90, 100),
            (account_id, 3, google, "sent", 30, 100),
        )
        enter_account(session, account_id)

        found = overview.ways(session, account_id, NOW)[0, google]

        assert (found.allowance, found.sent_today) == (50, 4)

    def test_the_installations_own_are_another_accounts_rows(self, session, account_id, google):
        enter_account(session, 0)
        brakes.hold(session, Key(0, 0, google))
        enter_account(session, account_id)

        assert overview.ways(session, account_id, NOW) == {}
        found = overview.common_ways(session, account_id, NOW)
        assert found[0, google].state.is_held
        # Back in the account.
        assert session.scalar(text("SELECT count(*) FROM paces")) == 0


def test_sums_over_all_accounts(session, google, other):
    first, second = make_account(session, name="Acme"), make_account(session, name="Kopi")
    queued(session, second, [google, google, google])
    late = queued(session, second, [other])
    defer(session, second, late, 1, other)
    enter_account(session, first)
    queued(session, first, [google])
    tally(
        session,
        (first, 0, google, "sent", 0, 3),
        (second, 9, google, "sent", 0, 4),
        (second, 9, google, "deferred", 50, 1),
    )
    session.execute(text("SELECT set_config('esp.account_id', '', true)"))

    of_google, of_other = sums.sums_by_provider(session, NOW)
    kopi, acme = sums.sums_by_account(session, NOW)

    # Mail by pool 0 counts once, though the installation counts it too.
    assert (of_google.provider, of_google.waiting, of_google.deferred) == ("google", 4, 0)
    assert of_google.activity == Activity(7, 1, 0, pytest.approx(7 / 1.5))
    assert (of_other.waiting, of_other.deferred, of_other.since) == (1, 1, NOW - MINUTE)
    assert (kopi.name, kopi.running, kopi.waiting, kopi.deferred) == ("Kopi", 2, 4, 1)
    assert (kopi.activity.sent, kopi.activity.deferred) == (4, 1)
    assert (acme.name, acme.running, acme.waiting, acme.activity.sent) == ("Acme", 1, 1, 3)
