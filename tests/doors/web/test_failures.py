"""How errors look: as pages, notices, and at the fields of forms."""

from __future__ import annotations

import pytest
from flask import get_flashed_messages, render_template_string
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

from esp.entrypoints.web.failures import add_error
from esp.errors import N_, Conflict, Invalid, NotFound, Refused
from tests.doors.web.shell import one_page, pages, signed_in

PAGE = '{% extends "layout/app.html" %}{% block content %}<h1>A page</h1>{% endblock %}'


def app_page():
    return render_template_string(PAGE)


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
