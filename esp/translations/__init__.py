"""The languages of the product and their catalogues, read from the .po files beside this module."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

# Every language names itself. English is what the sources are written in and has no catalogue.
LANGUAGES = {"en": "English", "id": "Bahasa Indonesia"}
FOLDER = Path(__file__).parent


def catalogue_path(language: str) -> Path:
    """Where the .po file of `language` is kept."""
    return FOLDER / language / "LC_MESSAGES" / "messages.po"


@cache
def catalogue(language: str) -> Translations:
    """Translations into `language`, also outside a request; an unknown one gives English."""
    path = catalogue_path(language)
    if language not in LANGUAGES or not path.exists():
        return Translations()
    # Compiled here and not at build time: no made file to forget, and a checkout is always current.
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled)
