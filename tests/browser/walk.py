"""Every page of the URL maps, with an object for each id, and what axe says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Page
from werkzeug.routing import Rule

from tests.filled import Filled

# Not pages: files, parts that htmx asks for, mail (in frames, and its writer's own), ways to pages.
NOT_PAGES = {
    "static",
    "home",
    "mail.show",
    "mail.people",
    "imports.progress",
    "imports.rejected_lines",
    "mailbox.raw",
    "pictures.show",
    "reports.hours_file",
    "reports.links_file",
    "reports.providers_file",
    "reports.recipients_file",
    "settings.index",
    "suppressions.download",
    "public_mail.picture",
    "public_mail.view",
    "openapi.document",
    "root",
}
# Of the same dialogs on every page, one look is enough.
EVERYWHERE = {"drawer", "palette", "shortcuts"}
RUN_AXE = """(place) => axe.run(place ? document.getElementById(place) : document,
  {resultTypes: ["violations"], preload: false, iframes: false})"""


@dataclass(frozen=True)
class Look:
    """A way to see the pages."""

    language: str
    theme: str
    width: int

    def __str__(self) -> str:
        return f"{self.language}-{self.theme}-{self.width}"

    def options(self) -> dict[str, Any]:
        """For a context of the browser."""
        return {
            "locale": {"en": "en-GB", "id": "id-ID"}[self.language],
            "color_scheme": self.theme,
            "viewport": {"width": self.width, "height": 900 if self.width > 800 else 844},
            "reduced_motion": "reduce",
        }


LOOKS = (Look("en", "light", 1440), Look("id", "dark", 390))


def rules(app: Flask, method: str = "GET") -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if method in (rule.methods or ())]


def pages(app: Flask) -> list[Rule]:
    """The rules that show a page."""
    return [rule for rule in rules(app) if rule.endpoint not in NOT_PAGES]


def addresses(rule: Rule, filled: Filled) -> Iterator[str]:
    """The rule's addresses; a KeyError says that `fill` makes nothing of that kind."""
    names = sorted(rule.arguments - {"slug"})
    for values in product(*(filled.objects[name] for name in names)):
        chosen = {"slug": filled.slug} | dict(zip(names, map(str, values), strict=True))
        built = rule.build(chosen)
        assert built, rule
        yield built[1]


def faults(page: Page) -> list[str]:
    """What is wrong with the page as it is now, and with the dialogs that it can open."""
    page.evaluate(AXE_SCRIPT)
    found = _overflow(page) + _violations(page, None)
    for name in page.eval_on_selector_all(
        "dialog[id]:not([open])", "all => all.map((one) => one.id)"
    ):
        if name not in EVERYWHERE:
            page.evaluate("(id) => document.getElementById(id).showModal()", name)
            found += _violations(page, name)
            page.evaluate("(id) => document.getElementById(id).close()", name)
    return [f"{page.url}: {one}" for one in found]


def _violations(page: Page, place: str | None) -> list[str]:
    return [
        f"{one['id']}: {node['target']} {node['html'][:160]} {_why(node)}"
        for one in page.evaluate(RUN_AXE, place)["violations"]
        for node in one["nodes"]
    ]


def _why(node: dict[str, Any]) -> str:
    return " ".join(one["message"] for one in node["any"] + node["all"])[:200]


def _overflow(page: Page) -> list[str]:
    wide = page.evaluate("() => [document.scrollingElement.scrollWidth, innerWidth]")
    if wide[0] <= wide[1]:
        return []
    widest = page.evaluate(
        "() => [...document.body.querySelectorAll('*')].filter((one) =>"
        " one.getBoundingClientRect().right > innerWidth + 1).slice(0, 3)"
        ".map((one) => one.outerHTML.slice(0, 120))"
    )
    return [f"{wide[0]} px wide in a window of {wide[1]}: {widest}"]
