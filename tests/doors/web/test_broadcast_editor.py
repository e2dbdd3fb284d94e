"""The editor of a broadcast's message, and its preview."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from esp.delivery.models import Notice
from esp.entrypoints.web.headers import MAIL_POLICY
from tests.doors.web.visitor import page
from tests.factories import make_contact

BASE = "/a/acme/broadcasts"
HTMX = {"HX-Request": "true"}


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
