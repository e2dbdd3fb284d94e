"""Every page of the URL maps, with an object for each id, and what axe says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Page
from werkzeug.routing import Rule

from tests.filled import Filled

Theme = Literal["light", "dark"]

# Not pages: files, parts that htmx asks for, mail (in frames, and its writer's own), ways to pages.
NOT_PAGES = {
    "static",
    "home",
    "domains.records",
    "mail.show",
    "mail.people",
    "imports.progress",
    "imports.rejected_lines",
    "mailbox.raw",
    "pictures.show",
    "pools.names",
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
# What depends on the theme: colours, and nothing else.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
# The page round a frame has the landmarks.
FRAMED = {"rules": {"landmark-one-main": {"enabled": False}, "region": {"enabled": False}}}
RUN_AXE = """([place, options]) => axe.run(place ? document.getElementById(place) : document,
  {resultTypes: ["violations"], preload: false, iframes: false, ...options})"""


@dataclass(frozen=True)
class Look:
    """A way to see the pages; `faults` looks at the other theme's colours too."""

    language: str
    theme: Theme
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
    """What is wrong with the page as it is now, and with its dialogs, in both themes."""
    page.evaluate(AXE_SCRIPT)
    found = _overflow(page) + _in_both_themes(page, None)
    for name in page.eval_on_selector_all(
        "dialog[id]:not([open])", "all => all.map((one) => one.id)"
    ):
        if name not in EVERYWHERE:
            page.evaluate("(id) => document.getElementById(id).showModal()", name)
            found += _in_both_themes(page, name)
            page.evaluate("(id) => document.getElementById(id).close()", name)
    return [f"{page.url}: {one}" for one in found]


def framed_faults(page: Page) -> list[str]:
    """What is wrong with what the page shows in a frame elsewhere."""
    page.evaluate(AXE_SCRIPT)
    return [f"{page.url}: {one}" for one in _overflow(page) + _violations(page, None, FRAMED)]


def _in_both_themes(page: Page, place: str | None) -> list[str]:
    shown, other = _themes(page)
    found = _violations(page, place)
    page.emulate_media(color_scheme=other)
    found += [f"in the {other} theme: {one}" for one in _violations(page, place, COLOURS)]
    page.emulate_media(color_scheme=shown)
    return found


def _themes(page: Page) -> tuple[Theme, Theme]:
    """The one that is shown, and the other."""
    dark = page.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
    return ("dark", "light") if dark else ("light", "dark")


def _violations(page: Page, place: str | None, options: dict[str, Any] | None = None) -> list[str]:
    return [
        f"{one['id']}: {node['target']} {node['html'][:160]} {_why(node)}"
        for one in page.evaluate(RUN_AXE, [place, options or {}])["violations"]
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
