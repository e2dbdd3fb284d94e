"""A person adds a domain, publishes what the page tells, and sees it work without a reload."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import watched
from tests.browser.walk import faults
from tests.dns import FakeDns
from tests.flows.processes import wait_until
from tests.flows.running import folder, running

ZONES = {"in.esp.example": {"MX": ["10 mx.esp.example."]}}


def test_from_a_name_to_mail_that_is_signed(browser: Browser):
    with (
        FakeDns(ZONES) as dns,
        folder() as data_dir,
        running(data_dir, ESP_DNS=dns.nameserver, ESP_BOUNCE_DOMAIN="in.esp.example") as run,
        watched(browser, reduced_motion="reduce") as (context, _),
    ):
        wait_until(run.answers, run.told)
        page = context.new_page()
        link = re.search(r"Sign in: (\S+)", run.told())
        assert link
        page.goto(link[1])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Sending domains").first.click()
        page.get_by_role("link", name="Add a domain").click()
        page.get_by_label("Domain").fill("acme.example")
        page.get_by_role("button", name="Add the domain").click()
        expect(page.get_by_text("There is no such record yet.").first).to_be_visible(timeout=20_000)

        publish(page, dns)
        page.get_by_role("button", name="Check now").click()

        expect(page.get_by_text("Mail from acme.example is signed")).to_be_visible(timeout=20_000)
        assert page.locator("#records .tone-success").count() == 4
        assert faults(page) == []


def publish(page: Page, dns: FakeDns) -> None:
    """Copy each record from the page to the name server."""
    zone: dict[str, dict[str, list[str]]] = {}
    for field in page.locator("#records input[id$='-name']").all():
        name = field.input_value()
        value = page.locator(f"#{field.get_attribute('id').removesuffix('-name')}-value")
        kind = value.get_attribute("aria-label").split()[3]
        text = value.input_value()
        if kind == "TXT":
            pieces = [text[at : at + 255] for at in range(0, len(text), 255)]
            text = " ".join(f'"{piece}"' for piece in pieces)
        zone.setdefault(name, {})[kind] = [text]
    assert len(zone) == 3
    for name, records in zone.items():
        dns[name] = records
