"""One look of the ticker: what is due is woken, and no queue is flooded."""

from __future__ import annotations

from datetime import timedelta

import psycopg
from sqlalchemy import text

from esp.clock import utc_now
from esp.delivery.facts import HITS, encode_hit
from esp.entrypoints.ticker import Ticker
from esp.journal import Journal
from tests.factories import make_account
from tests.sendings import counts, make_sending


def queued(runtime, queue: str) -> int:
    return runtime.redis.llen(f"dramatiq:{queue}")


def test_due_sending_is_woken_once_for_all_accounts(runtime, clock):
    with runtime.transaction(None) as session:
        for _ in range(3):
            make_sending(session, make_account(session), 5)
    ticker = Ticker(runtime)
    for _ in range(3):
        ticker.tick()
    assert queued(runtime, "sending") == runtime.settings.sending_workers
    assert queued(runtime, "default") == 0


def test_nothing_is_woken_when_nothing_is_due(runtime):
    Ticker(runtime).tick()
    assert queued(runtime, "sending") == 0


def test_the_hits_of_this_host_are_shipped(runtime):
    with runtime.transaction(None) as session:
        sending = make_sending(session, make_account(session), 5)
    door = Journal(runtime.journal_folder, HITS)
    door.append(encode_hit(sending.account_id, sending.broadcast_id, 3, None, utc_now()))
    for _ in range(2):
        Ticker(runtime).tick()
    with runtime.transaction(sending.account_id) as session:
        assert counts(session, sending) == {"opens": 1, "unique_opens": 1}
    door.close()


def test_the_next_months_are_ready_for_events(runtime, clock):
    clock.now += timedelta(days=365)
    Ticker(runtime).tick()
    with runtime.transaction(None) as session:
        made = session.scalars(
            text("SELECT relname FROM pg_class WHERE relname ~ '^events_p2027(11|12)$'")
        ).all()
    assert sorted(made) == ["events_p202711", "events_p202712"]


def test_of_two_tickers_one_looks(runtime):
    with runtime.transaction(None) as session:
        make_sending(session, make_account(session), 5)
    with psycopg.connect(runtime.listen_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(7274116)")
        Ticker(runtime).tick()
        assert queued(runtime, "sending") == 0
    Ticker(runtime).tick()
    assert queued(runtime, "sending") == 1
