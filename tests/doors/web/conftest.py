"""An account, its owner at the pages, and a draft."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from esp.broadcasts import compose
from esp.broadcasts.models import Broadcast
from esp.entrypoints.web import create_pages
from esp.runtime import Runtime
from tests.doors.web.visitor import Visitor, company
from tests.factories import make_broadcast, make_contact, make_list, subscribe


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    app = create_pages(runtime)
    app.testing = True
    return app


@pytest.fixture
def acme(runtime: Runtime) -> tuple[int, int]:
    """(account id, user id of Ani, who owns it)."""
    return company(runtime, email="ani@acme.example", name="Ani")


@pytest.fixture
def owner(app: Flask, runtime: Runtime, acme: tuple[int, int]) -> Visitor:
    visitor = Visitor(app)
    visitor.enter(runtime, acme[1])
    return visitor


@pytest.fixture
def draft(runtime: Runtime, acme: tuple[int, int]) -> int:
    """A draft to one list of three people, one of whom has left."""
    with runtime.transaction(acme[0]) as session:
        news = make_list(session, acme[0], name="News")
        for state in ("subscribed", "subscribed", "unsubscribed"):
            subscribe(session, acme[0], news, make_contact(session, acme[0]), state)
        return make_broadcast(session, acme[0], (news,), name="November")


@pytest.fixture
def stored(runtime: Runtime, acme: tuple[int, int]) -> Callable[[int], Broadcast]:
    def read(broadcast_id: int) -> Broadcast:
        with runtime.transaction(acme[0]) as session:
            return compose.get(session, acme[0], broadcast_id)

    return read


@pytest.fixture
def put(runtime: Runtime, acme: tuple[int, int]) -> Callable[..., None]:
    """Change a broadcast behind the pages' back."""

    def change(broadcast_id: int, **values: Any) -> None:
        with runtime.transaction(acme[0]) as session:
            session.execute(update(Broadcast).where(Broadcast.id == broadcast_id).values(**values))

    return change
