"""Pages of subscribers and programs, and mails, for people who don't see, or have small screens."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from esp.content import ready_made
from esp.entrypoints.public import create_public
from esp.entrypoints.web.mail import READY_MADE
from esp.runtime import Runtime
from tests.browser.chromium import watched
from tests.browser.forms import send, sign_in
from tests.browser.walk import LOOKS, Look, faults, framed_faults, pages
from tests.filled import Filled, fill

# What a subscriber may press, in this order; without an address on the page that came.
PRESSED = (
    ("/u/", "button[name=unsubscribe]"),
    ("", "button[name=undo]"),
    ("/p/", "main .form button"),
    ("/p/", "button[name=all_off]"),
    ("/confirm/", "button[name=confirm]"),
)
looks = pytest.mark.parametrize("look", LOOKS, ids=str)


@looks
def test_pages_of_subscribers(browser: Browser, runtime: Runtime, site: str, look: Look):
    filled = fill(runtime)
    # A KeyError here: say what opens the new page.
    opens = {
        "/u/<token>": filled.token,
        "/p/<token>": filled.token,
        "/confirm/<token>": filled.confirm_token,
        "/subscribe/<key>": filled.list_key,
        "/c/<path:rest>": "nowhere",
    }
    found = []
    public = create_public(runtime)
    with watched(browser, **look.options()) as (context, watch):
        watch.expected |= {404, 410, 422}
        page = context.new_page()
        for rule in pages(public.pages):
            path = rule.rule.partition("<")[0]
            page.goto(site + path + opens[rule.rule])
            found += faults(page)
            page.goto(f"{site}{path}wrong")
            found += faults(page)
        for path, button in PRESSED:
            if path:
                page.goto(site + path + opens[f"{path}<token>"])
            page.locator(button).first.click()
            found += faults(page)
        form = f"/subscribe/{filled.list_key}"
        page.goto(site + form)
        found += send(page, form, {"email": "wrong"})
    public.close()

    assert not found, "\n".join(found)


@looks
def test_pages_about_the_api(browser: Browser, runtime: Runtime, site: str, look: Look):
    with watched(browser, **look.options()) as (context, _):
        page = context.new_page()
        page.goto(f"{site}/api/v1/docs")
        found = faults(page)

    assert not found, "\n".join(found)


def mails(filled: Filled) -> list[str]:
    """Addresses of mails, as the frames of pages show them to those who use light or dark mode."""
    ready = (
        f"ready-made/{language}-{found.name}?look={theme}"
        for language in ("en", "id")
        for found in ready_made.load_all(READY_MADE, language)
        for theme in ("light", "dark")
    )
    # These set no colours, and axe takes what a browser puts behind them for white, also in dark.
    plain = (f"{what}/{ident}" for what, ident in filled.pairs[("what", "ident")])
    return [f"/a/{filled.slug}/mail/{one}" for one in (*ready, *plain)]


@pytest.mark.parametrize("width", [1440, 390])
def test_mails_and_ready_made_templates(browser: Browser, runtime: Runtime, site: str, width: int):
    filled = fill(runtime)
    found = []
    # The frame's own policy lets no script run, not even this walk's.
    with watched(browser, bypass_csp=True, viewport={"width": width, "height": 844}) as (
        context,
        _,
    ):
        page = context.new_page()
        sign_in(page, site, runtime, filled.user_id)
        for path in mails(filled):
            page.goto(site + path)
            found += framed_faults(page)

    assert not found, "\n".join(found)
