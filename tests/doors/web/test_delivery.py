"""The delivery pages: what waits, what holds it up, and the forecast before sending."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from esp.accounts import users
from esp.accounts.models import AuditEntry
from esp.db import enter_account
from esp.delivery import batches, brakes, overview
from esp.delivery.batches import Range
from esp.delivery.pacing.key import Key
from esp.delivery.tally import Tally
from esp.entrypoints.web import create_pages
from esp.senders import providers
from tests.doors.web.visitor import Visitor, company, guest, page
from tests.factories import make_broadcast, make_dispatch, make_recipient

BASE = "/a/acme/delivery"


@pytest.fixture
def app(runtime):
    """Of an installation whose mail goes straight to the receivers."""
    settings = runtime.settings.model_copy(update={"smtp_url": "direct:"})
    object.__setattr__(runtime, "settings", settings)
    app = create_pages(runtime)
    app.testing = True
    return app


@pytest.fixture
def google(runtime) -> int:
    with runtime.transaction(None) as session:
        return providers.provider_id(session, "google")


@pytest.fixture
def sending(runtime, acme, google) -> int:
    """A broadcast with 120 people of Google still to send to; one was put off."""
    account_id, now = acme[0], runtime.clock()
    with runtime.transaction(account_id) as session:
        broadcast_id = make_broadcast(
            session, account_id, name="November", state="sending", started_at=now
        )
        make_dispatch(session, account_id, broadcast_id)
        for seq in range(1, 121):
            make_recipient(session, account_id, broadcast_id, 1, seq=seq, provider_id=google)
        batches.add_batches(session, account_id, broadcast_id, [Range(1, 120, google)], now)
        counted = Tally()
        for kind, reply in (("sent", ""), ("deferred", "4.7.28 unusual rate, id 17")):
            counted.add(account_id, 0, google, kind, 421, reply, now)
        counted.flush(session)
    return broadcast_id


def way_of(runtime, account_id, provider_id) -> overview.Way:
    with runtime.transaction(account_id) as session:
        found = overview.ways(session, account_id, runtime.clock())
    return found[0, provider_id]


def test_an_account_that_sends_nothing_is_told_what_comes_here(owner):
    assert "Nothing is on its way" in page(owner.get(BASE))


def test_it_shows_what_waits_what_is_answered_and_when_it_is_through(
    runtime, owner, sending, clock
):
    told = page(owner.get(BASE))

    # Five connections of a message a second each.
    assert "November 120 0 in 24 seconds as fast as it was taken lately" in told
    assert "Google 120 0 1 1 1 put off Open" in told
    assert "421 4.7.28 unusual rate, id … Google Try later 1" in told


def test_htmx_gets_what_changes_and_no_more(owner, sending):
    told = owner.get(BASE, headers={"HX-Request": "true"}).text

    assert told.lstrip().startswith("<div") and "<html" not in told
    assert 'hx-trigger="every 3s"' in told


class TestPause:
    def test_it_takes_a_question_and_can_be_undone(self, runtime, owner, acme, sending, google):
        asked = owner.get(f"{BASE}/0/{google}").text
        assert f'action="{BASE}/0/{google}/hold"' in asked.partition("<dialog")[2]

        told = owner.post(f"{BASE}/0/{google}/hold", follow_redirects=True)

        assert "Nothing more goes to Google until you resume it." in page(told)
        assert f'action="{BASE}/0/{google}/lift"' in told.text
        assert "Paused A person paused it." in page(told)
        assert "November 120 0 when it is resumed" in page(told)
        assert way_of(runtime, acme[0], google).state.is_held

    def test_resuming_lifts_it(self, runtime, owner, acme, google):
        owner.post(f"{BASE}/0/{google}/hold")
        told = page(owner.post(f"{BASE}/0/{google}/lift", follow_redirects=True))

        assert "Mail goes to Google again." in told
        assert not way_of(runtime, acme[0], google).state.is_held
        with runtime.transaction(acme[0]) as session:
            acts = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert acts == ["delivery.hold", "delivery.lift"]

    @pytest.mark.parametrize("role", ["editor", "viewer"])
    def test_it_takes_a_manager(self, app, runtime, acme, google, role):
        visitor = guest(app, runtime, acme, role)

        assert "Pause" not in page(visitor.get(f"{BASE}/0/{google}"))
        for act in ("/hold", "/lift", ""):
            assert visitor.post(f"{BASE}/0/{google}{act}").status_code == 403

    def test_it_is_this_accounts_alone(self, runtime, owner, acme, google):
        other, _ = company(runtime, "kopi")
        owner.post(f"{BASE}/0/{google}/hold")

        with runtime.transaction(other) as session:
            assert overview.ways(session, other, runtime.clock()) == {}
            assert overview.common_ways(session, other, runtime.clock()) == {}


class TestTheInstallationsOwnWay:
    def test_its_pause_is_told_without_the_words_that_another_caused(
        self, runtime, owner, sending, google
    ):
        until = runtime.clock() + timedelta(minutes=30)
        with runtime.transaction(0) as session:
            brakes.lift(session, Key(0, 0, google))
            session.execute(
                text("UPDATE paces SET paused_until = :u, reason = 'rate', reply = 'secret'"),
                {"u": until},
            )

        for path in (BASE, f"{BASE}/0/{google}"):
            told = page(owner.get(path))
            assert "It wants fewer messages a minute." in told
            assert "tries again in 30 minutes" in told
            assert "secret" not in told

    def test_a_relay_paces_by_itself(self, runtime, acme, google):
        visitor = Visitor(create_pages_of_relay(runtime))
        visitor.enter(runtime, acme[1])

        told = page(visitor.get(f"{BASE}/0/{google}"))

        assert "Your mail leaves by a relay" in told
        assert "Limits" not in told


def create_pages_of_relay(runtime):
    settings = runtime.settings.model_copy(update={"smtp_url": "smtp://127.0.0.1:25"})
    object.__setattr__(runtime, "settings", settings)
    app = create_pages(runtime)
    app.testing = True
    return app


class TestLimits:
    def test_a_speed_is_stored_and_shown(self, runtime, owner, acme, google, sending):
        path = f"{BASE}/0/{google}"
        told = page(owner.post(path, {"rate_per_minute": "60"}, follow_redirects=True))

        assert "The limits are saved." in told
        assert 'value="60"' in owner.get(path).text
        assert way_of(runtime, acme[0], google).wishes.rate_per_minute == 60
        assert "in 2 minutes by the limits at present" in page(owner.get(BASE))

    @pytest.mark.parametrize("typed", ["many", "0", "-1", "99999999", "١"])
    def test_what_is_no_number_is_refused(self, owner, google, typed):
        answer = owner.post(f"{BASE}/0/{google}", {"rate_per_minute": typed})

        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text

    def test_connections_of_the_common_way_are_not_the_accounts(self, owner, google):
        told = page(owner.get(f"{BASE}/0/{google}"))

        assert "Messages a minute" in told
        assert "Connections at a time" not in told

    def test_there_are_no_limits_for_what_does_not_exist(self, owner, google):
        for path in (f"{BASE}/0/999999", f"{BASE}/77/{google}"):
            assert owner.get(path).status_code == 404
            assert owner.post(path, {"rate_per_minute": "60"}).status_code == 404


class TestOperator:
    @pytest.fixture
    def operator(self, app, runtime, acme) -> Visitor:
        with runtime.transaction(None) as session:
            users.set_operator(session, "ani@acme.example", True)
        visitor = Visitor(app)
        visitor.enter(runtime, acme[1])
        return visitor

    def test_nobody_else_finds_the_pages(self, owner, google):
        for path in ("/operator/delivery", f"/operator/delivery/{google}"):
            assert owner.get(path).status_code == 404
        for act in ("", "/hold", "/lift"):
            assert owner.post(f"/operator/delivery/{google}{act}").status_code == 404
        assert "/operator/" not in owner.get("/a/acme/").text

    def test_it_shows_sums_of_all_accounts(self, runtime, operator, sending):
        told = page(operator.get("/operator/delivery"))

        assert "Google 120 0 1 1 1 put off Open" in told
        assert "Acme 1 120 0 1 1 0" in told
        assert "November" not in told
        assert "/operator/delivery" in operator.get("/a/acme/").text

    def test_it_is_empty_where_nobody_sends(self, operator):
        assert "Nothing is on its way" in page(operator.get("/operator/delivery"))

    def test_pause_resume_and_limits_are_of_the_common_way(
        self, runtime, operator, acme, google, clock
    ):
        path = f"/operator/delivery/{google}"
        told = page(operator.post(f"{path}/hold", follow_redirects=True))
        assert "Nothing more goes to Google until you resume it." in told
        assert way_of(runtime, 0, google).state.is_held
        assert "Whoever runs this installation" not in page(operator.get(path))

        operator.post(f"{path}/lift")
        form = {"max_connections": "2", "rate_per_minute": "1,200", "warms_up": "y"}
        assert operator.post(path, form).status_code == 303
        way = way_of(runtime, 0, google)
        assert not way.state.is_held
        assert (way.limits.connections, way.limits.rate_per_minute) == (2, 1200)
        assert way.allowance == 50
        assert "Warm-up: 0 of 50 today" in page(operator.get(path))

        clock.forward(hours=5)
        operator.post(path, form)
        assert way_of(runtime, 0, google).warm_up == way.warm_up
        operator.post(path, {})
        assert way_of(runtime, 0, google).warm_up is None
        with runtime.transaction(acme[0]) as session:
            enter_account(session, acme[0])
            assert overview.ways(session, acme[0], runtime.clock()) == {}


class TestForecast:
    def test_the_review_loads_it_after_itself(self, owner, draft):
        review = owner.get(f"/a/acme/broadcasts/{draft}/review").text
        assert f'hx-get="/a/acme/broadcasts/{draft}/forecast"' in review

        part = owner.get(f"/a/acme/broadcasts/{draft}/forecast", headers={"HX-Request": "true"})

        told = page(part)
        assert "Through on Nov 2, 2026" in told
        assert "Other receivers" in told
        assert "Under today’s limits" in told

    def test_alone_it_leads_to_the_review(self, owner, draft):
        answer = owner.get(f"/a/acme/broadcasts/{draft}/forecast")

        assert answer.status_code == 303
        assert answer.location.endswith(f"/{draft}/review")
