"""Sending domains and their keys, pools, and the pace of each provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from esp.tenancy import grant, protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "sending_domains",
    "dkim_keys",
    "pools",
    "pool_addresses",
    "paces",
    "delivery_minutes",
    "receiver_replies",
)


def upgrade() -> None:
    _tables()
    app_role = context.config.attributes["app_role"]
    for table in TENANT_TABLES:
        op.execute(protect(table))
        op.execute(grant(table, app_role))


def _tables() -> None:
    op.create_table(
        "delivery_minutes",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pool_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("provider_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("deferred", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "minute", "pool_id", "provider_id", name=op.f("pk_delivery_minutes")
        ),
    )
    op.create_table(
        "paces",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pool_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("provider_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("max_connections", sa.BigInteger(), nullable=True),
        sa.Column("messages_per_connection", sa.BigInteger(), nullable=True),
        sa.Column("rate_per_minute", sa.BigInteger(), nullable=True),
        sa.Column("share", sa.Double(), server_default="1", nullable=False),
        sa.Column("cap_per_minute", sa.BigInteger(), nullable=True),
        sa.Column("cap_connections", sa.BigInteger(), nullable=True),
        sa.Column("cap_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pauses", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("reply", sa.Text(), server_default="", nullable=False),
        sa.Column("is_held", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("next_free_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warm_up_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warm_up_held_days", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("account_id", "pool_id", "provider_id", name=op.f("pk_paces")),
    )
    op.create_table(
        "receiver_replies",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("provider_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.SmallInteger(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "provider_id", "digest", name=op.f("pk_receiver_replies")
        ),
    )
    op.create_index(
        "ix_receiver_replies_last_at", "receiver_replies", ["account_id", "last_at"], unique=False
    )
    op.create_table(
        "pools",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_pools_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_pools")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_pools_account_id_name")),
    )
    op.create_table(
        "sending_domains",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("return_path_host", sa.Text(), server_default="", nullable=False),
        sa.Column("tracking_host", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "findings", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_sending_domains_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_sending_domains")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_sending_domains_account_id_name")),
    )
    op.create_table(
        "dkim_keys",
        sa.Column("sending_domain_id", sa.BigInteger(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("private_key", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("algorithm IN ('rsa', 'ed25519')", name=op.f("ck_dkim_keys_algorithm")),
        sa.CheckConstraint(
            "state IN ('waiting', 'active', 'retired')", name=op.f("ck_dkim_keys_state")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "sending_domain_id"],
            ["sending_domains.account_id", "sending_domains.id"],
            name=op.f("fk_dkim_keys_account_id_sending_domain_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_dkim_keys_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_dkim_keys")),
        sa.UniqueConstraint(
            "account_id",
            "sending_domain_id",
            "selector",
            name=op.f("uq_dkim_keys_account_id_sending_domain_id_selector"),
        ),
    )
    op.create_table(
        "pool_addresses",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pool_id", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("helo_name", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "pool_id"],
            ["pools.account_id", "pools.id"],
            name=op.f("fk_pool_addresses_account_id_pool_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "pool_id", "address", name=op.f("pk_pool_addresses")),
    )
    op.add_column("broadcasts", sa.Column("pool_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "broadcasts", sa.Column("source_address", sa.Text(), server_default="", nullable=False)
    )
    op.add_column("dispatches", sa.Column("pool_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "dispatches", sa.Column("source_address", sa.Text(), server_default="", nullable=False)
    )
    op.add_column(
        "domain_providers", sa.Column("site", sa.Text(), server_default="", nullable=False)
    )
    op.add_column(
        "domain_providers", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "transports", sa.Column("kind", sa.Text(), server_default="relay", nullable=False)
    )
    op.add_column("transports", sa.Column("pool_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_transports_account_id_pool_id"),
        "transports",
        "pools",
        ["account_id", "pool_id"],
        ["account_id", "id"],
    )
    op.create_check_constraint(
        op.f("ck_transports_kind"), "transports", "kind IN ('relay', 'direct')"
    )
