"""Reads accounts, people, keys and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from esp.accounts.models import Account, ApiKey, AuditEntry, Membership, User
from esp.errors import NotFound


class Access(NamedTuple):
    """An account a person works in."""

    account_id: int
    slug: str
    name: str
    role: str
    language: str
    time_zone: str


class Person(NamedTuple):
    """Somebody who works in the account; `joined` says whether they ever signed in."""

    user_id: int
    email: str
    name: str
    role: str
    joined: bool
    last_sign_in_at: datetime | None


def account(session: Session, account_id: int) -> Account:
    """The transaction's account; NotFound if it is gone."""
    found = session.scalar(select(Account).where(Account.id == account_id))
    if found is None:
        raise NotFound()
    return found


def account_of_slug(session: Session, slug: str) -> int | None:
    """Which account has this name in URLs; works in no account."""
    found: int | None = session.scalar(text("SELECT account_of_slug(:slug)"), {"slug": slug})
    return found


def accesses_of(session: Session, user_id: int) -> tuple[Access, ...]:
    """The accounts a person works in, by name; works in no account."""
    rows = session.execute(
        text(
            "SELECT account_id, slug, name, role, language, time_zone FROM memberships_of(:user_id)"
        ),
        {"user_id": user_id},
    )
    return tuple(Access(*row) for row in rows)


def user(session: Session, user_id: int) -> User | None:
    """A person by id."""
    return session.get(User, user_id)


def people(session: Session, account_id: int) -> list[Person]:
    """Everybody who works in the account, by address."""
    rows = session.execute(
        select(
            User.id,
            User.email,
            User.name,
            Membership.role,
            User.password_hash.is_not(None) | User.last_sign_in_at.is_not(None),
            User.last_sign_in_at,
        )
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.account_id == account_id)
        .order_by(User.email)
    )
    return [Person(*row) for row in rows]


def owners_of(session: Session, account_id: int) -> list[str]:
    """Addresses of the account's owners."""
    return list(
        session.scalars(
            select(User.email)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.account_id == account_id, Membership.role == "owner")
            .order_by(User.id)
        )
    )


def keys(session: Session, account_id: int) -> Sequence[ApiKey]:
    """The account's keys that still open it, newest first."""
    return session.scalars(
        select(ApiKey)
        .where(ApiKey.account_id == account_id, ApiKey.revoked_at.is_(None))
        .order_by(ApiKey.id.desc())
    ).all()


def audit_page(
    session: Session,
    account_id: int,
    *,
    after: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> Sequence[AuditEntry]:
    """Entries, newest first; `after` is (at, id) of the last one of the page before."""
    wanted = (
        select(AuditEntry)
        .where(AuditEntry.account_id == account_id)
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(tuple_(AuditEntry.at, AuditEntry.id) < after)
    return session.scalars(wanted).all()


def only_user(session: Session) -> User | None:
    """The one person of a new installation; None if there are none or several."""
    found = session.scalars(select(User).order_by(User.id).limit(2)).all()
    return found[0] if len(found) == 1 else None


def has_users(session: Session) -> bool:
    """Whether anybody can sign in to this installation."""
    return session.scalar(select(User.id).limit(1)) is not None
