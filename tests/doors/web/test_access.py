"""Who gets in, where, and with which role."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import render_template_string, request, url_for

from esp.entrypoints.web.frame import (
    current_account_id,
    public,
    requires,
    takes_files,
)
from tests.doors.web.shell import ACME, KOPI, MIRA, one_page, pages, signed_in

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


def test_sessions_of_two_accounts_live_side_by_side():
    client = signed_in(pages(one_page(app_page)))

    assert "Acme</title>" in client.get(f"/a/{ACME.slug}/page").text
    assert "Kopi</title>" in client.get(f"/a/{KOPI.slug}/page").text
