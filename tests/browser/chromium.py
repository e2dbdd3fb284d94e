"""Debian's Chromium, and pages that notice what a person would only see in the console."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing of a test leaves the machine, and nothing outside has to answer.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
TIMEOUT_MS = 30_000
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`), true)"""
# The browser's own words for an answer of 400 and more, which is watched for itself.
ANSWERED = "Failed to load resource: the server responded"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a screen; its loop ends with it, so that other tests can have their own."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "Chromium is not on PATH; .ci/chromium says how to get it"
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Watch:
    """What went wrong in the pages of a context: console errors, policy, requests, answers."""

    wrong: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)

    def over(self, context: BrowserContext) -> None:
        context.add_init_script(TELL_VIOLATIONS)
        context.on("page", self._page)
        context.on("console", self._console)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def _page(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.wrong.append(f"error in a script: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(ANSWERED):
            self.wrong.append(f"{message.type} in the console: {message.text}")

    def _failed(self, request: Request) -> None:
        # Leaving a page or beginning a download ends its requests.
        if request.failure != "net::ERR_ABORTED":
            self.wrong.append(f"{request.failure}: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.wrong.append(f"{response.status}: {response.url}")


@contextmanager
def watched(browser: Browser, **options: Any) -> Iterator[tuple[BrowserContext, Watch]]:
    """A browser's profile of its own; at its end nothing may have gone wrong."""
    context = browser.new_context(**options)
    context.set_default_timeout(TIMEOUT_MS)
    watch = Watch()
    watch.over(context)
    try:
        yield context, watch
    finally:
        context.close()
    assert not watch.wrong, "\n".join(watch.wrong)
