"""Tables of accounts, users and what lets them in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import func

from esp.db import CreatedAt, Id, Table


class Account(Table):
    """A tenant: one company with its own people, contacts and mail."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9](-?[a-z0-9])*$'", name="slug"),
        CheckConstraint("language IN ('en', 'id')", name="language"),
        CheckConstraint("tracking IN ('all', 'consented', 'none')", name="tracking"),
    )

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    postal_address: Mapped[str] = mapped_column(server_default="")
    website: Mapped[str] = mapped_column(server_default="")
    language: Mapped[str] = mapped_column(server_default="en")
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    # Measuring opens needs consent (CNIL 2026-042), so everybody's choice is asked for by default.
    tracking: Mapped[str] = mapped_column(server_default="consented")
    from_name: Mapped[str] = mapped_column(server_default="")
    from_address: Mapped[str] = mapped_column(server_default="")
    inliner: Mapped[str] = mapped_column(server_default="premailer")
    created_at: Mapped[CreatedAt]


class OfAccount:
    """A tenant table: row-level security shows only rows of the transaction's account."""

    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    id: Mapped[Id]


class User(Table):
    """A person who signs in; the same person may work in several accounts."""

    __tablename__ = "users"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(server_default="")
    password_hash: Mapped[str | None]
    language: Mapped[str | None]
    # Raised when the password changes: every session signed with an older number ends.
    session_number: Mapped[int] = mapped_column(server_default="0")
    # Whether this person runs the installation: sees sums over all accounts, and its own pace.
    is_operator: Mapped[bool] = mapped_column(server_default="false")
    last_sign_in_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class SignInLink(Table):
    """A link that signs in or resets a password, once."""

    __tablename__ = "sign_in_links"
    __table_args__ = (
        CheckConstraint("purpose IN ('sign_in', 'reset', 'invite')", name="purpose"),
        Index("ix_sign_in_links_user_id", "user_id"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class Membership(Table):
    """What a user may do in an account."""

    __tablename__ = "memberships"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'manager', 'editor', 'viewer')", name="role"),
        Index("ix_memberships_user_id", "user_id"),
    )

    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str]
    created_at: Mapped[CreatedAt]


class ApiKey(OfAccount, Table):
    """A bearer key of a program; only its hash is kept."""

    __tablename__ = "api_keys"

    name: Mapped[str]
    prefix: Mapped[str]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditEntry(OfAccount, Table):
    """Who did what to what, and when."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_account_id_at", "account_id", "at"),)

    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")


class IdempotencyKey(OfAccount, Table):
    """The answer already given to a request that a program may repeat."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("account_id", "key"),)

    key: Mapped[str]
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    body: Mapped[str]
    created_at: Mapped[CreatedAt]
