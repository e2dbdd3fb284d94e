"""The pages of templates and pictures."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from esp.contacts import fields
from esp.content import templates
from esp.files import store
from tests.doors.web.visitor import Visitor, colleague, company

BASE = "/a/acme/templates"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def stored(runtime, acme):
    def read(template_id: int = 1):
        with runtime.transaction(acme[0]) as session:
            return templates.get(session, acme[0], template_id)

    return read


def picture(size=(40, 20)) -> io.BytesIO:
    data = io.BytesIO()
    Image.new("RGB", size, "teal").save(data, "PNG")
    data.seek(0)
    return data


class TestTemplates:
    def test_the_gallery_offers_the_ready_made_ones_in_both_languages(self, owner):
        english = owner.get(BASE).text
        assert "No templates of your own yet" in english
        assert "/a/acme/mail/ready-made/en-welcome" in english
        assert "/a/acme/mail/ready-made/id-welcome" in owner.get(f"{BASE}?language=id").text

    @pytest.mark.parametrize("language", ["en", "id"])
    def test_a_ready_made_one_is_shown_and_becomes_ones_own(self, owner, stored, language):
        assert owner.get(f"{BASE}/ready-made/offer?language={language}").status_code == 200
        answer = owner.post(BASE, {"ready_made": "offer", "language": language})
        assert answer.location == f"{BASE}/1"
        assert f'lang="{language}"' in stored().body

    def test_the_editor_saves_itself_and_tells_a_second_window(self, owner, stored):
        owner.post(BASE)
        form = {"version": 1, "name": "News", "kind": "mjml", "body": "<mjml>", "text": ""}
        answer = owner.post(f"{BASE}/1", form, headers=HTMX)
        assert 'name="version" value="2"' in answer.text
        assert "problem-error" in answer.text
        assert stored().name == "News"
        late = owner.post(f"{BASE}/1", form | {"name": "Late"}, headers=HTMX)
        assert late.status_code == 409
        assert stored().name == "News"

    def test_without_a_script_it_saves_too(self, owner, stored):
        owner.post(BASE)
        assert owner.post(f"{BASE}/1", {"name": "News"}).location == f"{BASE}/1"
        assert stored().name == "News"

    def test_a_test_can_be_sent(self, owner):
        owner.post(BASE, {"ready_made": "welcome"})
        answer = owner.post(f"{BASE}/1/test", {"to": "a@acme.example"})
        assert "on its way" in answer.text

    def test_duplicate_archive_restore(self, owner, stored):
        owner.post(BASE, {"ready_made": "welcome"})
        assert owner.post(f"{BASE}/1/duplicate").location == f"{BASE}/2"
        owner.post(f"{BASE}/1/archive")
        assert stored().archived_at is not None
        assert "This template is archived" in owner.get(f"{BASE}/1").text
        assert f'href="{BASE}/1"' in owner.get(f"{BASE}?show=archived").text
        owner.post(f"{BASE}/1/restore")
        assert stored().archived_at is None

    def test_merge_tags_offer_the_accounts_own_fields(self, owner, runtime, acme):
        with runtime.transaction(acme[0]) as session:
            fields.add(session, acme[0], "Shoe size")
        owner.post(BASE)
        assert "{{ contact.fields.shoe_size }}" in owner.get(f"{BASE}/1").text

    def test_its_mail_is_shown_as_the_sample_person_reads_it(self, owner):
        owner.post(BASE, {"ready_made": "welcome"})
        assert "Alex" in owner.get("/a/acme/mail/templates/1").text

    def test_a_viewer_looks_and_changes_nothing(self, app, runtime, acme, owner):
        owner.post(BASE)
        viewer = Visitor(app)
        viewer.enter(runtime, colleague(runtime, acme[0], "viewer"))
        assert viewer.get(f"{BASE}/1").status_code == 200
        for path in ("", "/1", "/1/test", "/1/duplicate", "/1/archive", "/1/restore"):
            assert viewer.post(BASE + path).status_code == 403

    def test_another_account_has_no_such_template(self, app, runtime, owner):
        owner.post(BASE)
        _account, user_id = company(runtime, slug="other")
        stranger = Visitor(app)
        stranger.enter(runtime, user_id)
        assert stranger.get("/a/other/templates/1").status_code == 404
        assert stranger.get("/a/other/mail/templates/1").status_code == 404
        for path in ("", "/test", "/duplicate", "/archive", "/restore"):
            assert stranger.post(f"/a/other/templates/1{path}", {"to": "a"}).status_code == 404


class TestPictures:
    URL = "/a/acme/pictures"

    def upload(self, visitor, data, name="Be ans.png", **options):
        return visitor.post(self.URL, {"file": (data, name)}, **options)

    def test_an_upload_can_be_put_into_a_message(self, owner, runtime, acme):
        answer = self.upload(owner, picture(), headers=HTMX)
        with runtime.transaction(acme[0]) as session:
            [kept] = store.pictures(session, acme[0])
        public = f"{runtime.settings.public_url}/media/{kept.public_key}/Be-ans.png"
        assert f'data-url="{public}"' in answer.text
        assert 'data-width="40"' in answer.text
        assert owner.get(f"{self.URL}/{kept.id}").content_type == "image/png"

    def test_what_is_no_picture_is_refused(self, owner):
        answer = self.upload(owner, io.BytesIO(b"<svg onload=alert(1)>"), "x.png")
        assert answer.status_code == 422
        assert "This is not a PNG" in answer.text

    def test_it_can_be_deleted(self, owner):
        self.upload(owner, picture())
        assert "Be ans.png" in owner.get(self.URL).text
        owner.post(f"{self.URL}/1/delete")
        assert "No pictures yet" in owner.get(self.URL).text

    def test_another_account_has_no_such_picture(self, app, runtime, owner):
        self.upload(owner, picture())
        _account, user_id = company(runtime, slug="other")
        stranger = Visitor(app)
        stranger.enter(runtime, user_id)
        assert stranger.get("/a/other/pictures/1").status_code == 404
        assert stranger.post("/a/other/pictures/1/delete").status_code == 404

    def test_a_contact_file_is_no_picture(self, owner, runtime, acme):
        with runtime.transaction(acme[0]) as session:
            file = store.keep(
                session, acme[0], "contacts", "c.csv", "text/csv", io.BytesIO(b"a"), limit=9
            )
        assert owner.get(f"{self.URL}/{file.id}").status_code == 404
        assert owner.post(f"{self.URL}/{file.id}/delete").status_code == 404
