"""The built front end: which file a name stands for, and the route that serves it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, send_from_directory

from esp.entrypoints.web.frame import public
from esp.errors import SettingError
from esp.places import assets_folder

YEAR = 31_536_000


def asset(name: str) -> str:
    """URL of the built `name`, e.g. `app.css`; SettingError if the front end is not built."""
    path = assets_folder() / "manifest.json"
    try:
        stamp = path.stat().st_mtime_ns
    except FileNotFoundError:
        raise SettingError("The front end is not built. Run `make assets`.") from None
    return f"/static/{_manifest(path, stamp)[name]}"


# By its time, so that `make dev` need not start again after a build.
@lru_cache(maxsize=2)
def _manifest(path: Path, stamp: int) -> dict[str, str]:
    names: dict[str, str] = json.loads(path.read_text())
    return names


def install(app: Flask) -> None:
    """Serve the built files under /static/, for ever: their names change with their content."""
    asset("app.css")
    app.add_url_rule("/static/<path:name>", "static", _serve)


@public
def _serve(name: str) -> Response:
    response = send_from_directory(assets_folder(), name, conditional=True)
    response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    return response
