"""One look of the ticker: what is due is woken, and no queue is flooded."""

from __future__ import annotations

from datetime import timedelta

import psycopg
from sqlalchemy import func, select, text

from esp.accounts import idempotency, links
from esp.accounts.idempotency import Answer
from esp.accounts.models import SignInLink
from esp.clock import utc_now
from esp.delivery.facts import HITS, encode_hit
from esp.entrypoints.ticker import Ticker
from esp.journal import Journal
from tests.factories import make_account, make_user
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


def test_answers_to_programs_are_forgotten_after_a_week(runtime, clock):
    kept = []
    for days in (0, 6, 2):
        clock.forward(days=days)
        with runtime.transaction(None) as session:
            kept.append(make_account(session))
        with runtime.transaction(kept[-1]) as session:
            answer = Answer(202, "{}")
            idempotency.remember(session, kept[-1], "key", b"body", answer, clock())
    Ticker(runtime).tick()
    for account_id, answer in zip(kept, (None, (202, "{}"), (202, "{}")), strict=True):
        with runtime.transaction(account_id) as session:
            assert idempotency.replay(session, account_id, "key", b"body") == answer


def test_links_that_were_worthless_for_a_month_are_forgotten(runtime, clock):
    with runtime.transaction(None) as session:
        user_id = make_user(session)
        for days in (0, 40):
            clock.forward(days=days)
            links.create_link(session, user_id, "sign_in", clock())
    Ticker(runtime).tick()
    with runtime.transaction(None) as session:
        assert session.scalar(select(func.count()).select_from(SignInLink)) == 1
