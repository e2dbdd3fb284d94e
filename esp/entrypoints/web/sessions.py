"""Who a session belongs to: begun at sign-in, ended by signing out or by a new password."""

from __future__ import annotations

import re
from typing import cast

from flask import Flask, g, session
from flask_login import LoginManager, login_user, logout_user
from sqlalchemy.orm import Session

from esp.accounts import queries
from esp.accounts.models import User
from esp.entrypoints.web.frame import AccountAccess, SignedIn, runtime

_NUMBER = re.compile("[0-9]{1,18}").fullmatch


def install(app: Flask) -> None:
    """Let the frame find the person of a session."""
    cast(LoginManager, app.login_manager).user_loader(_load)  # type: ignore[attr-defined]  # Flask-Login hangs it there


def begin(person: SignedIn) -> None:
    """Let this browser in as `person`, in a fresh session."""
    notices = session.get("_flashes", [])
    session.clear()
    if notices:
        session["_flashes"] = notices
    session.permanent = True
    login_user(person)
    g.pop("language", None)


def end() -> None:
    """Forget who this browser is."""
    logout_user()
    session.clear()


def person_of(database: Session, user: User) -> SignedIn:
    """What the frame wants to know of `user`."""
    accesses = queries.accesses_of(database, user.id)
    return SignedIn(
        user_id=user.id,
        email=user.email,
        name=user.name,
        session_id=f"{user.id}.{user.session_number}",
        accounts=tuple(AccountAccess(*access) for access in accesses),
        language=user.language,
        is_operator=user.is_operator,
    )


def _load(session_id: str) -> SignedIn | None:
    number, _dot, _rest = session_id.partition(".")
    if not _NUMBER(number):
        return None
    with runtime().transaction(None) as database:
        user = queries.user(database, int(number))
        person = person_of(database, user) if user else None
    # A new password raises the number: whoever came in with the old one is out.
    return person if person and person.session_id == session_id else None
