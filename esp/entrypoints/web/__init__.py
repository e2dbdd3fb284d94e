"""Pages for people who are signed in."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib import import_module
from types import ModuleType
from typing import Protocol
from urllib.parse import urlsplit

from flask import Blueprint, Flask

from esp.entrypoints.web import failures, frame, looks, static
from esp.places import sources_change, templates_folder
from esp.runtime import Runtime

# A pasted mail of 100 kB is normal; one field of a form may hold some megabytes.
LARGEST_FORM = 16 * 1024 * 1024
LARGEST_FIELDS = 8 * 1024 * 1024


class Area(Protocol):
    """A module of pages; an `install(app)` of its own is called after registration."""

    blueprint: Blueprint


def areas(package: ModuleType) -> list[ModuleType]:
    """The modules of `package` that hold a blueprint, by name."""
    names = [found.name for found in pkgutil.iter_modules(package.__path__)]
    modules = [import_module(f"{package.__name__}.{name}") for name in names]
    return [m for m in modules if isinstance(getattr(m, "blueprint", None), Blueprint)]


def create_pages(runtime: Runtime, pages: Sequence[Area] | None = None) -> Flask:
    """The application; `pages` defaults to every area beside this module."""
    app = Flask(__name__, static_folder=None, template_folder=str(templates_folder()))
    app.config["TEMPLATES_AUTO_RELOAD"] = sources_change()
    secure = runtime.settings.secure
    app.config.update(
        SECRET_KEY=runtime.session_key,
        SESSION_COOKIE_NAME=_cookie_name(runtime.settings.public_url, secure),
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=timedelta(days=14),
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=LARGEST_FIELDS,
        # A form may stay open for a day; its token ends with the session.
        WTF_CSRF_TIME_LIMIT=None,
    )
    frame.install(app, runtime)
    looks.dress(app, secure=secure, language=frame.language, time_zone=frame.time_zone)
    failures.install(app)
    static.install(app)
    for area in areas(_this_package()) if pages is None else pages:
        app.register_blueprint(area.blueprint)
        install: Callable[[Flask], None] | None = getattr(area, "install", None)
        if install is not None:
            install(app)
    return app


def _cookie_name(url: str, secure: bool) -> str:
    # Cookies ignore the port, so two checkouts side by side would sign each other out.
    return "__Host-session" if secure else f"session-{urlsplit(url).port or 80}"


def _this_package() -> ModuleType:
    return import_module(__name__)
