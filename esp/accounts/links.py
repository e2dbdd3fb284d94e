"""Links that let a person in once: to sign in, to set a password, to accept an invitation."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from esp.accounts.models import SignInLink

Purpose = Literal["sign_in", "reset", "invite"]

LIFETIMES: dict[str, timedelta] = {
    "sign_in": timedelta(hours=1),
    "reset": timedelta(hours=1),
    "invite": timedelta(days=7),
}


class Opened(NamedTuple):
    """Whom a link lets in, and what for."""

    user_id: int
    purpose: str


def create_link(session: Session, user_id: int, purpose: Purpose, now: datetime) -> str:
    """A token that lets `user_id` in once; only its hash is kept."""
    token = secrets.token_urlsafe(32)
    # What nobody can use any more is of no use to keep.
    session.execute(
        delete(SignInLink).where(
            SignInLink.user_id == user_id,
            or_(SignInLink.expires_at < now, SignInLink.used_at.is_not(None)),
        )
    )
    session.execute(
        insert(SignInLink).values(
            user_id=user_id,
            purpose=purpose,
            token_hash=_hash(token),
            expires_at=now + LIFETIMES[purpose],
        )
    )
    return token


def look_at_link(session: Session, token: str, now: datetime) -> Opened | None:
    """What the link is for, without using it; None if it is used, too old or not ours."""
    row = session.execute(
        select(SignInLink.user_id, SignInLink.purpose).where(*_open(token, now))
    ).one_or_none()
    return Opened(*row) if row else None


def use_link(session: Session, token: str, now: datetime) -> Opened | None:
    """Use it up; None if somebody was first, or it is too old or not ours."""
    row = session.execute(
        update(SignInLink)
        .where(*_open(token, now))
        .values(used_at=now)
        .returning(SignInLink.user_id, SignInLink.purpose)
    ).one_or_none()
    return Opened(*row) if row else None


def withdraw(session: Session, user_id: int) -> None:
    """Make every unused link of the person worthless."""
    session.execute(
        delete(SignInLink).where(SignInLink.user_id == user_id, SignInLink.used_at.is_(None))
    )


def forget(session: Session, before: datetime) -> None:
    """Drop links that were worthless before then."""
    session.execute(delete(SignInLink).where(SignInLink.expires_at < before))


def _open(token: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SignInLink.token_hash == _hash(token),
        SignInLink.used_at.is_(None),
        SignInLink.expires_at > now,
    )


def _hash(token: str) -> bytes:
    # Random enough that a slow hash would add nothing.
    return hashlib.sha256(token.encode()).digest()
