"""What the other tests rest on: nothing that goes wrong in a page stays unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from tests.browser.chromium import watched

POLICY = {"Content-Security-Policy": "default-src 'self'"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<script>alert(1)</script>", "policy: script-src-elem inline"),
        ("<p style='color: red'>Red</p>", "policy: style-src-attr inline"),
        ("<img src='https://elsewhere.example/a.png' alt=''>", "policy: img-src"),
        ("<img src='/gone.png' alt=''>", "404: http://page.example/gone.png"),
        ("<img src='/away.png' alt=''>", "net::ERR_CONNECTION_REFUSED"),
        ("<script src='/broken.js'></script>", "error in a script: broken"),
        ("<script src='/talks.js'></script>", "error in the console: oh"),
    ],
)
def test_what_goes_wrong_fails_the_test(browser: Browser, body: str, told: str):
    with pytest.raises(AssertionError, match=told), watched(browser) as (context, _):
        answers = {
            "/": {"body": f"<!doctype html>{body}", "content_type": "text/html", "headers": POLICY},
            "/gone.png": {"status": 404},
            "/broken.js": {"body": "throw Error('broken')", "content_type": "text/javascript"},
            "/talks.js": {"body": "console.error('oh')", "content_type": "text/javascript"},
        }
        for path, answer in answers.items():
            context.route(f"http://page.example{path}", answering(answer))
        context.route("**/away.png", lambda route: route.abort("connectionrefused"))
        page = context.new_page()
        page.goto("http://page.example/")


def answering(answer: dict[str, Any]) -> Callable[[Route], None]:
    return lambda route: route.fulfill(**answer)


def test_a_page_without_fault_passes(browser: Browser):
    with watched(browser) as (context, _):
        context.route("**", lambda route: route.fulfill(body="<p>Fine", content_type="text/html"))
        context.new_page().goto("http://page.example/")
