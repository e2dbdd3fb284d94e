"""Every page, empty, filled and with an error, for people who don't see, or have small screens."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import update

from esp.accounts import links, users
from esp.accounts.models import Account
from esp.entrypoints.web import create_pages
from esp.runtime import Runtime
from tests.browser.chromium import watched
from tests.browser.forms import send, sign_in
from tests.browser.walk import LOOKS, Look, addresses, faults, pages, rules
from tests.doors.web.visitor import company
from tests.filled import fill

looks = pytest.mark.parametrize("look", LOOKS, ids=str)


@pytest.fixture
def web(runtime: Runtime) -> Flask:
    return create_pages(runtime)


def speak(runtime: Runtime, account_id: int, language: str) -> None:
    with runtime.transaction(account_id) as session:
        session.execute(update(Account).values(language=language))


def walk(page: Page, site: str, paths: Iterable[str]) -> list[str]:
    """What is wrong at the addresses; many must be there, each page is looked at once."""
    found, seen = [], set()
    for path in paths:
        page.goto(site + path)
        if page.url not in seen:
            found += faults(page)
        seen.add(page.url)
    assert len(seen) > 20, seen
    return found


@looks
def test_pages_of_an_empty_account(
    browser: Browser, runtime: Runtime, site: str, web: Flask, look: Look
):
    account_id, user_id = company(runtime, "kopi")
    speak(runtime, account_id, look.language)
    with watched(browser, **look.options()) as (context, _):
        page = context.new_page()
        sign_in(page, site, runtime, user_id)
        found = walk(
            page,
            site,
            (
                f"/a/kopi{rule.rule.removeprefix('/a/<slug>')}"
                for rule in pages(web)
                if rule.arguments == {"slug"}
            ),
        )

    assert not found, "\n".join(found)


@looks
def test_pages_of_a_filled_account(
    browser: Browser, runtime: Runtime, site: str, web: Flask, look: Look
):
    filled = fill(runtime)
    speak(runtime, filled.account_id, look.language)
    with watched(browser, **look.options()) as (context, _):
        page = context.new_page()
        sign_in(page, site, runtime, filled.user_id)
        found = walk(
            page,
            site,
            (
                path
                for rule in pages(web)
                if "slug" in rule.arguments
                for path in addresses(rule, filled)
            ),
        )

    assert not found, "\n".join(found)


# What is wrong in each form that a page sends to its own address; None: no field to get wrong.
WRONG: dict[str, dict[str, str] | None] = {
    "api_keys.create": {"name": ""},
    "broadcast_sender.sender": {"from_address": "wrong", "rate_per_minute": "many"},
    "broadcasts.choose": None,
    "broadcasts.create": None,
    "broadcasts.save": None,
    "contacts.new": {"email": "wrong"},
    "contacts.show": {"email": "wrong"},
    "delivery.change": {"rate_per_minute": "many"},
    "domains.add": {"name": "gmail.com"},
    "domains.change": {"return_path_host": "elsewhere.example"},
    "fields.add": {"label": ""},
    "fields.show": {"label": ""},
    "imports.upload": {},
    "lists.new": {"name": ""},
    "lists.show": {"name": ""},
    "operator.change": {"rate_per_minute": "many"},
    "people.invite": {"email": "wrong"},
    "people.person": {"role": "king"},
    "pictures.add": {},
    "profile.change": {"name": "long " * 100},
    "settings.company": {"name": "", "from_address": "wrong", "website": "wrong"},
    "sign_in.by_link": None,
    "sign_in.forgotten": {"email": "wrong"},
    "sign_in.set_password": {"password": "short"},
    "sign_in.sign_in": {"email": "a@b.example", "password": "wrong"},
    "suppressions.add": {"addresses": ""},
    "templates.create": None,
    "templates.save": None,
    "pools.add": {"name": "", "sources": "here"},
    "pools.change": {"name": "", "sources": "here"},
    "transports.add_direct": {"name": "x" * 100},
    "transports.add": {"host": "", "port": "x"},
    "transports.change": {"host": "", "port": "x"},
}
# The same for forms with an address of their own, by the page they are on.
ELSEWHERE = {
    "broadcast_run.schedule": ("review", {"send_at": "2001-01-01T00:00"}),
    "profile.change_password": ("", {"p-password": "short"}),
    "imports.start": ("", {"list": "new", "new_list": ""}),
}


def test_every_form_of_a_page_is_in_the_table(web: Flask):
    shown = {rule.rule for rule in pages(web)}

    sent = {rule.endpoint for rule in rules(web, "POST") if rule.rule in shown}

    assert sent == set(WRONG)


@looks
def test_pages_with_an_error(browser: Browser, runtime: Runtime, site: str, web: Flask, look: Look):
    filled = fill(runtime)
    speak(runtime, filled.account_id, look.language)
    found = []
    with watched(browser, **look.options()) as (context, watch):
        watch.expected |= {400, 422}
        page = context.new_page()
        sign_in(page, site, runtime, filled.user_id)
        for rule in rules(web, "POST"):
            values = WRONG.get(rule.endpoint)
            if values is not None and "slug" in rule.arguments:
                path = list(addresses(rule, filled))[1 if "broadcast" in rule.endpoint else 0]
                page.goto(site + path)
                found += send(page, path, values)
            elif rule.endpoint in ELSEWHERE:
                path = list(addresses(rule, filled))[1 if "broadcast" in rule.endpoint else 0]
                on, values = ELSEWHERE[rule.endpoint]
                page.goto(f"{site}{path.rpartition('/')[0]}/{on}".rstrip("/"))
                found += send(page, path, values)
        # A part of a page that htmx puts in.
        page.goto(f"{site}/a/acme/broadcasts/{filled.objects['broadcast_id'][1]}/message")
        page.locator("[data-open='#test']").click()
        page.locator("#test-to").fill("wrong")
        page.locator("#test-form button").click()
        page.locator("#test-error").wait_for()
        found += faults(page)

    assert not found, "\n".join(found)


@looks
def test_pages_without_sign_in(
    browser: Browser, runtime: Runtime, site: str, web: Flask, look: Look
):
    filled = fill(runtime)
    with runtime.transaction(None) as session:
        tokens = {
            "sign_in.by_link": links.create_link(
                session, filled.user_id, "sign_in", runtime.clock()
            ),
            "sign_in.set_password": links.create_link(
                session, filled.user_id, "invite", runtime.clock()
            ),
        }
    found = []
    with watched(browser, **look.options()) as (context, watch):
        watch.expected |= {410, 422}
        page = context.new_page()
        for rule in pages(web):
            if "slug" in rule.arguments or rule.endpoint.startswith("operator."):
                continue
            built = rule.build({"token": tokens[rule.endpoint]} if rule.arguments else {})
            assert built, rule
            page.goto(site + built[1])
            found += faults(page)
            if WRONG[rule.endpoint]:
                found += send(page, built[1], WRONG[rule.endpoint] or {})
            if "token" in rule.arguments:
                page.goto(f"{site}{built[1]}x")
                found += faults(page)

    assert not found, "\n".join(found)


@looks
def test_pages_of_whoever_runs_the_installation(
    browser: Browser, runtime: Runtime, site: str, web: Flask, look: Look
):
    filled = fill(runtime)
    speak(runtime, filled.account_id, look.language)
    with runtime.transaction(None) as session:
        users.set_operator(session, f"ani@{filled.slug}.example", True)
    found = []
    with watched(browser, **look.options()) as (context, watch):
        watch.expected |= {422}
        page = context.new_page()
        sign_in(page, site, runtime, filled.user_id)
        for rule in pages(web):
            if rule.endpoint.startswith("operator."):
                for address in addresses(rule, filled):
                    # They are in no account.
                    path = address.partition("?")[0]
                    page.goto(site + path)
                    found += faults(page)
                    if "provider_id" in rule.arguments:
                        found += send(page, path, WRONG["operator.change"] or {})

    assert not found, "\n".join(found)
