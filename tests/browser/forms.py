"""What a walk does at pages beside looking: it signs in, and sends forms with what is wrong."""

from __future__ import annotations

from playwright.sync_api import Page

from esp.accounts import links
from esp.accounts.links import Purpose
from esp.runtime import Runtime
from tests.browser.walk import faults

SEND = """([path, values]) => {
  const form = [...document.forms].find(
    (one) => one.method === "post" && new URL(one.action).pathname === path)
  if (!form) throw new Error(`no form for ${path} on ${location}`)
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements[name]
    if (!field) throw new Error(`no ${name} in the form for ${path}`)
    if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === value))
      field.add(new Option(value, value))
    field.value = value
  }
  form.submit()
}"""


def sign_in(page: Page, site: str, runtime: Runtime, user_id: int) -> None:
    page.goto(f"{site}/sign-in/{link_for(runtime, user_id, 'sign_in')}")
    page.locator("main form button").click()
    page.wait_for_url(f"{site}/a/*/")


def link_for(runtime: Runtime, user_id: int, purpose: Purpose) -> str:
    with runtime.transaction(None) as session:
        return links.create_link(session, user_id, purpose, runtime.clock())


def send(page: Page, path: str, values: dict[str, str]) -> list[str]:
    """Send the form with `values`; what is wrong with the page that says what is wrong."""
    with page.expect_navigation() as answer:
        page.evaluate(SEND, [path, values])
    if not page.locator(".note-danger, .field-error, .notice-error, .notice-warning").count():
        return [f"{path} answers {answer.value.status} and does not say what is wrong"]
    return faults(page)
