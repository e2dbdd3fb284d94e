"""What a person reads off a page, and how long they wait for it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import Locator, Page

# A worker may be slow on a small machine; nothing waits longer than it must.
PATIENCE_MS = 60_000


def figures(page: Page) -> dict[str, int]:
    """The figures that stand on the page, by their names."""
    found = page.locator(".stat").all()
    return {
        one.locator(".stat-label").inner_text(): whole(one.locator(".stat-figure")) for one in found
    }


def whole(place: Locator) -> int:
    return int(re.sub(r"[^\d]", "", place.inner_text()))


def rates(page: Page) -> dict[str, str]:
    """What the report says below each rate."""
    return {
        one.locator(".rate-label").inner_text(): " · ".join(
            one.locator(".rate-of").all_inner_texts()
        )
        for one in page.locator(".rate").all()
    }


def until(page: Page, true: Callable[[], bool], shown: Callable[[], object] = lambda: "") -> None:
    """Load the page again until it says so."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not true():
        assert time.monotonic() < deadline, shown()
        page.wait_for_timeout(250)
        page.reload()
