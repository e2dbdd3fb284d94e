"""What every view may ask: the runtime, whose key it is, the transaction, what to wake after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from flask import current_app, g
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from esp.accounts import audit
from esp.errors import Invalid, NotFound
from esp.runtime import Runtime

View = TypeVar("View", bound=Callable[..., Any])

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Caller:
    """The program that calls: its key opens one account."""

    account_id: int
    key_id: int
    name: str

    @property
    def actor(self) -> str:
        """How it is called in the log."""
        return f"api:{self.name}"


def without_key(view: View) -> View:
    """Mark a view that needs no key; every other one does."""
    view.is_open = True  # type: ignore[attr-defined]  # a mark on a function
    return view


def takes_files(view: View) -> View:
    """Mark a view that takes an upload of up to `ESP_UPLOAD_LIMIT_MB`."""
    view.is_for_files = True  # type: ignore[attr-defined]  # a mark on a function
    return view


def runtime() -> Runtime:
    """The parts this process was built with."""
    return cast(Runtime, current_app.extensions["esp"])


def caller() -> Caller:
    """Whose key came with the request."""
    return cast(Caller, g.caller)


def account_id() -> int:
    """The account that the key opens."""
    return caller().account_id


def session() -> Session:
    """The request's one transaction."""
    return cast(Session, g.session)


def now() -> datetime:
    """The present moment."""
    return runtime().clock()


def wake_after_commit(name: str) -> None:
    """Tell a worker to look, once what this request did can be seen."""
    g.wakes.append(name)


def record(action: str, subject: str, **detail: Any) -> None:
    """Write into the account's log what this program did; `action` is thing.verb."""
    audit.record(session(), account_id(), caller().actor, action, subject, detail)


def columns(row: Any) -> dict[str, Any]:
    """A row's values by column."""
    return {name: getattr(row, name) for name in inspect(type(row)).columns.keys()}  # noqa: SIM118 -- no mapping


@contextmanager
def named_in_body(place: str) -> Iterator[None]:
    """What the body names and the account lacks is a fault of the body, not of the address."""
    try:
        yield
    except NotFound as missing:
        raise Invalid(missing.text, place, **missing.values) from missing
