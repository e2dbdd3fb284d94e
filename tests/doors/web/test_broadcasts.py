"""The pages of broadcasts: drafts begin and end, who may do what, and what the overview shows."""

from __future__ import annotations

from esp.content import templates
from tests.doors.web.visitor import Visitor, company, guest, page

BASE = "/a/acme/broadcasts"


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
