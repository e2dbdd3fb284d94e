"""What the frame round every page shows."""

from __future__ import annotations

import pytest
from flask import Blueprint, render_template_string

from esp.entrypoints.web.frame import (
    go,
    notify,
    public,
)
from tests.doors.web.shell import one_page, pages, signed_in

PAGE = '{% extends "layout/app.html" %}{% block content %}<h1>A page</h1>{% endblock %}'


def app_page():
    return render_template_string(PAGE)


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
