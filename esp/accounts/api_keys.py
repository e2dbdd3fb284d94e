"""Keys of programs: made, found by what a program sends, revoked."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import insert, or_, select, text, update
from sqlalchemy.orm import Session

from esp.accounts.models import ApiKey
from esp.db import enter_account
from esp.errors import N_, Invalid, NotFound

NAME_LENGTH = 80
# A row written at every request would cost more than most requests do.
USE_NOTED_EVERY = timedelta(minutes=1)

_ALPHABET = string.ascii_lowercase + string.digits
_WELL_FORMED = re.compile(r"esp_[a-z0-9]{8}_[a-z0-9]{40}", re.ASCII).fullmatch


class NewKey(NamedTuple):
    """`key` is shown now and never again."""

    id: int
    prefix: str
    key: str


class KeyUse(NamedTuple):
    """Which account a key opens."""

    account_id: int
    key_id: int
    name: str


def create_key(session: Session, account_id: int, name: str) -> NewKey:
    """Make a key; Invalid at `name`."""
    name = " ".join(name.split())
    if not name:
        raise Invalid(N_("Name the program that will use the key."), "name")
    if len(name) > NAME_LENGTH:
        raise Invalid(
            N_("This is too long: at most %(longest)s characters."), "name", longest=NAME_LENGTH
        )
    prefix = _random(8)
    key = f"esp_{prefix}_{_random(40)}"
    key_id = session.scalar(
        insert(ApiKey)
        .values(account_id=account_id, name=name, prefix=prefix, key_hash=_hash(key))
        .returning(ApiKey.id)
    )
    assert key_id is not None  # noqa: S101 -- INSERT … RETURNING gives a row or raises
    return NewKey(key_id, prefix, key)


def open_with_key(session: Session, key: str, now: datetime) -> KeyUse | None:
    """Enter the account of `key`; None, and in no account, if it opens nothing."""
    if not _WELL_FORMED(key):
        return None
    account_id = session.scalar(text("SELECT account_of_api_key(:hash)"), {"hash": _hash(key)})
    if account_id is None:
        return None
    enter_account(session, account_id)
    row = session.execute(
        select(ApiKey.id, ApiKey.name).where(
            ApiKey.account_id == account_id, ApiKey.key_hash == _hash(key)
        )
    ).one()
    session.execute(
        update(ApiKey)
        .where(
            ApiKey.account_id == account_id,
            ApiKey.id == row.id,
            or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - USE_NOTED_EVERY),
        )
        .values(last_used_at=now)
    )
    return KeyUse(account_id, row.id, row.name)


def revoke_key(session: Session, account_id: int, key_id: int, now: datetime) -> str:
    """End a key for ever and return its name; NotFound if it is not there or revoked already."""
    name: str | None = session.scalar(
        update(ApiKey)
        .where(ApiKey.account_id == account_id, ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiKey.name)
    )
    if name is None:
        raise NotFound()
    return name


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _hash(key: str) -> bytes:
    # Over 200 random bits: a slow hash would add nothing.
    return hashlib.sha256(key.encode()).digest()
