"""The frame of the pages alone: no database, a person in two accounts, a test's own views."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from flask import Blueprint, Flask
from flask.testing import FlaskClient

from esp.config import Settings
from esp.entrypoints.web import create_pages
from esp.entrypoints.web.frame import AccountAccess, SignedIn
from esp.runtime import Runtime

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
ACME = AccountAccess(1, "acme", "Acme", "owner", "en", "Asia/Jakarta")
KOPI = AccountAccess(2, "kopi", "Kopi", "viewer", "id", "Asia/Jakarta")
MIRA = SignedIn(7, "mira@acme.example", "Mira", "7.0", (ACME, KOPI))


def stand_in(**settings: Any) -> Runtime:
    """What the frame needs of a runtime."""
    made = SimpleNamespace(
        settings=Settings(**settings), clock=lambda: NOON, session_key=b"a key for tests"
    )
    return cast(Runtime, made)


def pages(blueprint: Blueprint, person: SignedIn | None = MIRA, **settings: Any) -> Flask:
    """The frame round `blueprint`, with `person` known by their session."""

    def install(app: Flask) -> None:
        app.login_manager.user_loader(lambda session_id: person)  # type: ignore[attr-defined]  # as above

    area = SimpleNamespace(blueprint=blueprint, install=install)
    app = create_pages(stand_in(**settings), [cast(Any, area)])
    app.testing = True
    return app


def signed_in(app: Flask) -> FlaskClient:
    """A browser in which MIRA has signed in."""
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = MIRA.session_id
    return client


def one_page(view: Callable[..., Any], path: str = "/a/<slug>/page", **options: Any) -> Blueprint:
    """A blueprint with one view."""
    blueprint = Blueprint("test", __name__)
    blueprint.add_url_rule(path, "page", view, **options)
    return blueprint
