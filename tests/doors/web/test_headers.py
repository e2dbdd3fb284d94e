"""Every answer carries the security headers; what differs is listed."""

from __future__ import annotations

import pytest
from flask import Blueprint

from esp.entrypoints.web.frame import public
from esp.entrypoints.web.headers import DEFAULT_POLICY, MAIL_POLICY, other_policies, other_policy
from tests.doors.web.shell import one_page, pages, signed_in


@pytest.mark.parametrize("path", ["/a/acme/page", "/a/other/page", "/nowhere", "/", "/static/none"])
def test_a_page_an_error_and_a_redirect_have_the_same_headers(path):
    answer = signed_in(pages(one_page(lambda: "hello"))).get(path)

    assert answer.headers["Content-Security-Policy"] == DEFAULT_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in answer.headers


def test_no_policy_lets_inline_scripts_run():
    assert "unsafe" not in DEFAULT_POLICY
    assert "script-src" not in MAIL_POLICY
    assert "allow-scripts" not in MAIL_POLICY


def test_a_route_with_another_policy_is_listed():
    blueprint = Blueprint("headers_test", __name__)
    blueprint.add_url_rule("/a/<slug>/mail", "mail", lambda: "a mail")
    other_policy("headers_test.mail", MAIL_POLICY)

    answer = signed_in(pages(blueprint)).get("/a/acme/mail")

    assert answer.headers["Content-Security-Policy"] == MAIL_POLICY
    assert other_policies()["headers_test.mail"] == MAIL_POLICY


def test_over_https_the_cookie_is_bound_to_the_host_and_http_is_given_up():
    app = pages(one_page(public(lambda: "hello"), "/open"), base_url="https://mail.example")

    answer = app.test_client().get("/open")

    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert app.config["SESSION_COOKIE_NAME"] == "__Host-session"
    assert app.config["SESSION_COOKIE_SECURE"]


def test_the_cookie_of_one_port_is_not_that_of_another():
    names = {
        pages(one_page(lambda: ""), bind=f"127.0.0.1:{port}").config["SESSION_COOKIE_NAME"]
        for port in (8000, 8001)
    }

    assert names == {"session-8000", "session-8001"}


def test_built_files_are_kept_for_ever():
    app = pages(one_page(lambda: ""))
    url = app.jinja_env.globals["asset"]("app.css")

    answer = app.test_client().get(url)

    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    answer.close()
