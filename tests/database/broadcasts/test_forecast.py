"""When broadcasts will be through: by which way they leave, and what is known of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from esp.broadcasts import compose
from esp.broadcasts.forecast import Known, expected, forecast
from esp.broadcasts.message import pool_of
from esp.config import Settings
from esp.db import enter_account
from esp.delivery import brakes
from esp.delivery.overview import Queued
from esp.delivery.pacing.forecast import End
from esp.delivery.pacing.key import Key
from esp.delivery.tally import Tally
from esp.senders import pools, providers
from esp.senders.models import Transport
from esp.senders.pools import PoolSettings, Source
from tests.factories import make_broadcast, make_contact, make_list, subscribe

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DIRECT = Settings(smtp_url="direct:")
RELAY = Settings(smtp_url="smtp://127.0.0.1:25")


@pytest.fixture
def google(session) -> int:
    return providers.provider_id(session, "google")


def draft(session, account_id, people: int = 60, **values):
    """To so many people of Google and one of another."""
    news = make_list(session, account_id)
    for number in range(people):
        email = f"list{news}-{number}@gmail.com"
        subscribe(session, account_id, news, make_contact(session, account_id, email=email))
    subscribe(session, account_id, news, make_contact(session, account_id))
    made = make_broadcast(session, account_id, (news,), **values)
    return compose.get(session, account_id, made)


def end(session, settings, broadcast) -> End:
    return forecast(session, settings, broadcast, NOW).end


def test_each_provider_has_its_time(session, account_id, google):
    found = forecast(session, DIRECT, draft(session, account_id), NOW)

    # Five connections to Google, ten to others; a message a second on each.
    assert [(p.provider, p.recipients, p.end.at - NOW) for p in found.parts] == [
        ("google", 60, timedelta(seconds=12)),
        ("other", 1, timedelta(seconds=0.1)),
    ]
    assert found.end == found.parts[0].end
    assert (found.funnel.final, found.is_direct) == (61, True)


def test_by_a_relay_all_go_one_way(session, account_id):
    found = forecast(session, RELAY, draft(session, account_id, rate_per_minute=None), NOW)

    assert found.end == End(NOW + MINUTE * 61 / 600, "speed")
    assert not found.is_direct


def test_limits_pauses_and_holds_of_both_count(session, account_id, google):
    broadcast = draft(session, account_id)
    brakes.set_limits(session, Key(account_id, 0, google), None, None, 30)
    assert end(session, DIRECT, broadcast) == End(NOW + 2 * MINUTE, "limit")

    enter_account(session, 0)
    brakes.set_limits(session, Key(0, 0, google), None, None, 6)
    enter_account(session, account_id)
    assert end(session, DIRECT, broadcast) == End(NOW + 10 * MINUTE, "limit")

    brakes.hold(session, Key(account_id, 0, google))
    assert end(session, DIRECT, broadcast) == End(None, "hold")
    # A relay knows nothing of this.
    assert end(session, RELAY, broadcast).at is not None


def test_what_was_measured_counts_for_more_than_what_is_assumed(session, account_id, google):
    counted = Tally()
    for _ in range(120):
        counted.add(account_id, 0, google, "sent", 250, "", NOW - timedelta(days=2))
    counted.flush(session)
    enter_account(session, account_id)

    assert end(session, DIRECT, draft(session, account_id)).at == NOW + MINUTE / 2


def test_a_warm_up_counts_the_day_on_which_it_begins(session, account_id, google):
    brakes.start_warm_up(session, Key(account_id, 0, google), NOW)
    counted = Tally()
    for _ in range(49):
        counted.add(account_id, 0, google, "sent", 250, "", NOW)
    counted.flush(session)
    enter_account(session, account_id)
    today = draft(session, account_id, 2)
    tomorrow = draft(session, account_id, 2, send_at=NOW + timedelta(days=1))

    # A day's 50 go within eight hours; the second has to wait for the next day's 100.
    assert end(session, DIRECT, today) == End(NOW + MINUTE * (24 * 60 + 4.8), "warm_up")
    assert end(session, DIRECT, tomorrow).at == NOW + timedelta(days=1) + 2 * MINUTE * 9.6


def test_a_broadcast_leaves_from_its_transports_pool_unless_it_names_another(
    session, account_id, google
):
    first, second = (
        pools.add_pool(session, account_id, PoolSettings(name, (Source(f"192.0.2.{number}"),)))
        for number, name in enumerate(("Offers", "News"), 1)
    )
    session.execute(
        insert(Transport).values(
            account_id=account_id, name="Straight", kind="direct", host="", port=25,
            pool_id=first, is_default=True,
        )
    )  # fmt: skip
    usual, named = draft(session, account_id), draft(session, account_id, pool_id=second)
    assert (pool_of(session, usual), pool_of(session, named)) == (first, second)

    brakes.hold(session, Key(account_id, first, google))
    assert end(session, RELAY, usual) == End(None, "hold")
    assert end(session, RELAY, named).at is not None


class TestOnTheWay:
    def running(self, session, account_id, state="sending", **values):
        made = make_broadcast(session, account_id, state=state, started_at=NOW, **values)
        return compose.get(session, account_id, made)

    def known(self, google) -> Known:
        return Known({}, {}, {(0, google): 60.0}, {}, {google: "google"})

    def queued(self, broadcast, google, waiting, deferred=0, retry_at=None):
        return Queued(broadcast.id, 0, google, True, waiting, deferred, NOW, retry_at)

    def test_broadcasts_of_an_account_go_in_turns(self, session, account_id, google):
        small, large = (self.running(session, account_id) for _ in range(2))
        queue = [self.queued(small, google, 60), self.queued(large, google, 600)]

        found = expected((small, large), queue, self.known(google), NOW)

        assert [one.end.at for one in found] == [NOW + 2 * MINUTE, NOW + 11 * MINUTE]

    def test_its_own_rate_and_retries_hold_it_back(self, session, account_id, google):
        slow = self.running(session, account_id, rate_per_minute=6)
        later = self.running(session, account_id)
        queue = [
            self.queued(slow, google, 60),
            self.queued(later, google, 0, 5, NOW + 30 * MINUTE),
        ]

        found = expected((slow, later), queue, self.known(google), NOW)

        assert found[0].end == End(NOW + 10 * MINUTE, "rate")
        assert found[1].end == End(NOW + 30 * MINUTE, "retry")
        assert (found[1].waiting, found[1].deferred) == (0, 5)

    @pytest.mark.parametrize("state", ["paused", "held"])
    def test_what_a_person_paused_has_no_end(self, session, account_id, google, state):
        paused = self.running(session, account_id, state)

        [found] = expected([paused], [self.queued(paused, google, 9)], self.known(google), NOW)

        assert (found.end, found.waiting) == (End(None, "hold"), 9)


def test_the_installations_pause_holds_only_what_leaves_by_its_way(session, account_id, google):
    enter_account(session, 0)
    brakes.hold(session, Key(0, 0, google))
    enter_account(session, account_id)
    broadcast = draft(session, account_id)
    assert end(session, DIRECT, broadcast) == End(None, "hold")

    session.execute(
        insert(Transport).values(
            account_id=account_id, name="Own", kind="direct", host="", port=25, is_default=True
        )
    )

    assert end(session, DIRECT, broadcast).at is not None
