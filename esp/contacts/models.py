"""Tables of contacts, fields, lists, subscriptions and imports."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import func, text

from esp.accounts.models import OfAccount
from esp.db import AccountId, CreatedAt, Id, Table
from esp.files.models import File


class Contact(OfAccount, Table):
    """A person; without an address too, or coverage could not be counted."""

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("account_id", "email"),
        # Partial, where most contacts have nothing: each index costs every row of an import.
        Index(
            "uq_contacts_account_id_external_id",
            "account_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        # Prefix search; in "C" order in the database (which reflection does not tell), because
        # row-level security bars LIKE from an index.
        Index("ix_contacts_last_name", "account_id", text("lower(last_name)")),
        Index("ix_contacts_first_name", "account_id", text("lower(first_name)")),
        Index(
            "ix_contacts_company",
            "account_id",
            text("lower(company)"),
            postgresql_where=text("company <> ''"),
        ),
        Index("ix_contacts_domain", "account_id", "domain"),
        Index("ix_contacts_created_at", "account_id", "created_at", "id"),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    # Normalised by esp.addresses; "C" order serves prefix search.
    email: Mapped[str | None] = mapped_column(Text(collation="C"))
    domain: Mapped[str | None]
    external_id: Mapped[str | None]
    first_name: Mapped[str] = mapped_column(server_default="")
    last_name: Mapped[str] = mapped_column(server_default="")
    language: Mapped[str] = mapped_column(server_default="")
    phone: Mapped[str] = mapped_column(server_default="")
    company: Mapped[str] = mapped_column(server_default="")
    occupation: Mapped[str] = mapped_column(server_default="")
    birth_date: Mapped[date | None] = mapped_column(Date)
    sex: Mapped[str] = mapped_column(server_default="")
    street: Mapped[str] = mapped_column(server_default="")
    city: Mapped[str] = mapped_column(server_default="")
    region: Mapped[str] = mapped_column(server_default="")
    postal_code: Mapped[str] = mapped_column(server_default="")
    country: Mapped[str] = mapped_column(server_default="")
    time_zone: Mapped[str] = mapped_column(server_default="")
    fields: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    source: Mapped[str] = mapped_column(server_default="")
    # When the person agreed to, or refused, being measured; NULL: never asked.
    tracking_consent: Mapped[bool | None]
    tracking_consent_at: Mapped[datetime | None]
    last_open_at: Mapped[datetime | None]
    last_click_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Field(OfAccount, Table):
    """A field that an account added to its contacts."""

    __tablename__ = "fields"
    __table_args__ = (
        UniqueConstraint("account_id", "key"),
        CheckConstraint("type IN ('text', 'number', 'date', 'boolean', 'choice')", name="type"),
        CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,39}$'", name="key"),
    )

    key: Mapped[str]
    label: Mapped[str]
    type: Mapped[str]
    choices: Mapped[list[Any]] = mapped_column(server_default="[]")
    created_at: Mapped[CreatedAt]


class List(OfAccount, Table):
    """People who asked for the same mail."""

    __tablename__ = "lists"
    __table_args__ = (
        UniqueConstraint("account_id", "public_key"),
        ForeignKeyConstraint(["account_id", "merged_into_id"], ["lists.account_id", "lists.id"]),
    )

    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    # Part of the sign-up page's address.
    public_key: Mapped[str]
    # Whether the sign-up page and the preference page offer this list.
    is_public: Mapped[bool] = mapped_column(server_default="true")
    # What the person agrees to, shown on the sign-up page and kept as evidence.
    consent_text: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    archived_at: Mapped[datetime | None]
    # Its people went on there; who leaves one of the two leaves both.
    merged_into_id: Mapped[int | None]


class Subscription(Table):
    """Whether a contact gets a list's mail, and how that came about."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "list_id"], ["lists.account_id", "lists.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["account_id", "contact_id"],
            ["contacts.account_id", "contacts.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("state IN ('pending', 'subscribed', 'unsubscribed')", name="state"),
        Index("ix_subscriptions_account_id_contact_id", "account_id", "contact_id"),
    )

    account_id: Mapped[AccountId]
    list_id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]
    source: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[CreatedAt]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    confirmed_at: Mapped[datetime | None]
    unsubscribed_at: Mapped[datetime | None]
    # The broadcast whose link was used to leave.
    unsubscribed_broadcast_id: Mapped[int | None]


class Consent(Table):
    """Proof of what a person agreed to or withdrew (GDPR Art. 7(1)); outlives the subscription."""

    __tablename__ = "consents"

    account_id: Mapped[AccountId]
    contact_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[Id]
    list_id: Mapped[int | None]
    # subscribe, confirm, unsubscribe, resubscribe, tracking_on, tracking_off
    action: Mapped[str]
    wording: Mapped[str] = mapped_column(server_default="")
    source: Mapped[str] = mapped_column(server_default="")
    ip: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class Import(OfAccount, Table):
    """One contact file on its way into the contacts."""

    __tablename__ = "imports"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "file_id"], [File.account_id, File.id]),
        CheckConstraint(
            "state IN ('mapping', 'waiting', 'running', 'finished', 'cancelled', 'failed')",
            name="state",
        ),
        Index(
            "ix_imports_due",
            "account_id",
            "lease_until",
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
    )

    file_id: Mapped[int]
    list_id: Mapped[int | None]
    name: Mapped[str]
    state: Mapped[str]
    dialect: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    mapping: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    # Header and first rows as they were read, so that a mapping is tried without the file.
    preview: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    update_existing: Mapped[bool] = mapped_column(server_default="true")
    source: Mapped[str] = mapped_column(server_default="")
    checkpoint: Mapped[dict[str, Any] | None]
    bytes_read: Mapped[int] = mapped_column(server_default="0")
    rows_read: Mapped[int] = mapped_column(server_default="0")
    created_count: Mapped[int] = mapped_column(server_default="0")
    updated_count: Mapped[int] = mapped_column(server_default="0")
    unchanged_count: Mapped[int] = mapped_column(server_default="0")
    subscribed_count: Mapped[int] = mapped_column(server_default="0")
    # Left as they were, because they had unsubscribed or are suppressed.
    kept_count: Mapped[int] = mapped_column(server_default="0")
    rejected_count: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str] = mapped_column(server_default="")
    lease_until: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportRejection(Table):
    """A line of a contact file that was not taken, with the reason."""

    __tablename__ = "import_rejections"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "import_id"], ["imports.account_id", "imports.id"], ondelete="CASCADE"
        ),
    )

    account_id: Mapped[AccountId]
    import_id: Mapped[int] = mapped_column(primary_key=True)
    row_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str]
    values: Mapped[list[Any]] = mapped_column("row_values")
