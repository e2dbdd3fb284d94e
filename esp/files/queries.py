"""Reads which account a public picture belongs to."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session


def account_of_picture(session: Session, public_key: str) -> int | None:
    """The account of a picture's public key; works in no account."""
    found: int | None = session.scalar(text("SELECT account_of_picture(:key)"), {"key": public_key})
    return found
