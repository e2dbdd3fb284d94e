"""The first tables."""
# ruff: noqa: E501  # the constraints' texts are kept whole

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from esp.tenancy import grant, protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "memberships",
    "api_keys",
    "audit_entries",
    "idempotency_keys",
    "files",
    "file_chunks",
    "suppressions",
    "transports",
    "templates",
    "contacts",
    "fields",
    "lists",
    "subscriptions",
    "consents",
    "imports",
    "import_rejections",
    "broadcasts",
    "broadcast_lists",
    "dispatches",
    "recipients",
    "batches",
    "deferrals",
    "late_outcomes",
    "links",
    "notices",
    "events",
    "broadcast_counts",
    "broadcast_hours",
    "link_counts",
    "link_clickers",
    "inbound_messages",
    "mailbox_messages",
)
SHARED_TABLES = (
    "users",
    "sign_in_links",
    "providers",
    "domain_providers",
    "journals",
    "postmaster_messages",
)

# The only windows between accounts: each answers ids or what signing in needs, nothing else.
WINDOWS = """
CREATE FUNCTION memberships_of(the_user bigint)
RETURNS TABLE (
    account_id bigint, slug text, name text, role text, language text, time_zone text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT m.account_id, a.slug, a.name, m.role, a.language, a.time_zone
    FROM memberships m JOIN accounts a ON a.id = m.account_id
    WHERE m.user_id = the_user ORDER BY a.name, a.id
$$;

CREATE FUNCTION account_of_slug(the_slug text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT id FROM accounts WHERE slug = the_slug
$$;

CREATE FUNCTION account_of_api_key(the_hash bytea) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT account_id FROM api_keys WHERE key_hash = the_hash AND revoked_at IS NULL
$$;

CREATE FUNCTION account_of_list(the_key text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT account_id FROM lists WHERE public_key = the_key
$$;

CREATE FUNCTION account_of_picture(the_key text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT account_id FROM files WHERE public_key = the_key
$$;

-- Within the account only. A definer's function, because lower() is not leakproof: under row-level
-- security a search would read every contact of the account instead of these indexes.
CREATE FUNCTION contacts_by_prefix(prefix text, most integer) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    WITH wanted AS (
        SELECT nullif(current_setting('esp.account_id', true), '')::bigint AS account,
            lower(prefix) AS first, lower(prefix) || chr(1114111) AS last
    )
    (SELECT id FROM contacts, wanted WHERE account_id = account
        AND email >= first AND email < last ORDER BY email LIMIT most)
    UNION
    (SELECT id FROM contacts, wanted WHERE account_id = account
        AND lower(first_name) COLLATE "C" >= first AND lower(first_name) COLLATE "C" < last
        ORDER BY lower(first_name) COLLATE "C" LIMIT most)
    UNION
    (SELECT id FROM contacts, wanted WHERE account_id = account
        AND lower(last_name) COLLATE "C" >= first AND lower(last_name) COLLATE "C" < last
        ORDER BY lower(last_name) COLLATE "C" LIMIT most)
    UNION
    (SELECT id FROM contacts, wanted WHERE account_id = account
        AND company <> '' AND lower(company) COLLATE "C" >= first
        AND lower(company) COLLATE "C" < last
        ORDER BY lower(company) COLLATE "C" LIMIT most)
    UNION
    (SELECT id FROM contacts, wanted WHERE account_id = account
        AND domain = ltrim(first, '@') LIMIT most)
    UNION
    (SELECT id FROM contacts, wanted WHERE account_id = account AND external_id = prefix)
$$;

CREATE FUNCTION accounts_with_due(kind text, moment timestamptz) RETURNS SETOF bigint
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
    END CASE;
END $$;

CREATE FUNCTION release_leases(the_owner text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    UPDATE batches SET state = 'ready', owner = NULL, lease_until = NULL
    WHERE owner = the_owner AND state = 'leased';
    UPDATE deferrals SET owner = NULL, lease_until = NULL WHERE owner = the_owner;
$$;

CREATE FUNCTION lease_owners() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT owner FROM batches WHERE state = 'leased'
    UNION SELECT owner FROM deferrals WHERE owner IS NOT NULL
$$;
"""

# ATTACH locks the parent far less than CREATE … PARTITION OF, so sending goes on meanwhile.
PARTITIONS = """
CREATE FUNCTION make_ledger_partition(the_broadcast bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    number bigint := the_broadcast / 100;
    part text := 'recipients_p' || number;
BEGIN
    IF to_regclass('public.' || part) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(7274114);
    IF to_regclass('public.' || part) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.recipients INCLUDING DEFAULTS'
        ' INCLUDING CONSTRAINTS) WITH (fillfactor = 70)', part);
    EXECUTE format('ALTER TABLE public.recipients ATTACH PARTITION public.%I'
        ' FOR VALUES FROM (%s) TO (%s)', part, number * 100, number * 100 + 100);
END $$;

CREATE FUNCTION make_event_partition(moment timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    first timestamptz := date_trunc('month', moment AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    next timestamptz :=
        (date_trunc('month', moment AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    part text := 'events_p' || to_char(moment AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
    IF to_regclass('public.' || part) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(7274115);
    IF to_regclass('public.' || part) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.events INCLUDING DEFAULTS'
        ' INCLUDING CONSTRAINTS)', part);
    EXECUTE format('ALTER TABLE public.events ATTACH PARTITION public.%I'
        ' FOR VALUES FROM (%L) TO (%L)', part, first, next);
END $$;
"""

# Senders hear at commit who must not be mailed any more. In the database, so that no way in can
# forget it; past 500 people of one account at once, they look all of it up again.
STOPS = """
CREATE FUNCTION tell_senders_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    crowd record;
BEGIN
    FOR crowd IN SELECT account_id, count(*) AS people FROM changed GROUP BY account_id LOOP
        IF crowd.people > 500 THEN
            PERFORM pg_notify('esp_stop', 'a:' || crowd.account_id);
        ELSE
            PERFORM pg_notify('esp_stop', 'c:' || c.account_id || ':' || c.contact_id)
            FROM changed c WHERE c.account_id = crowd.account_id;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION tell_senders_suppressions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    crowd record;
BEGIN
    FOR crowd IN SELECT account_id, count(*) AS people FROM changed GROUP BY account_id LOOP
        IF crowd.people > 500 THEN
            PERFORM pg_notify('esp_stop', 'a:' || crowd.account_id);
        ELSE
            PERFORM pg_notify('esp_stop', 'e:' || c.account_id || ':' || c.email)
            FROM changed c WHERE c.account_id = crowd.account_id;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION tell_senders_dispatches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state OR NEW.rate_per_minute IS DISTINCT FROM OLD.rate_per_minute THEN
        PERFORM pg_notify('esp_stop', 'b:' || NEW.account_id || ':' || NEW.broadcast_id);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tell_senders_update AFTER UPDATE ON subscriptions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_senders_contacts();
CREATE TRIGGER tell_senders_delete AFTER DELETE ON subscriptions
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_senders_contacts();
CREATE TRIGGER tell_senders_insert AFTER INSERT ON suppressions
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_senders_suppressions();
CREATE TRIGGER tell_senders_update AFTER UPDATE ON dispatches
    FOR EACH ROW EXECUTE FUNCTION tell_senders_dispatches();
"""


def _secure(app_role: str) -> None:
    for table in TENANT_TABLES:
        op.execute(protect(table))
    op.execute(protect("accounts", column="id"))
    for table in (*TENANT_TABLES, *SHARED_TABLES, "accounts"):
        op.execute(grant(table, app_role))
    # What was done stays written.
    op.execute(f'REVOKE UPDATE, DELETE ON audit_entries FROM "{app_role}"')
    op.execute(f'GRANT SELECT ON alembic_version TO "{app_role}"')
    op.execute(f'GRANT USAGE ON SEQUENCE accounts_id_seq, broadcasts_id_seq TO "{app_role}"')


def _tables() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("postal_address", sa.Text(), server_default="", nullable=False),
        sa.Column("website", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("tracking", sa.Text(), server_default="consented", nullable=False),
        sa.Column("from_name", sa.Text(), server_default="", nullable=False),
        sa.Column("from_address", sa.Text(), server_default="", nullable=False),
        sa.Column("inliner", sa.Text(), server_default="premailer", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("language IN ('en', 'id')", name=op.f("ck_accounts_language")),
        sa.CheckConstraint("slug ~ '^[a-z0-9](-?[a-z0-9])*$'", name=op.f("ck_accounts_slug")),
        sa.CheckConstraint(
            "tracking IN ('all', 'consented', 'none')", name=op.f("ck_accounts_tracking")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("slug", name=op.f("uq_accounts_slug")),
    )
    op.create_table(
        "broadcast_counts",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "broadcast_id", "name", name=op.f("pk_broadcast_counts")
        ),
    )
    op.create_table(
        "broadcast_hours",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "broadcast_id", "hour", "name", name=op.f("pk_broadcast_hours")
        ),
    )
    op.create_table(
        "deferrals",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "broadcast_id", "seq", name=op.f("pk_deferrals")),
    )
    op.create_index("ix_deferrals_due", "deferrals", ["account_id", "next_at"], unique=False)
    op.create_index(
        "ix_deferrals_owner",
        "deferrals",
        ["owner"],
        unique=False,
        postgresql_where=sa.text("owner IS NOT NULL"),
    )
    op.create_table(
        "dispatches",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("include_list_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("exclude_list_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("transport_id", sa.BigInteger(), nullable=True),
        sa.Column("tracking", sa.Text(), nullable=False),
        sa.Column("rate_per_minute", sa.BigInteger(), nullable=True),
        sa.Column("next_free_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state IN ('open', 'paused', 'stopped')", name=op.f("ck_dispatches_state")
        ),
        sa.PrimaryKeyConstraint("account_id", "broadcast_id", name=op.f("pk_dispatches")),
        sa.UniqueConstraint("broadcast_id", name=op.f("uq_dispatches_broadcast_id")),
    )
    op.create_table(
        "events",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("list_id", sa.BigInteger(), nullable=True),
        sa.Column("link_number", sa.Integer(), nullable=True),
        sa.Column(
            "detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.CheckConstraint(
            "kind IN ('opened', 'clicked', 'subscribed', 'confirmed', 'unsubscribed', 'resubscribed', 'bounced', 'complained')",
            name=op.f("ck_events_kind"),
        ),
        sa.PrimaryKeyConstraint("account_id", "at", "id", name=op.f("pk_events")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(
        "ix_events_broadcast_id", "events", ["account_id", "broadcast_id", "at"], unique=False
    )
    op.create_index(
        "ix_events_contact_id", "events", ["account_id", "contact_id", "at"], unique=False
    )
    op.create_table(
        "journals",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shipped_offset", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_journals")),
    )
    op.create_table(
        "link_clickers",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "broadcast_id", "number", "seq", name=op.f("pk_link_clickers")
        ),
    )
    op.create_table(
        "link_counts",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("clicks", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unique_clicks", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "broadcast_id", "number", name=op.f("pk_link_counts")
        ),
    )
    op.create_table(
        "links",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("account_id", "broadcast_id", "number", name=op.f("pk_links")),
    )
    op.create_table(
        "postmaster_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("mail_from", sa.Text(), nullable=False),
        sa.Column("rcpt_to", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postmaster_messages")),
    )
    op.create_table(
        "providers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
        sa.UniqueConstraint("name", name=op.f("uq_providers_name")),
    )
    op.create_table(
        "recipients",
        sa.Column("broadcast_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("code", sa.SmallInteger(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsubscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("clicks", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'deferred', 'sent', 'failed', 'skipped')",
            name=op.f("ck_recipients_state"),
        ),
        sa.PrimaryKeyConstraint("broadcast_id", "seq", name=op.f("pk_recipients")),
        postgresql_partition_by="RANGE (broadcast_id)",
    )
    op.create_index(
        "ix_recipients_contact_id",
        "recipients",
        ["contact_id", "broadcast_id"],
        unique=False,
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("session_number", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "api_keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_api_keys_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    op.create_table(
        "audit_entries",
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_audit_entries_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_audit_entries")),
    )
    op.create_index(
        "ix_audit_entries_account_id_at", "audit_entries", ["account_id", "at"], unique=False
    )
    op.create_table(
        "batches",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), nullable=False),
        sa.Column("lo", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hi", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="ready", nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("state IN ('ready', 'leased', 'done')", name=op.f("ck_batches_state")),
        sa.ForeignKeyConstraint(
            ["account_id", "broadcast_id"],
            ["dispatches.account_id", "dispatches.broadcast_id"],
            name=op.f("fk_batches_account_id_broadcast_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "broadcast_id", "lo", name=op.f("pk_batches")),
    )
    op.create_index(
        "ix_batches_open",
        "batches",
        ["account_id", "next_at", "broadcast_id", "lo"],
        unique=False,
        postgresql_where=sa.text("state <> 'done'"),
    )
    op.create_index(
        "ix_batches_owner",
        "batches",
        ["owner"],
        unique=False,
        postgresql_where=sa.text("state = 'leased'"),
    )
    op.create_table(
        "broadcasts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("kind", sa.Text(), server_default="html", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("preheader", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("add_footer", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("from_name", sa.Text(), server_default="", nullable=False),
        sa.Column("from_address", sa.Text(), server_default="", nullable=False),
        sa.Column("reply_to", sa.Text(), server_default="", nullable=False),
        sa.Column("transport_id", sa.BigInteger(), nullable=True),
        sa.Column("rate_per_minute", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_from", sa.Text(), nullable=True),
        sa.Column("hold_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("snapshot_contact_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("snapshot_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("snapshot_finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by_user_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("kind IN ('html', 'mjml', 'text')", name=op.f("ck_broadcasts_kind")),
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'preparing', 'sending', 'paused', 'sent', 'cancelled', 'held', 'failed')",
            name=op.f("ck_broadcasts_state"),
        ),
        sa.CheckConstraint("rate_per_minute > 0", name=op.f("ck_broadcasts_rate_per_minute")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_broadcasts_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_broadcasts")),
    )
    op.create_index(
        "ix_broadcasts_active",
        "broadcasts",
        ["account_id", "id"],
        unique=False,
        postgresql_where=sa.text(
            "finished_at IS NULL AND state IN ('preparing', 'sending', 'cancelled')"
        ),
    )
    op.create_index(
        "ix_broadcasts_due",
        "broadcasts",
        ["send_at", "account_id"],
        unique=False,
        postgresql_where=sa.text("state = 'scheduled'"),
    )
    op.create_table(
        "consents",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("ip", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("account_id", "contact_id", "id", name=op.f("pk_consents")),
    )
    op.create_table(
        "contacts",
        sa.Column("email", sa.Text(collation="C"), nullable=True),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("last_name", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("company", sa.Text(), server_default="", nullable=False),
        sa.Column("occupation", sa.Text(), server_default="", nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("sex", sa.Text(), server_default="", nullable=False),
        sa.Column("street", sa.Text(), server_default="", nullable=False),
        sa.Column("city", sa.Text(), server_default="", nullable=False),
        sa.Column("region", sa.Text(), server_default="", nullable=False),
        sa.Column("postal_code", sa.Text(), server_default="", nullable=False),
        sa.Column("country", sa.Text(), server_default="", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "fields", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("tracking_consent", sa.Boolean(), nullable=True),
        sa.Column("tracking_consent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_open_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_click_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_contacts_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("account_id", "email", name=op.f("uq_contacts_account_id_email")),
        postgresql_with={"fillfactor": "85"},
    )
    op.create_index(
        "uq_contacts_account_id_external_id",
        "contacts",
        ["account_id", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_index(
        "ix_contacts_company",
        "contacts",
        ["account_id", sa.literal_column('lower(company) COLLATE "C"')],
        unique=False,
        postgresql_where=sa.text("company <> ''"),
    )
    op.create_index(
        "ix_contacts_created_at", "contacts", ["account_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_contacts_domain", "contacts", ["account_id", "domain"], unique=False)
    op.create_index(
        "ix_contacts_first_name",
        "contacts",
        ["account_id", sa.literal_column('lower(first_name) COLLATE "C"')],
        unique=False,
    )
    op.create_index(
        "ix_contacts_last_name",
        "contacts",
        ["account_id", sa.literal_column('lower(last_name) COLLATE "C"')],
        unique=False,
    )
    op.create_table(
        "domain_providers",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_domain_providers_provider_id")
        ),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_domain_providers")),
    )
    op.create_table(
        "fields",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column(
            "choices", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("key ~ '^[a-z][a-z0-9_]{0,39}$'", name=op.f("ck_fields_key")),
        sa.CheckConstraint(
            "type IN ('text', 'number', 'date', 'boolean', 'choice')", name=op.f("ck_fields_type")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_fields_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_fields")),
        sa.UniqueConstraint("account_id", "key", name=op.f("uq_fields_account_id_key")),
    )
    op.create_table(
        "files",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("public_key", sa.Text(), nullable=True),
        sa.Column("width", sa.BigInteger(), nullable=True),
        sa.Column("height", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("kind IN ('contacts', 'picture')", name=op.f("ck_files_kind")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_files_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_files")),
        sa.UniqueConstraint(
            "account_id", "public_key", name=op.f("uq_files_account_id_public_key")
        ),
    )
    op.create_index(
        "ix_files_account_id_kind_id", "files", ["account_id", "kind", "id"], unique=False
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
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
            name=op.f("fk_idempotency_keys_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint("account_id", "key", name=op.f("uq_idempotency_keys_account_id_key")),
    )
    op.create_table(
        "inbound_messages",
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("mail_from", sa.Text(), nullable=False),
        sa.Column("rcpt_to", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="new", nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column(
            "detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('bounce', 'unsubscribe')", name=op.f("ck_inbound_messages_purpose")
        ),
        sa.CheckConstraint("state IN ('new', 'done')", name=op.f("ck_inbound_messages_state")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_inbound_messages_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_inbound_messages")),
    )
    op.create_index(
        "ix_inbound_messages_new",
        "inbound_messages",
        ["account_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'new'"),
    )
    op.create_table(
        "late_outcomes",
        sa.Column("broadcast_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("is_hard", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("kind IN ('bounced', 'complained')", name=op.f("ck_late_outcomes_kind")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_late_outcomes_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_late_outcomes")),
        sa.UniqueConstraint(
            "account_id",
            "broadcast_id",
            "seq",
            "kind",
            name=op.f("uq_late_outcomes_account_id_broadcast_id_seq_kind"),
        ),
    )
    op.create_table(
        "lists",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("is_public", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("consent_text", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_into_id", sa.BigInteger(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_lists_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "merged_into_id"],
            ["lists.account_id", "lists.id"],
            name=op.f("fk_lists_account_id_merged_into_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_lists")),
        sa.UniqueConstraint(
            "account_id", "public_key", name=op.f("uq_lists_account_id_public_key")
        ),
    )
    op.create_table(
        "mailbox_messages",
        sa.Column("mail_from", sa.Text(), nullable=False),
        sa.Column("rcpt_to", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), server_default="", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_mailbox_messages_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_mailbox_messages")),
    )
    op.create_index(
        "ix_mailbox_messages_broadcast_id",
        "mailbox_messages",
        ["account_id", "broadcast_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_mailbox_messages_rcpt_to",
        "mailbox_messages",
        ["account_id", "rcpt_to", "id"],
        unique=False,
    )
    op.create_table(
        "memberships",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "role IN ('owner', 'manager', 'editor', 'viewer')", name=op.f("ck_memberships_role")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_memberships_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_memberships_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "user_id", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"], unique=False)
    op.create_table(
        "notices",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("mail_from", sa.Text(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("transport_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("code", sa.SmallInteger(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column(
            "next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'sent', 'failed')", name=op.f("ck_notices_state")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_notices_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_notices")),
    )
    op.create_index(
        "ix_notices_due",
        "notices",
        ["next_at", "account_id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_table(
        "sign_in_links",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "purpose IN ('sign_in', 'reset', 'invite')", name=op.f("ck_sign_in_links_purpose")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sign_in_links_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_links_token_hash")),
    )
    op.create_index("ix_sign_in_links_user_id", "sign_in_links", ["user_id"], unique=False)
    op.create_table(
        "suppressions",
        sa.Column("email", sa.Text(collation="C"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("evidence", sa.Text(), server_default="", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint(
            "reason IN ('bounce', 'complaint', 'unsubscribe', 'manual', 'import', 'erased')",
            name=op.f("ck_suppressions_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_suppressions_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_suppressions")),
        sa.UniqueConstraint("account_id", "email", name=op.f("uq_suppressions_account_id_email")),
    )
    op.create_index(
        "ix_suppressions_account_id_created_at",
        "suppressions",
        ["account_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "templates",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("preheader", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("kind IN ('html', 'mjml', 'text')", name=op.f("ck_templates_kind")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_templates_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_templates")),
    )
    op.create_table(
        "transports",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.BigInteger(), nullable=False),
        sa.Column("tls", sa.Text(), server_default="starttls", nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("password", sa.Text(), server_default="", nullable=False),
        sa.Column("max_connections", sa.BigInteger(), server_default="10", nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint(
            "tls IN ('none', 'starttls', 'required', 'tls')", name=op.f("ck_transports_tls")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_transports_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_transports")),
    )
    op.create_index(
        "uq_transports_account_id_default",
        "transports",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "broadcast_lists",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("broadcast_id", sa.BigInteger(), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.Text(), server_default="include", nullable=False),
        sa.CheckConstraint("side IN ('include', 'exclude')", name=op.f("ck_broadcast_lists_side")),
        sa.ForeignKeyConstraint(
            ["account_id", "broadcast_id"],
            ["broadcasts.account_id", "broadcasts.id"],
            name=op.f("fk_broadcast_lists_account_id_broadcast_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "list_id"],
            ["lists.account_id", "lists.id"],
            name=op.f("fk_broadcast_lists_account_id_list_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "broadcast_id", "list_id", name=op.f("pk_broadcast_lists")
        ),
    )
    op.create_index(
        "ix_broadcast_lists_account_id_list_id",
        "broadcast_lists",
        ["account_id", "list_id"],
        unique=False,
    )
    op.create_table(
        "file_chunks",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "file_id"],
            ["files.account_id", "files.id"],
            name=op.f("fk_file_chunks_account_id_file_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "file_id", "number", name=op.f("pk_file_chunks")),
    )
    op.create_table(
        "imports",
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "dialect", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column(
            "mapping", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column(
            "preview", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("update_existing", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("checkpoint", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("bytes_read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("subscribed_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("kept_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint(
            "state IN ('mapping', 'waiting', 'running', 'finished', 'cancelled', 'failed')",
            name=op.f("ck_imports_state"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "file_id"],
            ["files.account_id", "files.id"],
            name=op.f("fk_imports_account_id_file_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_imports_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_imports")),
    )
    op.create_index(
        "ix_imports_due",
        "imports",
        ["account_id", "lease_until"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsubscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsubscribed_broadcast_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'subscribed', 'unsubscribed')",
            name=op.f("ck_subscriptions_state"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "contact_id"],
            ["contacts.account_id", "contacts.id"],
            name=op.f("fk_subscriptions_account_id_contact_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "list_id"],
            ["lists.account_id", "lists.id"],
            name=op.f("fk_subscriptions_account_id_list_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "list_id", "contact_id", name=op.f("pk_subscriptions")
        ),
    )
    op.create_index(
        "ix_subscriptions_account_id_contact_id",
        "subscriptions",
        ["account_id", "contact_id"],
        unique=False,
    )
    op.create_table(
        "import_rejections",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("row_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("row_values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "import_id"],
            ["imports.account_id", "imports.id"],
            name=op.f("fk_import_rejections_account_id_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "import_id", "row_number", name=op.f("pk_import_rejections")
        ),
    )


def upgrade() -> None:
    _tables()
    for sql in (WINDOWS, PARTITIONS, STOPS):
        op.execute(sa.DDL(sql.replace("%", "%%")))
    _secure(context.config.attributes["app_role"])
