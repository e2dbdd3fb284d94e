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
    "pace_holders",
    "delivery_minutes",
    "receiver_replies",
)

# Grants move next_free_at many times a second and say nothing; whatever else changes is heard.
TELL_PACES = """
CREATE FUNCTION tell_senders_paces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(
        'esp_stop', 'p:' || NEW.account_id || ':' || NEW.pool_id || ':' || NEW.provider_id
    );
    RETURN NULL;
END $$;
CREATE TRIGGER tell_senders_update AFTER UPDATE OF max_connections, messages_per_connection,
    rate_per_minute, share, cap_until, paused_until, is_held, warm_up_started_at ON paces
    FOR EACH ROW EXECUTE FUNCTION tell_senders_paces();
"""

# As in 0001, and the domains with something to move on or look up.
DUE = """
CREATE OR REPLACE FUNCTION accounts_with_due(kind text, moment timestamptz) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    CASE kind
    WHEN 'broadcasts' THEN RETURN QUERY
        SELECT DISTINCT account_id FROM broadcasts WHERE state = 'scheduled' AND send_at <= moment;
    WHEN 'active' THEN RETURN QUERY
        SELECT DISTINCT account_id FROM broadcasts
        WHERE finished_at IS NULL AND state IN ('preparing', 'sending', 'cancelled');
    WHEN 'sending' THEN RETURN QUERY
        SELECT d.account_id FROM dispatches d WHERE d.state = 'open' AND (
            EXISTS (SELECT FROM batches b
                WHERE b.account_id = d.account_id AND b.broadcast_id = d.broadcast_id
                AND b.state <> 'done' AND b.next_at <= moment
                AND (b.state = 'ready' OR b.lease_until < moment))
            OR EXISTS (SELECT FROM deferrals f
                WHERE f.account_id = d.account_id AND f.broadcast_id = d.broadcast_id
                AND f.next_at <= moment AND (f.lease_until IS NULL OR f.lease_until < moment)))
        UNION
        SELECT account_id FROM notices WHERE state = 'queued' AND next_at <= moment;
    WHEN 'imports' THEN RETURN QUERY
        SELECT DISTINCT account_id FROM imports
        WHERE state IN ('waiting', 'running') AND (lease_until IS NULL OR lease_until < moment);
    WHEN 'inbound' THEN RETURN QUERY
        SELECT DISTINCT account_id FROM inbound_messages WHERE state = 'new';
    WHEN 'domains' THEN RETURN QUERY
        -- The hour is SETTLING of esp/senders/key_states.py.
        SELECT DISTINCT account_id FROM dkim_keys WHERE state IN ('waiting', 'leaving')
        AND (state = 'leaving' AND retired_at <= moment
            OR state = 'waiting' AND seen_at <= moment - interval '1 hour')
        UNION SELECT account_id FROM sending_domains WHERE next_check_at <= moment;
    WHEN 'answers' THEN RETURN QUERY
        SELECT DISTINCT account_id FROM idempotency_keys WHERE created_at < moment;
    END CASE;
END $$;
"""

# Asked by the server for what comes back and by a command, which belong to no account.
OF_DOMAINS = """
CREATE FUNCTION accounts_with_domain(the_name text) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT account_id FROM sending_domains WHERE name = the_name ORDER BY account_id
$$;

CREATE FUNCTION return_path_hosts() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT return_path_host FROM sending_domains WHERE return_path_host <> ''
$$;
"""

# For whoever runs the installation: sums over all accounts, and of no account more than sums.
SUMS = """
CREATE FUNCTION delivery_by_provider(the_hour timestamptz, recent timestamptz)
RETURNS TABLE (
    provider_id bigint, provider text, waiting bigint, deferred bigint, since timestamptz,
    sent bigint, put_off bigint, failed bigint, sent_recently bigint
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    WITH queue AS (
        SELECT b.provider_id, b.hi - b.lo + 1 AS waiting, 0 AS deferred, d.created_at
        FROM batches b JOIN dispatches d
            ON d.account_id = b.account_id AND d.broadcast_id = b.broadcast_id
        WHERE b.state <> 'done' AND d.state <> 'stopped'
        UNION ALL
        SELECT f.provider_id, 0, 1, d.created_at FROM deferrals f JOIN dispatches d
            ON d.account_id = f.account_id AND d.broadcast_id = f.broadcast_id
        WHERE d.state <> 'stopped'
    ), queued AS (
        SELECT q.provider_id, sum(q.waiting) AS waiting, sum(q.deferred) AS deferred,
            min(q.created_at) AS since
        FROM queue q GROUP BY q.provider_id
    ), answered AS (
        SELECT m.provider_id, sum(m.sent) AS sent, sum(m.deferred) AS put_off,
            sum(m.failed) AS failed,
            coalesce(sum(m.sent) FILTER (WHERE m.minute >= recent), 0) AS sent_recently
        FROM accounts a JOIN LATERAL (
            SELECT * FROM delivery_minutes d WHERE d.account_id = a.id AND d.minute >= the_hour
        ) AS m ON true
        GROUP BY m.provider_id
    )
    SELECT v.id, v.name, coalesce(q.waiting, 0), coalesce(q.deferred, 0), q.since,
        coalesce(n.sent, 0), coalesce(n.put_off, 0), coalesce(n.failed, 0),
        coalesce(n.sent_recently, 0)
    FROM providers v LEFT JOIN queued q ON q.provider_id = v.id
    LEFT JOIN answered n ON n.provider_id = v.id
    WHERE q.provider_id IS NOT NULL OR n.provider_id IS NOT NULL
    ORDER BY 3 DESC, 6 DESC, 2
$$;

CREATE FUNCTION delivery_by_account(the_hour timestamptz, most integer)
RETURNS TABLE (
    name text, running bigint, waiting bigint, deferred bigint, sent bigint, put_off bigint,
    failed bigint
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT a.name, b.running, b.waiting, f.deferred, m.sent, m.put_off, m.failed
    FROM accounts a
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT b.broadcast_id) AS running,
            coalesce(sum(b.hi - b.lo + 1), 0) AS waiting
        FROM batches b JOIN dispatches d
            ON d.account_id = b.account_id AND d.broadcast_id = b.broadcast_id
        WHERE b.account_id = a.id AND b.state <> 'done' AND d.state <> 'stopped'
    ) AS b
    CROSS JOIN LATERAL (
        SELECT count(*) AS deferred FROM deferrals f JOIN dispatches d
            ON d.account_id = f.account_id AND d.broadcast_id = f.broadcast_id
        WHERE f.account_id = a.id AND d.state <> 'stopped'
    ) AS f
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(d.sent), 0) AS sent, coalesce(sum(d.deferred), 0) AS put_off,
            coalesce(sum(d.failed), 0) AS failed
        FROM delivery_minutes d WHERE d.account_id = a.id AND d.minute >= the_hour
    ) AS m
    WHERE b.waiting + f.deferred + m.sent + m.put_off + m.failed > 0
    ORDER BY b.waiting DESC, m.sent DESC, a.name LIMIT most
$$;
"""

# Each row of the ledger is written once and soon changed once, whole pages at a time: with room
# for the second version beside the first no index has to learn of it. The old one's place is used
# again, so the table is no larger in the end.
PARTITIONS = """
CREATE OR REPLACE FUNCTION make_ledger_partition(the_broadcast bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    number bigint := the_broadcast / 100;
    part text := 'recipients_p' || number;
BEGIN
    IF to_regclass('public.' || part) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(7274114);
    IF to_regclass('public.' || part) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.recipients INCLUDING DEFAULTS'
        ' INCLUDING CONSTRAINTS) WITH (fillfactor = 40)', part);
    EXECUTE format('ALTER TABLE public.recipients ATTACH PARTITION public.%I'
        ' FOR VALUES FROM (%s) TO (%s)', part, number * 100, number * 100 + 100);
END $$;
"""


def upgrade() -> None:
    _tables()
    op.execute(sa.DDL(PARTITIONS.replace("%", "%%")))
    op.execute(DUE)
    op.execute(OF_DOMAINS)
    op.execute(SUMS)
    app_role = context.config.attributes["app_role"]
    for table in TENANT_TABLES:
        op.execute(protect(table))
        op.execute(grant(table, app_role))
    op.execute(grant("sts_policies", app_role))


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
        sa.Column("warm_up_judged_days", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("warm_up_held_days", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "pool_id", "provider_id", name=op.f("pk_paces")),
    )
    op.execute(TELL_PACES)
    op.create_table(
        "pace_holders",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pool_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("provider_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("seen_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "pool_id", "provider_id", "owner", name=op.f("pk_pace_holders")
        ),
    )
    op.create_index("ix_pace_holders_owner", "pace_holders", ["owner"], unique=False)
    op.create_index("ix_late_outcomes_at", "late_outcomes", ["account_id", "at"], unique=False)
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
        "sts_policies",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("policy_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("patterns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("max_age", sa.BigInteger(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "mode IN ('enforce', 'testing', 'none')", name=op.f("ck_sts_policies_mode")
        ),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_sts_policies")),
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
            "next_check_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_signed_by_relay", sa.Boolean(), server_default="false", nullable=False),
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
    op.create_index(
        "ix_sending_domains_next_check_at", "sending_domains", ["next_check_at"], unique=False
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
            "state IN ('waiting', 'active', 'leaving', 'retired')",
            name=op.f("ck_dkim_keys_state"),
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
    op.create_index(
        "ix_dkim_keys_account_id_moving",
        "dkim_keys",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'leaving')"),
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
    op.add_column(
        "users", sa.Column("is_operator", sa.Boolean(), server_default="false", nullable=False)
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
    op.create_index("ix_domain_providers_site", "domain_providers", ["site"], unique=False)
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
