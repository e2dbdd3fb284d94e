"""Where the files beside the code are: in an installed package, else in the checkout."""

from __future__ import annotations

import os
from pathlib import Path

# Set for the parts of `esp run --reload`.
RELOAD_VARIABLE = "ESP_RELOAD"
PACKAGE = Path(__file__).parent


def templates_folder() -> Path:
    """Folder of the Jinja templates."""
    return _place("templates", "templates")


def migrations_folder() -> Path:
    """Folder of Alembic's `env.py` and its versions."""
    return _place("migrations", "migrations")


def assets_folder() -> Path:
    """Folder of the built front end."""
    return _place("assets", "var/assets")


def sources_change() -> bool:
    """Whether somebody works on the sources while this runs."""
    return RELOAD_VARIABLE in os.environ


def _place(installed: str, in_checkout: str) -> Path:
    folder = PACKAGE / "_data" / installed
    return folder if folder.is_dir() else PACKAGE.parent / in_checkout
