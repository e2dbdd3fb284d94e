"""Puts the files beside the code into the wheel, where esp/places.py finds them."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA = {
    "templates": "esp/_data/templates",
    "migrations": "esp/_data/migrations",
    # Made by `make assets`; the build fails without them.
    "var/assets": "esp/_data/assets",
}


class WheelData(BuildHookInterface):
    """An editable installation finds them in the checkout, so it gets none."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"].update(DATA)
