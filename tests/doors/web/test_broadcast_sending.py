"""From the audience to the last message: a broadcast's steps, its time, its progress."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, text, update

from esp.accounts.models import Account, AuditEntry
from esp.broadcasts import compose
from esp.engagement.models import BroadcastCount
from tests.doors.web.visitor import page
from tests.factories import make_list

BASE = "/a/acme/broadcasts"
HTMX = {"HX-Request": "true"}


class TestAudience:
    def test_the_funnel_follows_the_choice(self, owner, runtime, acme, draft):
        said = page(owner.get(f"{BASE}/{draft}/audience?include=1", headers=HTMX))
        assert said.endswith("Get it 2")
        assert "Unsubscribed −1" in said

    def test_lists_are_stored(self, owner, runtime, acme, draft):
        with runtime.transaction(acme[0]) as session:
            staff = make_list(session, acme[0])
        owner.post(f"{BASE}/{draft}/audience", {"include": [1, staff], "exclude": [staff]})
        with runtime.transaction(acme[0]) as session:
            assert compose.lists_of(session, acme[0], draft) == ([1], [staff])

    def test_a_list_of_nobody_is_refused(self, owner, draft):
        answer = owner.post(f"{BASE}/{draft}/audience", {"include": [999]})
        assert answer.status_code == 422


class TestSender:
    def test_it_is_stored(self, owner, draft, stored):
        form = {
            "from_name": "Ani of Acme",
            "from_address": "Ani@Acme.example",
            "reply_to": "",
            "transport_id": "",
            "rate_per_minute": "1,200",
        }
        assert owner.post(f"{BASE}/{draft}/sender", form).location == f"{BASE}/{draft}/review"
        found = stored(draft)
        assert (found.from_name, found.rate_per_minute) == ("Ani of Acme", 1200)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("from_address", "nobody"),
            ("reply_to", "x@"),
            ("rate_per_minute", "fast"),
            ("rate_per_minute", "0"),
        ],
    )
    def test_what_is_wrong_is_told_at_its_field(self, owner, draft, field, value):
        answer = owner.post(f"{BASE}/{draft}/sender", {field: value})
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text

    def test_another_accounts_transport_is_not_there(self, owner, draft):
        form = {"from_address": "a@acme.example", "transport_id": "77"}
        assert owner.post(f"{BASE}/{draft}/sender", form).status_code == 404


class TestSending:
    @pytest.fixture(autouse=True)
    def in_jakarta(self, runtime, acme):
        with runtime.transaction(acme[0]) as session:
            session.execute(update(Account).values(time_zone="Asia/Jakarta"))

    def test_the_review_leads_to_where_each_thing_is_mended(self, owner, draft, put, runtime, acme):
        put(draft, body="<p>Hi</p>", from_address="")
        with runtime.transaction(acme[0]) as session:
            session.execute(update(Account).values(postal_address=""))
            compose.set_lists(session, acme[0], draft, ())
        answer = owner.get(f"{BASE}/{draft}/review")
        for place in (f"{BASE}/{draft}/message", f"{BASE}/{draft}/audience"):
            assert f'href="{place}"' in answer.text
        assert 'href="/a/acme/settings/company"' in answer.text
        assert "Send now" not in page(answer)

    @pytest.mark.parametrize("act", ["send", "schedule"])
    def test_what_is_not_ready_is_not_sent_and_every_reason_is_told(
        self, owner, draft, put, stored, act
    ):
        put(draft, subject="", from_address="")
        answer = owner.post(f"{BASE}/{draft}/{act}", {"send_at": "2027-01-01T09:00"})
        said = page(answer, 409)
        assert "The message has no subject." in said
        assert "The sender's address is missing or wrong." in said
        assert stored(draft).state == "draft"

    def test_everybody_is_warned_about(self, owner, draft, runtime, acme):
        review = f"{BASE}/{draft}/review"
        assert "everybody you have" not in page(owner.get(review))
        with runtime.transaction(acme[0]) as session:
            session.execute(text("UPDATE subscriptions SET state = 'subscribed'"))
        assert "everybody you have: 3 people" in page(owner.get(review))

    def test_send_now_asks_with_the_number_and_can_be_taken_back(
        self, owner, draft, stored, clock, runtime
    ):
        assert "Send to 2 people?" in page(owner.get(f"{BASE}/{draft}/review"))
        assert owner.post(f"{BASE}/{draft}/send").location == f"{BASE}/{draft}"
        found = stored(draft)
        assert found.state == "scheduled"
        assert (found.send_at - clock()).total_seconds() == runtime.settings.undo_seconds
        assert "Sending begins in 10 s" in page(owner.get(f"{BASE}/{draft}"))
        owner.post(f"{BASE}/{draft}/unschedule")
        assert (stored(draft).state, stored(draft).send_at) == ("draft", None)

    def test_a_time_is_of_the_accounts_zone(self, owner, draft, stored):
        owner.post(f"{BASE}/{draft}/schedule", {"send_at": "2026-11-03T09:00"})
        assert stored(draft).send_at == datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
        assert "Nov 3, 2026" in page(owner.get(f"{BASE}/{draft}"))

    @pytest.mark.parametrize("typed", ["2026-11-02T15:00", "", "soon"])
    def test_the_past_and_no_time_are_refused(self, owner, draft, stored, typed):
        answer = owner.post(f"{BASE}/{draft}/schedule", {"send_at": typed})
        assert answer.status_code == 422
        assert 'id="send-at-error"' in answer.text
        assert stored(draft).state == "draft"

    def test_it_stands_in_the_log(self, owner, draft, runtime, acme):
        owner.post(f"{BASE}/{draft}/send")
        with runtime.transaction(acme[0]) as session:
            rows = session.execute(select(AuditEntry.actor, AuditEntry.action)).all()
        assert ("ani@acme.example", "broadcast.schedule") in rows


class TestRunning:
    @pytest.fixture
    def running(self, runtime, acme, draft, put, clock):
        put(draft, state="sending", started_at=clock())
        with runtime.transaction(acme[0]) as session:
            for name, count in {"recipients": 1000, "sent": 600, "skipped": 100}.items():
                session.execute(
                    insert(BroadcastCount).values(
                        account_id=acme[0], broadcast_id=draft, name=name, count=count
                    )
                )
        clock.forward(minutes=6)
        return draft

    def test_progress_is_of_those_who_are_to_get_it(self, owner, running):
        said = page(owner.get(f"{BASE}/{running}"))
        assert "600 of 900" in said
        assert "100 messages a minute · done in 3 minutes" in said

    def test_htmx_gets_the_progress_alone_and_asks_again_while_it_moves(self, owner, running, put):
        answer = owner.get(f"{BASE}/{running}", headers=HTMX)
        assert "<html" not in answer.text
        assert 'hx-trigger="every 2s"' in answer.text
        put(running, state="sent")
        assert "hx-trigger" not in owner.get(f"{BASE}/{running}", headers=HTMX).text

    def test_pause_resume_cancel(self, owner, running, stored, runtime):
        for act, state in (("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled")):
            assert owner.post(f"{BASE}/{running}/{act}").location == f"{BASE}/{running}"
            assert stored(running).state == state
            # Those who send and those who tidy up are told after the commit.
            for queue in ("default", "sending"):
                assert runtime.redis.llen(f"dramatiq:{queue}")
                runtime.redis.delete(f"dramatiq:{queue}")

    def test_a_move_that_is_not_legal_now_is_refused(self, owner, running, stored):
        assert owner.post(f"{BASE}/{running}/resume").status_code == 409
        assert stored(running).state == "sending"

    def test_retry_has_nobody_when_nobody_failed(self, owner, running, put, stored):
        put(running, state="sent")
        assert owner.post(f"{BASE}/{running}/retry").status_code == 409
        assert stored(running).state == "sent"
