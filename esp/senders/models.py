"""Tables of sending domains, transports, pools of source addresses, and providers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import func, text

from esp.accounts.models import OfAccount
from esp.db import AccountId, CreatedAt, Id, Table


class SendingDomain(OfAccount, Table):
    """A domain that an account writes from, and what its DNS says of it."""

    __tablename__ = "sending_domains"
    __table_args__ = (
        UniqueConstraint("account_id", "name"),
        Index("ix_sending_domains_next_check_at", "next_check_at"),
    )

    # In A-labels and small letters.
    name: Mapped[str]
    # Whole host names; empty: the installation's own.
    return_path_host: Mapped[str] = mapped_column(server_default="")
    tracking_host: Mapped[str] = mapped_column(server_default="")
    # Of each record: its state and what was found, as the last check left it.
    findings: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    checked_at: Mapped[datetime | None]
    # When DNS is asked next, and when a person last wished for it.
    next_check_at: Mapped[datetime] = mapped_column(server_default=func.now())
    asked_at: Mapped[datetime | None]
    # Whether the account's own relay puts its DKIM signature for this domain on the mail.
    is_signed_by_relay: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[CreatedAt]


class DkimKey(OfAccount, Table):
    """A key for a domain's mail: waiting to be seen in DNS, active, leaving or retired."""

    __tablename__ = "dkim_keys"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "sending_domain_id"],
            [SendingDomain.account_id, SendingDomain.id],
            ondelete="CASCADE",
        ),
        UniqueConstraint("account_id", "sending_domain_id", "selector"),
        CheckConstraint("algorithm IN ('rsa', 'ed25519')", name="algorithm"),
        CheckConstraint("state IN ('waiting', 'active', 'leaving', 'retired')", name="state"),
        # What may have to move: see `esp.senders.key_states`.
        Index(
            "ix_dkim_keys_account_id_moving",
            "account_id",
            postgresql_where=text("state IN ('waiting', 'leaving')"),
        ),
    )

    sending_domain_id: Mapped[int]
    selector: Mapped[str]
    algorithm: Mapped[str]
    # Encrypted with the installation's secret key; empty once retired.
    private_key: Mapped[str]
    # As in the record's p=.
    public_key: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    seen_at: Mapped[datetime | None]
    activated_at: Mapped[datetime | None]
    # Of a leaving key: when it will be.
    retired_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class Pool(OfAccount, Table):
    """Addresses of ours that mail leaves from; receivers judge each pool by itself."""

    __tablename__ = "pools"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    name: Mapped[str]
    created_at: Mapped[CreatedAt]


class PoolAddress(Table):
    """An address of a pool, and the name that its PTR record gives it."""

    __tablename__ = "pool_addresses"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "pool_id"], [Pool.account_id, Pool.id], ondelete="CASCADE"
        ),
    )

    account_id: Mapped[AccountId]
    pool_id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    helo_name: Mapped[str] = mapped_column(server_default="")


class Transport(OfAccount, Table):
    """The way an account's mail leaves: an SMTP server, or straight to the receivers' own."""

    __tablename__ = "transports"
    __table_args__ = (
        CheckConstraint("tls IN ('none', 'starttls', 'required', 'tls')", name="tls"),
        CheckConstraint("kind IN ('relay', 'direct')", name="kind"),
        ForeignKeyConstraint(["account_id", "pool_id"], [Pool.account_id, Pool.id]),
        # At most one transport is the account's own default.
        Index(
            "uq_transports_account_id_default",
            "account_id",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )

    name: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="relay")
    # Empty for one that is direct.
    host: Mapped[str]
    port: Mapped[int]
    tls: Mapped[str] = mapped_column(server_default="starttls")
    username: Mapped[str] = mapped_column(server_default="")
    # Encrypted with the installation's secret key.
    password: Mapped[str] = mapped_column(server_default="")
    max_connections: Mapped[int] = mapped_column(server_default="10")
    # What mail leaves from unless its broadcast names another; None: the system's choice.
    pool_id: Mapped[int | None]
    is_default: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[CreatedAt]


class Provider(Table):
    """A receiver of mail, the same for all accounts: what counts for pacing and reports."""

    __tablename__ = "providers"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)


class DomainProvider(Table):
    """Which provider a domain's mail goes to."""

    __tablename__ = "domain_providers"
    __table_args__ = (Index("ix_domain_providers_site", "site"),)

    domain: Mapped[str] = mapped_column(primary_key=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"))
    # The receiving hosts and what they demand of TLS, as one name: domains of equal `site` share
    # connections. Empty where nobody has looked.
    site: Mapped[str] = mapped_column(server_default="")
    checked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]


class StsPolicy(Table):
    """What a domain promised about TLS to its hosts (MTA-STS), until it runs out."""

    __tablename__ = "sts_policies"
    __table_args__ = (CheckConstraint("mode IN ('enforce', 'testing', 'none')", name="mode"),)

    domain: Mapped[str] = mapped_column(primary_key=True)
    policy_id: Mapped[str]
    mode: Mapped[str]
    # Names of hosts; "*." stands for one label.
    patterns: Mapped[list[Any]]
    # Seconds after `fetched_at`.
    max_age: Mapped[int]
    fetched_at: Mapped[datetime]
