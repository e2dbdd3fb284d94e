"""What all processes know together of a pool's pace at a provider."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from esp.clock import utc_now
from esp.db import enter_account
from esp.delivery import brakes, holders, paces
from esp.delivery.pacing import adapt
from esp.delivery.pacing.adapt import FLOOR, FREE, after_outcome
from esp.delivery.pacing.key import Key
from esp.delivery.pacing.limits import Limits
from esp.delivery.pacing.reaction import SENT, Reaction
from esp.delivery.pacing.warm_up import CURVE
from esp.senders.providers import provider_id

NOW = datetime.fromisoformat("2026-11-02T09:00:00+00:00")
AT = NOW.timestamp()
BUSY = Reaction("provider", "rate", slows=True)
PAUSE = Reaction("provider", "reputation", pause=timedelta(hours=1), doubles=True)
CAP = Reaction(
    "provider", "rate", cap_per_minute=10, cap_connections=1, cap_for=timedelta(minutes=30)
)


@pytest.fixture
def key(session, account_id) -> Key:
    found = Key(account_id, 7, provider_id(session, "google"))
    paces.load(session, account_id, 7, [found.provider_id], NOW)
    return found


def loaded(session, key: Key, now: datetime = NOW) -> paces.Pace:
    return paces.load(session, key.account_id, key.pool_id, [key.provider_id], now)[key.provider_id]


def learn(session, key: Key, old: adapt.State, reaction: Reaction, now: datetime, reply: str = ""):
    new = after_outcome(old, reaction, now.timestamp(), 0.0, reply)
    if adapt.is_news(old, new):
        paces.record(session, key, old, new, now)
    return new


def later(**parts: float) -> datetime:
    return NOW + timedelta(**parts)


def test_a_provider_nobody_has_set_anything_for(session, key):
    pace = loaded(session, key)
    assert (pace.provider, pace.limits, pace.state) == ("google", Limits(5, 50), FREE)
    assert pace.allowed(AT) == Limits(5, 50)


def test_the_installations_own_way_out_is_account_0s(session, key):
    enter_account(session, 0)
    common = Key(0, 0, key.provider_id)
    loaded(session, common)
    learn(session, common, FREE, BUSY, NOW)
    assert loaded(session, common).state.share == 0.5
    enter_account(session, key.account_id)
    assert loaded(session, key).state.share == 1.0


def test_what_is_learnt_comes_back_as_it_was(session, key):
    state = learn(session, key, FREE, CAP, NOW, "421 4.7.28")
    assert loaded(session, key).state == state
    state = learn(session, key, state, PAUSE, later(minutes=1), "421 4.7.0")
    assert loaded(session, key).state == state
    blocked = Reaction("provider", "blocked", holds=True)
    state = learn(session, key, state, blocked, later(minutes=2), "553 [TSS09]")
    assert loaded(session, key).state == state
    assert (state.is_held, state.reply) == (True, "553 [TSS09]")


@pytest.mark.standard("THR-03")
def test_what_two_processes_learn_combines_to_the_stricter(session, key):
    learn(session, key, FREE, PAUSE, NOW)
    learn(session, key, FREE, CAP, later(seconds=1))
    learn(session, key, FREE, BUSY, later(seconds=2))
    state = loaded(session, key).state
    assert state.paused_until == AT + 3600
    assert (state.cap_per_minute, state.cap_connections) == (10, 1)
    assert state.share == FLOOR


@pytest.mark.parametrize("seed", range(25))
def test_the_database_combines_as_the_pure_law_does(session, key, seed):
    chance = random.Random(seed)

    def story() -> adapt.State:
        state, now = FREE, AT
        for _ in range(chance.randrange(1, 6)):
            now += chance.choice((1, 40, 2000))
            state = after_outcome(state, chance.choice((BUSY, PAUSE, CAP)), now, chance.random())
        return state

    one, two = story(), story()
    now = later(hours=2.5)
    paces.record(session, key, FREE, one, now)
    paces.record(session, key, FREE, two, now)
    both, law = loaded(session, key).state, adapt.stricter(one, two, now.timestamp())
    for ahead in (0, 600, 3600, 50_000):
        at = now.timestamp() + ahead
        assert adapt.allowed(Limits(10), both, at) == adapt.allowed(Limits(10), law, at)
        assert adapt.may_begin(both, at) == pytest.approx(adapt.may_begin(law, at), abs=1e-5)
    assert both.pauses == law.pauses


def test_an_old_cap_does_not_make_a_new_one_stricter(session, key):
    learn(session, key, FREE, CAP, NOW)
    two = replace(CAP, cap_per_minute=None, cap_connections=3)
    learn(session, key, FREE, two, later(hours=1))
    state = loaded(session, key).state
    assert (state.cap_per_minute, state.cap_connections) == (None, 3)


def test_a_step_up_counts_once_for_all_processes(session, key):
    learn(session, key, FREE, BUSY, NOW)
    one = two = loaded(session, key).state
    for _ in range(adapt.ENOUGH):
        one = learn(session, key, one, SENT, later(minutes=1))
        two = learn(session, key, two, SENT, later(minutes=1))
    assert one.share == two.share == loaded(session, key).state.share == 0.5 + adapt.STEP


def test_full_speed_forgets_why_it_was_slow(session, key):
    state = learn(session, key, FREE, BUSY, NOW, "421 slow down")
    now = NOW
    while state.share < 1:
        now += timedelta(minutes=1)
        for _ in range(adapt.ENOUGH):
            state = learn(session, key, state, SENT, now)
    assert loaded(session, key).state == replace(FREE, changed_at=now.timestamp())


@pytest.mark.standard("THR-03")
def test_of_all_processes_one_probes(session, key):
    learn(session, key, FREE, PAUSE, NOW)
    one = two = loaded(session, key).state
    assert paces.claim_probe(session, key, one, later(minutes=59)) is one
    over = later(hours=1)
    one = paces.claim_probe(session, key, one, over)
    two = paces.claim_probe(session, key, two, over)
    assert adapt.may_begin(one, over.timestamp()) == 0.0
    assert adapt.may_begin(two, over.timestamp()) > over.timestamp()
    assert adapt.refreshed(one, loaded(session, key).state).probe == "granted"

    one = learn(session, key, adapt.begun(one), SENT, later(minutes=61))
    state = loaded(session, key).state
    assert (state.paused_until, state.share, state.pauses) == (0.0, FLOOR, 1)
    assert adapt.may_begin(one, over.timestamp()) == 0.0


def test_a_longer_pause_of_another_process_outlives_a_probe(session, key):
    learn(session, key, FREE, PAUSE, NOW)
    one = paces.claim_probe(session, key, loaded(session, key).state, later(hours=1))
    longer = replace(PAUSE, pause=timedelta(hours=5))
    learn(session, key, FREE, longer, later(hours=1))
    learn(session, key, adapt.begun(one), SENT, later(minutes=61))
    assert loaded(session, key).state.paused_until == AT + 6 * 3600


def test_a_person_holds_and_lifts(session, key):
    learn(session, key, FREE, PAUSE, NOW)
    brakes.hold(session, key)
    state = loaded(session, key).state
    assert (state.is_held, state.reason) == (True, "person")
    assert adapt.may_begin(state, AT + 1e9) == math.inf
    assert paces.claim_probe(session, key, state, later(hours=2)) is state
    brakes.lift(session, key)
    state = loaded(session, key).state
    assert adapt.may_begin(state, AT) == 0.0
    assert state.share == FLOOR


def test_people_set_limits_and_take_them_back(session, key):
    brakes.set_limits(session, key, 3, None, 600)
    assert loaded(session, key).limits == Limits(3, 50, 600)
    brakes.set_limits(session, key, None, None, None)
    assert loaded(session, key).limits == Limits(5, 50)


# -- grants -----------------------------------------------------------------------------------


def test_slots_follow_each_other_whoever_asks(session, key):
    gap = timedelta(milliseconds=100)
    assert paces.grant(session, key, 600, 99, NOW) == (2, NOW, gap)
    assert paces.grant(session, key, 600, 99, NOW) == (2, NOW + 2 * gap, gap)
    refused = paces.grant(session, key, 600, 99, NOW)
    assert refused == (0, NOW + 2 * gap, gap)
    assert paces.grant(session, key, 600, 1, refused.first).messages == 1
    # Nothing is saved up.
    assert paces.grant(session, key, 600, 99, later(hours=1)).first == later(hours=1)
    assert paces.grant(session, key, 1, 99, later(hours=2)).messages == 1
    assert paces.grant(session, key, 1, 99, later(hours=2)).messages == 0
    assert paces.grant(session, key, 0, 99, later(hours=3)).messages == 0


# -- connections ------------------------------------------------------------------------------


def test_processes_share_the_connections_and_never_have_more(session, key):
    provider = key.provider_id

    def ask(owner: str, opened: int, seconds: float = 0) -> int:
        return holders.share_connections(
            session, key.account_id, 7, owner, {provider: (5, opened)}, later(seconds=seconds)
        )[provider]

    assert ask("a", 0) == 5
    assert ask("b", 0) == 0
    assert ask("a", 5) == 3
    assert ask("b", 0) == 0  # a has not closed any yet
    assert ask("a", 3) == 3
    assert ask("b", 0) == 2
    holders.release_connections(session, key.account_id, "a", [key])
    assert ask("b", 2) == 5
    # Whoever is not heard of any more is gone.
    assert ask("c", 0) == 0
    assert ask("c", 0, seconds=16) == 5


# -- warm-up ----------------------------------------------------------------------------------


@pytest.mark.standard("RCV-06")
def test_the_warm_up_gives_a_rate_until_the_days_mail_is_sent(session, key):
    brakes.start_warm_up(session, key, NOW)
    assert loaded(session, key).warm_rate == CURVE[0] / 480
    assert loaded(session, key).allowed(AT).rate_per_minute == CURVE[0] / 480
    sent(session, key, later(hours=1), 50)
    assert loaded(session, key, later(hours=2)).warm_rate == 0
    assert loaded(session, key, later(days=1)).warm_rate == CURVE[1] / 480
    # The second day was not used, so the third has its cap.
    assert loaded(session, key, later(days=2, hours=1)).warm_rate == CURVE[1] / 480
    judged = session.execute(text("SELECT warm_up_judged_days, warm_up_held_days FROM paces")).one()
    assert judged == (2, 1)
    brakes.start_warm_up(session, key, None)
    assert loaded(session, key).warm_rate is None


def sent(session, key: Key, minute: datetime, number: int) -> None:
    session.execute(
        text(
            "INSERT INTO delivery_minutes (account_id, minute, pool_id, provider_id, sent)"
            " VALUES (:account, :minute, :pool, :provider, :number)"
        ),
        key.values | {"minute": minute, "number": number},
    )


# -- senders hear of it -----------------------------------------------------------------------


def test_senders_are_told_of_holds_and_not_of_grants(runtime):
    import psycopg

    from tests.factories import make_account

    with runtime.transaction(None) as session:
        account_id = make_account(session)
        enter_account(session, account_id)
        key = Key(account_id, 0, provider_id(session, "yahoo"))
        loaded(session, key)
    with psycopg.connect(runtime.listen_url, autocommit=True) as ear:
        ear.execute("LISTEN esp_stop")
        with runtime.transaction(account_id) as session:
            paces.grant(session, key, 600, 2, utc_now())
        with runtime.transaction(account_id) as session:
            brakes.hold(session, key)
        heard = [one.payload for one in ear.notifies(timeout=5, stop_after=1)]
    assert heard == [f"p:{account_id}:0:{key.provider_id}"]
