"""(pure) The templates that come with the product, read from their folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from esp.errors import N_, NotFound

LANGUAGES = ("en", "id")
NAMES = {
    "newsletter": N_("Newsletter"),
    "announcement": N_("Announcement"),
    "offer": N_("Offer"),
    "welcome": N_("Welcome"),
}


@dataclass(frozen=True)
class ReadyMade:
    """One template in one language; `title` is marked for translation."""

    name: str
    language: str
    title: str
    subject: str
    preheader: str
    mjml: str


def load(folder: Path, language: str, name: str) -> ReadyMade:
    """`<language>/<name>.mjml` below `folder`, in English for a language that has none."""
    if name not in NAMES:
        raise NotFound
    spoken = language if language in LANGUAGES else "en"
    source = (folder / spoken / f"{name}.mjml").read_text(encoding="utf-8")
    subject, preheader = _element(source, "mj-title"), _element(source, "mj-preview")
    # The preheader is a field of its own, so that people find it.
    mjml = re.sub(r"\s*<mj-preview>.*?</mj-preview>", "", source, flags=re.DOTALL)
    return ReadyMade(name, spoken, NAMES[name], subject, preheader, mjml)


def load_all(folder: Path, language: str) -> tuple[ReadyMade, ...]:
    """Every template in `language`."""
    return tuple(load(folder, language, name) for name in NAMES)


def _element(source: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", source, re.DOTALL)
    return " ".join(unescape(found[1]).split()) if found else ""
