"""The pages of broadcasts: drafts, their steps, sending and taking back, and who may do what."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from sqlalchemy import insert, select, text, update

from esp.accounts.models import Account, AuditEntry
from esp.broadcasts import compose
from esp.broadcasts.models import Broadcast
from esp.content import templates
from esp.delivery.models import Notice
from esp.engagement.models import BroadcastCount
from esp.entrypoints.web import create_pages
from esp.entrypoints.web.headers import MAIL_POLICY
from tests.doors.web.visitor import Visitor, colleague, company
from tests.factories import make_broadcast, make_contact, make_list, subscribe

BASE = "/a/acme/broadcasts"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def app(runtime):
    app = create_pages(runtime)
    app.testing = True
    return app


@pytest.fixture
def acme(runtime):
    account_id, user_id = company(runtime, email="ani@acme.example")
    with runtime.transaction(account_id) as session:
        session.execute(update(Account).values(time_zone="Asia/Jakarta"))
    return account_id, user_id


@pytest.fixture
def owner(app, runtime, acme):
    visitor = Visitor(app)
    visitor.enter(runtime, acme[1])
    return visitor


@pytest.fixture
def draft(runtime, acme):
    """A draft to one list of three people, one of whom has left."""
    with runtime.transaction(acme[0]) as session:
        news = make_list(session, acme[0], name="News")
        for state in ("subscribed", "subscribed", "unsubscribed"):
            subscribe(session, acme[0], news, make_contact(session, acme[0]), state)
        return make_broadcast(session, acme[0], (news,), name="November")


@pytest.fixture
def stored(runtime, acme):
    def read(broadcast_id: int) -> Broadcast:
        with runtime.transaction(acme[0]) as session:
            return compose.get(session, acme[0], broadcast_id)

    return read


@pytest.fixture
def put(runtime, acme):
    """Change a broadcast behind the pages' back."""

    def change(broadcast_id: int, **values) -> None:
        with runtime.transaction(acme[0]) as session:
            session.execute(update(Broadcast).where(Broadcast.id == broadcast_id).values(**values))

    return change


def guest(app, runtime, acme, role):
    visitor = Visitor(app)
    visitor.enter(runtime, colleague(runtime, acme[0], role))
    return visitor


def page(answer, status=200):
    assert answer.status_code == status, answer.text
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", answer.text).split()))


class TestBeginning:
    def test_the_list_says_what_to_do_when_there_is_none(self, owner):
        assert "No broadcasts yet" in page(owner.get(BASE))

    def test_blank(self, owner, stored):
        answer = owner.post(BASE, {"kind": "text"})
        assert answer.location == f"{BASE}/1/message"
        assert (stored(1).kind, stored(1).from_address) == ("text", "news@acme.example")

    def test_from_a_template(self, owner, runtime, acme, stored):
        with runtime.transaction(acme[0]) as session:
            made = templates.create(
                session, acme[0], {"name": "Monthly", "subject": "News", "body": "<p>x</p>"}
            )
        owner.post(BASE, {"template": made.id})
        assert (stored(1).name, stored(1).subject) == ("Monthly", "News")

    def test_from_a_ready_made_one_in_the_wished_language(self, owner, stored):
        owner.post(BASE, {"ready_made": "offer", "language": "id"})
        assert 'lang="id"' in stored(1).body

    def test_a_duplicate_is_a_draft_of_its_own(self, owner, draft, stored):
        answer = owner.post(f"{BASE}/{draft}/duplicate")
        assert answer.location == f"{BASE}/{draft + 1}/message"
        assert stored(draft + 1).name == "Copy of November"

    def test_a_draft_can_be_deleted(self, owner, draft):
        owner.post(f"{BASE}/{draft}/delete")
        assert owner.get(f"{BASE}/{draft}").status_code == 404


class TestEditor:
    def save(self, visitor, draft, **form):
        values = {"version": 1, "kind": "html", "body": "<p>Hi</p>", "text": "", **form}
        return visitor.post(f"{BASE}/{draft}/message", values, headers=HTMX)

    def test_an_autosave_answers_with_the_version_the_subject_and_the_problems(
        self, owner, draft, stored
    ):
        answer = self.save(
            owner, draft, subject="Hi {{ contact.first_name }}", body="<p>*|NOPE:X|*</p>\r\n<img>"
        )
        said = page(answer)
        assert 'name="version" value="2"' in answer.text
        assert "Hi Alex" in said
        assert "The message has no unsubscribe link." in said
        assert "*|NOPE:X|*" in said
        assert 'data-line="2"' in answer.text
        # The line ends of the source, so that lines are counted as they are seen.
        assert stored(draft).body == "<p>*|NOPE:X|*</p>\n<img>"

    def test_a_save_of_an_older_window_is_told_and_changes_nothing(self, owner, draft, stored):
        self.save(owner, draft, subject="First")
        answer = self.save(owner, draft, subject="Second")
        assert "Another window has saved this message" in page(answer, 409)
        assert answer.headers["HX-Retarget"] == "#conflict"
        assert 'data-overwrite="2"' in answer.text
        assert stored(draft).subject == "First"

    def test_the_standard_footer_mends_what_is_missing(self, owner, draft):
        assert "Nothing to mend." in page(self.save(owner, draft, add_footer="1"))

    def test_the_text_part_is_ones_own_only_when_ticked(self, owner, draft, stored):
        self.save(owner, draft, text="Mine", own_text="1")
        assert stored(draft).text == "Mine"
        self.save(owner, draft, text="Mine", version=2)
        assert stored(draft).text is None

    def test_without_a_script_it_saves_and_goes_on(self, owner, draft, stored):
        answer = owner.post(f"{BASE}/{draft}/message", {"version": 1, "subject": "Plain"})
        assert answer.location == f"{BASE}/{draft}/audience"
        assert stored(draft).subject == "Plain"

    def test_what_is_scheduled_is_not_edited(self, owner, draft, put):
        put(draft, state="scheduled", send_at=datetime(2027, 1, 1, tzinfo=UTC))
        for step in ("message", "audience", "sender", "review"):
            assert owner.get(f"{BASE}/{draft}/{step}").location == f"{BASE}/{draft}"
        assert self.save(owner, draft).status_code == 409

    def test_a_test_goes_out_to_the_typed_addresses(self, owner, runtime, acme, draft):
        answer = owner.post(f"{BASE}/{draft}/test", {"to": "a@acme.example b@acme.example"})
        assert "on its way to a@acme.example, b@acme.example" in page(answer)
        with runtime.transaction(acme[0]) as session:
            kinds = session.execute(select(Notice.kind, Notice.email).order_by(Notice.id)).all()
        assert ("test", "b@acme.example") in kinds
        assert runtime.redis.llen("dramatiq:sending") == 1

    def test_a_wrong_address_is_told_in_the_form(self, owner, draft):
        answer = owner.post(f"{BASE}/{draft}/test", {"to": "nobody"})
        assert "“nobody” is not an address." in page(answer, 422)


class TestPreview:
    def test_the_mail_route_has_a_policy_of_its_own_and_shows_the_person(
        self, owner, runtime, acme, draft
    ):
        with runtime.transaction(acme[0]) as session:
            ani = make_contact(session, acme[0], first_name="Ani")
        answer = owner.get(f"/a/acme/mail/broadcasts/{draft}?contact={ani}")
        assert answer.headers["Content-Security-Policy"] == MAIL_POLICY
        assert '<base target="_blank">' in answer.text
        assert "https://acme.example/" in answer.text

    def test_light_and_dark_are_chosen_by_the_page_and_not_by_the_device(self, owner, draft, put):
        put(draft, body="<style>@media (prefers-color-scheme: dark) {p{color:red}}</style><p>x</p>")
        url = f"/a/acme/mail/broadcasts/{draft}"
        assert "prefers-color-scheme" not in owner.get(url).text
        assert "(min-width:0)" in owner.get(f"{url}?look=dark").text
        assert "(max-width:0)" in owner.get(f"{url}?look=light").text

    def test_a_broken_message_says_so_in_its_frame(self, owner, draft, put):
        put(draft, body="{% if %}")
        assert "can&#39;t be shown yet" in owner.get(f"/a/acme/mail/broadcasts/{draft}").text

    @pytest.mark.parametrize(
        "path", ["broadcasts/99", "broadcasts/x", "nothing/1", "ready-made/en-nope", "templates/9"]
    )
    def test_what_is_not_there(self, owner, path):
        assert owner.get(f"/a/acme/mail/{path}").status_code == 404

    def test_people_to_preview_as(self, owner, runtime, acme):
        with runtime.transaction(acme[0]) as session:
            make_contact(session, acme[0], email="budi@x.example")
        answer = owner.get("/a/acme/mail/people?q=bu", headers=HTMX)
        assert "budi@x.example" in answer.text


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


class TestRoles:
    EDITS = ("duplicate", "delete", "message", "audience", "sender", "test")
    SENDS = ("schedule", "send", "unschedule", "pause", "resume", "cancel", "retry")

    def test_a_viewer_looks_and_changes_nothing(self, app, runtime, acme, draft):
        viewer = guest(app, runtime, acme, "viewer")
        for step in ("message", "audience", "sender", "review"):
            assert viewer.get(f"{BASE}/{draft}/{step}").status_code == 200
        assert (
            "hx-post"
            not in viewer.get(f"{BASE}/{draft}/message").text.split("data-editor")[1][:200]
        )
        for act in (*self.EDITS, *self.SENDS):
            assert viewer.post(f"{BASE}/{draft}/{act}").status_code == 403

    def test_an_editor_writes_and_does_not_send(self, app, runtime, acme, draft):
        editor = guest(app, runtime, acme, "editor")
        assert "sends it" in page(editor.get(f"{BASE}/{draft}/review"))
        for act in self.SENDS:
            assert editor.post(f"{BASE}/{draft}/{act}").status_code == 403
        assert editor.post(f"{BASE}/{draft}/message", {"subject": "x"}).status_code == 303

    def test_a_manager_sends(self, app, runtime, acme, draft, stored):
        guest(app, runtime, acme, "manager").post(f"{BASE}/{draft}/send")
        assert stored(draft).state == "scheduled"

    def test_another_account_has_no_such_broadcast(self, app, runtime, draft):
        _account, user_id = company(runtime, slug="other")
        stranger = Visitor(app)
        stranger.enter(runtime, user_id)
        other = BASE.replace("acme", "other")
        for path in ("", "/message", "/audience", "/sender", "/review"):
            assert stranger.get(f"{other}/{draft}{path}").status_code == 404
            assert stranger.get(f"{BASE}/{draft}{path}").status_code == 404
        for act in (*self.EDITS, *self.SENDS):
            form = {"to": "a@x.example", "send_at": "2027-01-01T09:00"}
            assert stranger.post(f"{other}/{draft}/{act}", form).status_code == 404
        assert stranger.get(f"/a/other/mail/broadcasts/{draft}").status_code == 404


class TestOverview:
    def test_a_new_account_is_led(self, owner, runtime, acme):
        said = page(owner.get("/a/acme/"))
        assert "First steps" in said
        assert "Import contacts" in said

    def test_what_moves_and_what_went_out_is_shown(self, owner, draft, put, clock):
        put(draft, state="sending", started_at=clock())
        assert "On their way November Sending" in page(owner.get("/a/acme/"))
        put(draft, state="sent", finished_at=clock())
        assert "Last broadcasts" in page(owner.get("/a/acme/"))
