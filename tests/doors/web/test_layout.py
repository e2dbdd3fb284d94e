"""The frame: who gets in, what they see, how errors look, in which language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from flask import Blueprint, get_flashed_messages, render_template_string, request, url_for
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    FileField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)

from esp.entrypoints.web import looks
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import (
    current_account_id,
    go,
    notify,
    public,
    requires,
    speak,
    takes_files,
)
from esp.errors import N_, Conflict, Invalid, NotFound, Refused
from tests.doors.web.shell import ACME, KOPI, MIRA, NOON, one_page, pages, signed_in

PAGE = '{% extends "layout/app.html" %}{% block content %}<h1>A page</h1>{% endblock %}'


def app_page():
    return render_template_string(PAGE)


class TestWhoGetsIn:
    def test_a_stranger_is_sent_to_sign_in_and_back_afterwards(self):
        answer = pages(one_page(app_page)).test_client().get("/a/acme/page?q=x")

        assert answer.status_code == 303
        assert answer.location == "/sign-in?next=/a/acme/page%3Fq%3Dx"

    def test_htmx_is_told_to_load_the_sign_in_page(self):
        client = pages(one_page(app_page)).test_client()

        answer = client.get("/a/acme/page", headers={"HX-Request": "true"})

        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/sign-in")

    def test_a_public_page_is_for_everybody(self):
        app = pages(one_page(public(lambda: "open"), "/open"))

        assert app.test_client().get("/open").text == "open"

    def test_a_foreign_account_is_not_there(self):
        assert signed_in(pages(one_page(app_page))).get("/a/other/page").status_code == 404

    def test_the_account_is_the_one_in_the_url(self):
        client = signed_in(pages(one_page(lambda: str(current_account_id()))))

        assert [client.get(f"/a/{slug}/page").text for slug in ("acme", "kopi")] == ["1", "2"]

    def test_links_stay_in_the_account(self):
        client = signed_in(pages(one_page(lambda: url_for("test.page"))))

        assert client.get("/a/kopi/page").text == "/a/kopi/page"

    def test_the_root_leads_to_the_first_account(self):
        assert signed_in(pages(one_page(app_page))).get("/").location == "/a/acme/"

    def test_without_an_account_it_says_what_to_do(self):
        app = pages(one_page(app_page), replace(MIRA, accounts=()))

        answer = signed_in(app).get("/")

        assert answer.status_code == 404
        assert "invite you" in answer.text

    @pytest.mark.parametrize(
        ("role", "least", "method", "status"),
        [
            ("viewer", None, "GET", 200),
            ("viewer", None, "POST", 403),
            ("editor", None, "POST", 200),
            ("editor", "manager", "GET", 403),
            ("manager", "manager", "POST", 200),
            ("manager", "owner", "POST", 403),
            ("owner", "owner", "POST", 200),
            ("viewer", "viewer", "POST", 200),
        ],
    )
    def test_a_role_may(self, role, least, method, status):
        def view():
            return "done"

        marked = requires(least)(view) if least else view
        person = replace(MIRA, accounts=(replace(ACME, role=role),))
        app = pages(one_page(marked, methods=["GET", "POST"]), person)
        app.config["WTF_CSRF_ENABLED"] = False

        assert signed_in(app).open("/a/acme/page", method=method).status_code == status

    def test_there_are_only_four_roles(self):
        with pytest.raises(ValueError, match="boss"):
            requires("boss")

    def test_a_post_without_a_token_is_refused(self):
        answer = signed_in(pages(one_page(lambda: "done", methods=["POST"]))).post("/a/acme/page")

        assert answer.status_code == 400
        assert "open for too long" in answer.text

    def test_only_a_marked_view_takes_large_files(self):
        def view():
            return str(request.max_content_length)

        limits = [
            signed_in(pages(one_page(v), upload_limit_mb=900)).get("/a/acme/page").text
            for v in (view, takes_files(lambda: view()))
        ]

        assert limits == [str(16 * 2**20), str(900 * 2**20)]


class TestWhatIsSeen:
    def test_the_frame_names_the_account_and_the_person(self):
        text = signed_in(pages(one_page(app_page))).get("/a/acme/page").text

        assert "<title>Esp · Acme</title>" in text
        assert "mira@acme.example" in text
        assert 'href="/a/kopi/"' in text

    def test_nothing_on_the_page_is_inline(self):
        text = signed_in(pages(one_page(app_page))).get("/a/acme/page").text

        assert " style=" not in text
        assert " onclick=" not in text
        assert "<style" not in text

    def test_the_navigation_shows_what_there_is_and_where_one_is(self):
        blueprint = Blueprint("test", __name__)
        for name in ("contacts", "lists"):
            blueprint.add_url_rule(f"/a/<slug>/{name}", name, app_page)
        blueprint.add_url_rule(
            "/a/<slug>/contacts/<int:contact>", "contact", lambda contact: app_page()
        )

        text = signed_in(pages(blueprint)).get("/a/acme/contacts/3").text

        assert 'href="/a/acme/contacts" data-key="c" aria-current="page"' in text
        assert 'href="/a/acme/lists" data-key="l">' in text
        assert "/a/acme/broadcasts" not in text

    @pytest.mark.parametrize(
        ("cookie", "theme"),
        [("dark", "dark"), ("light", "light"), ('"><script>', "auto"), ("", "auto")],
    )
    def test_the_theme_comes_with_the_page(self, cookie, theme):
        client = signed_in(pages(one_page(app_page)))
        client.set_cookie("theme", cookie)

        assert f'data-theme="{theme}"' in client.get("/a/acme/page").text

    def test_what_was_done_can_be_undone(self):
        def view():
            notify("The list was archived.", undo="/a/acme/lists/3/restore")
            return app_page()

        text = signed_in(pages(one_page(view))).get("/a/acme/page").text

        assert "The list was archived." in text
        assert 'action="/a/acme/lists/3/restore"' in text

    def test_going_elsewhere_also_works_for_htmx(self):
        client = signed_in(pages(one_page(lambda: go("/a/acme/"))))

        assert client.get("/a/acme/page").location == "/a/acme/"
        answer = client.get("/a/acme/page", headers={"HX-Request": "true"})
        assert answer.headers["HX-Redirect"] == "/a/acme/"

    def test_subscribers_see_the_sender_and_not_the_product(self):
        def view():
            return render_template_string(
                '{% extends "layout/public.html" %}{% block title %}Leave{% endblock %}',
                sender="Kopi <Nusantara>",
                postal_address="1 Main Street",
            )

        text = pages(one_page(public(view), "/leave")).test_client().get("/leave").text

        assert "Kopi &lt;Nusantara&gt;" in text
        assert "1 Main Street" in text
        assert "Esp" not in text
        assert "<script" not in text


class TestLanguages:
    @pytest.mark.parametrize(
        ("slug", "person", "accept", "language"),
        [
            ("acme", MIRA, "id", "en"),
            ("kopi", MIRA, "en", "id"),
            ("acme", replace(MIRA, language="id"), "en", "id"),
        ],
    )
    def test_signed_in_the_person_and_then_the_account_choose(self, slug, person, accept, language):
        client = signed_in(pages(one_page(app_page), person))

        text = client.get(f"/a/{slug}/page", headers={"Accept-Language": accept}).text

        assert f'<html lang="{language}"' in text
        assert ("Keluar" in text) == (language == "id")

    @pytest.mark.parametrize(
        ("accept", "language"),
        [("id-ID,id;q=0.9", "id"), ("de, en;q=0.5", "en"), ("", "en"), ("fr", "en")],
    )
    def test_strangers_are_answered_as_their_browser_wishes(self, accept, language):
        client = pages(one_page(app_page)).test_client()

        text = client.get("/nowhere", headers={"Accept-Language": accept}).text

        assert f'<html lang="{language}"' in text

    def test_a_view_can_choose_the_readers_language(self):
        def view():
            speak("id", "Asia/Jakarta")
            return looks.when(NOON)

        text = pages(one_page(public(view), "/x")).test_client().get("/x").text

        assert text == "2 Nov 2026, 19.00"

    @pytest.mark.parametrize(
        ("slug", "shown", "text"),
        [
            ("acme", lambda: looks.when(NOON), "Nov 2, 2026, 7:00\u202fPM"),
            ("acme", lambda: looks.when(None), "–"),
            ("acme", lambda: looks.day(datetime(2026, 11, 1, 23, 0, tzinfo=UTC)), "Nov 2, 2026"),
            ("acme", lambda: looks.day(date(2026, 11, 1)), "Nov 1, 2026"),
            ("acme", lambda: looks.ago(datetime(2026, 11, 2, 11, 55, tzinfo=UTC)), "5 minutes ago"),
            ("acme", lambda: looks.number(48213), "48,213"),
            ("kopi", lambda: looks.number(48213), "48.213"),
            ("acme", lambda: looks.compact(48213), "48.2K"),
            ("acme", lambda: looks.rate(1, 8), "12.5%"),
            ("kopi", lambda: looks.rate(1, 8), "12,5%"),
            ("acme", lambda: looks.rate(1, 0), "–"),
            ("acme", lambda: looks.size(23_812), "23.8 kB"),
            ("acme", lambda: looks.size(999), "999 B"),
            ("acme", lambda: looks.size(7_200_000_000), "7.2 GB"),
        ],
    )
    def test_dates_and_numbers_follow_the_account(self, slug, shown, text):
        assert signed_in(pages(one_page(lambda: shown()))).get(f"/a/{slug}/page").text == text


def raises(error: Exception):
    def view():
        raise error

    return view


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "status", "words"),
        [
            (Refused(N_("The list is archived. Restore it first.")), 409, "Restore it first"),
            (Conflict("Somebody was faster."), 409, "Somebody was faster."),
            (Invalid("Line %(line)s is wrong.", place="file", line=3), 422, "Line 3 is wrong."),
            (NotFound(), 404, "no such thing"),
        ],
    )
    def test_our_own_become_pages(self, error, status, words):
        answer = signed_in(pages(one_page(raises(error)))).get("/a/acme/page")

        assert answer.status_code == status
        assert words in answer.text
        assert 'href="/"' in answer.text

    def test_a_refused_form_goes_back_to_its_page_and_says_why(self):
        view = raises(Refused("The list is archived."))
        app = pages(one_page(view, methods=["POST"]))
        app.config["WTF_CSRF_ENABLED"] = False

        with signed_in(app) as client:
            answer = client.post(
                "/a/acme/page", headers={"Referer": "http://localhost/a/acme/lists?p=2"}
            )
            assert answer.location == "/a/acme/lists?p=2"
            assert get_flashed_messages() == [{"text": "The list is archived.", "undo": None}]

    @pytest.mark.parametrize(
        "referrer", ["https://evil.example/", "http://localhost//evil.example", ""]
    )
    def test_it_never_goes_to_another_site(self, referrer):
        app = pages(one_page(raises(Refused("No.")), methods=["POST"]))
        app.config["WTF_CSRF_ENABLED"] = False

        answer = signed_in(app).post("/a/acme/page", headers={"Referer": referrer})

        assert answer.status_code == 409

    def test_htmx_gets_a_notice(self):
        client = signed_in(pages(one_page(raises(Refused("The list is archived.")))))

        answer = client.get("/a/acme/page", headers={"HX-Request": "true"})

        assert answer.status_code == 409
        assert answer.headers["HX-Retarget"] == "#notices"
        assert "The list is archived." in answer.text
        assert "<html" not in answer.text

    def test_what_nobody_expected_says_nothing_about_itself(self):
        app = pages(one_page(raises(RuntimeError("password=hunter2"))))
        app.testing = False

        answer = signed_in(app).get("/a/acme/page")

        assert answer.status_code == 500
        assert "hunter2" not in answer.text

    def test_methods_that_are_not_there_keep_their_header(self):
        app = pages(one_page(app_page))
        app.config["WTF_CSRF_ENABLED"] = False

        answer = signed_in(app).post("/a/acme/page")

        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


class Sample(FlaskForm):
    name = StringField("Name", description="Shown in the inbox.")
    note = TextAreaField("Note")
    place = SelectField("Place", choices=[SelectChoice("1", "Here")])
    kind = RadioField("Kind", choices=[SelectChoice("a", "First"), SelectChoice("b", "Second")])
    agreed = BooleanField("Agreed")
    file = FileField("File")


FORM = """{% import "components/forms.html" as forms %}
{% call forms.form(form) %}
{% for name in ("name", "note", "place", "kind", "agreed") %}
{{ forms.field(form[name]) }}
{% endfor %}
{{ forms.choice_boxes(form.kind, {"a": "The first one."}) }}{{ forms.drop(form.file, "Drop") }}
{{ forms.foot("Save", cancel="/back") }}
{% endcall %}"""


class TestForms:
    def text(self, *errors: Exception) -> str:
        def view():
            form = Sample(formdata=None)
            for error in errors:
                add_error(form, error)
            return render_template_string(FORM, form=form)

        return signed_in(pages(one_page(view))).get("/a/acme/page").text

    def test_a_field_is_tied_to_its_hint(self):
        text = self.text()

        assert 'aria-describedby="name-hint"' in text
        assert '<p class="field-hint" id="name-hint">Shown in the inbox.</p>' in text
        assert "aria-invalid" not in text

    def test_an_error_stands_at_its_field_and_above(self):
        text = self.text(Invalid("The name is taken.", place="name"))

        assert 'aria-describedby="name-hint name-error"' in text
        assert 'aria-invalid="true"' in text
        assert '<a href="#name">Name</a>: The name is taken.' in text

    def test_an_error_of_no_field_stands_above(self):
        assert "<li>The list is archived.</li>" in self.text(Refused("The list is archived."))


def test_sessions_of_two_accounts_live_side_by_side():
    client = signed_in(pages(one_page(app_page)))

    assert "Acme</title>" in client.get(f"/a/{ACME.slug}/page").text
    assert "Kopi</title>" in client.get(f"/a/{KOPI.slug}/page").text
