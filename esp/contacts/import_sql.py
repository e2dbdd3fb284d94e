"""(pure) The statements that bring a chunk of a contact file in, each for all its rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

# What every chunk has beside the columns that its file fills.
ROW_COLUMNS = (
    "number",
    "key",
    "email",
    "domain",
    "external_id",
    "status",
    "opted_in_at",
    "opted_in_ip",
    "source",
    "fields",
)

# Row-level security forbids COPY into a real table. In "C" order like contacts.email, or no join
# would find its index.
_TABLE = """
CREATE TEMPORARY TABLE import_rows (
    number bigint, key text, email text COLLATE "C", domain text, external_id text, status text,
    opted_in_at timestamptz, opted_in_ip text, source text, fields jsonb,
    contact_id bigint, is_new boolean NOT NULL DEFAULT false{more}
) ON COMMIT DROP
"""


def table(columns: Sequence[str]) -> str:
    """`columns` are those of contacts that this chunk fills besides address and identifier."""
    return _TABLE.format(more="".join(f", {name} {_type(name)}" for name in columns))


def copy(columns: Sequence[str]) -> str:
    """Takes rows in the order of ROW_COLUMNS and `columns`."""
    return f"COPY import_rows ({', '.join((*ROW_COLUMNS, *columns))}) FROM STDIN"


def _type(column: str) -> str:
    return "date" if column == "birth_date" else "text"


# The planner cannot know how many rows the part of a statement before it changes: without these
# indexes it may compare each with each. Few columns are analysed, because each takes its time.
INDEXES = (
    "CREATE INDEX ON import_rows (contact_id)",
    "CREATE INDEX ON import_rows (key)",
)
ANALYZE = "ANALYZE import_rows (email, external_id, key, contact_id)"

FIND_BY_EMAIL = """
UPDATE import_rows r SET contact_id = c.id FROM contacts c
WHERE c.account_id = :account_id AND c.email = r.email AND r.contact_id IS NULL
"""
FIND_BY_EXTERNAL_ID = """
UPDATE import_rows r SET contact_id = c.id FROM contacts c
WHERE c.account_id = :account_id AND c.external_id = r.external_id AND r.contact_id IS NULL
"""
# The address is one contact's, the identifier another's.
TAKE_OUT_TORN = """
DELETE FROM import_rows r USING contacts c
WHERE c.account_id = :account_id AND c.external_id = r.external_id AND r.contact_id <> c.id
RETURNING r.number
"""
# Two rows, one by its address and one by its identifier, mean one contact.
TAKE_OUT_DOUBLE = """
DELETE FROM import_rows a USING import_rows b
WHERE a.contact_id = b.contact_id AND a.number < b.number RETURNING a.number
"""
UNKNOWN_LEFT = "SELECT EXISTS (SELECT FROM import_rows WHERE contact_id IS NULL)"


def add_contacts(columns: Sequence[str]) -> str:
    """Makes those that are not there yet; who came in between is left for another look."""
    names = "".join(f", {name}" for name in columns)
    values = "".join(f", coalesce({name}, '')" if _type(name) == "text" else f", {name}"
                     for name in columns)  # fmt: skip
    return f"""
WITH added AS (
    INSERT INTO contacts (account_id, email, domain, external_id, fields, source, created_at,
        updated_at{names})
    SELECT :account_id, email, domain, external_id, coalesce(fields, '{{}}'), :source, :now,
        :now{values}
    FROM import_rows WHERE contact_id IS NULL ORDER BY number
    ON CONFLICT DO NOTHING
    RETURNING id, coalesce(email, chr(1) || external_id) AS key
)
UPDATE import_rows r SET contact_id = a.id, is_new = true FROM added a WHERE a.key = r.key
"""  # noqa: S608 -- names of columns come from a fixed list


# A file gives nobody a new address who must not be mailed at the old one.
_NEW_ADDRESS = """CASE WHEN r.email IS NULL OR r.email = c.email OR EXISTS (SELECT
    FROM suppressions x WHERE x.account_id = :account_id AND x.email = c.email)
    THEN c.{name} ELSE r.{name} END"""


def update_contacts(columns: Sequence[str]) -> str:
    """Overwrites with what a cell says; an empty cell overwrites nothing."""
    pairs = [(f"c.{name}", _NEW_ADDRESS.format(name=name)) for name in ("email", "domain")]
    pairs += [(f"c.{name}", f"coalesce(r.{name}, c.{name})") for name in ("external_id", *columns)]
    pairs.append(("c.fields", "c.fields || coalesce(r.fields, '{}')"))
    sets = ", ".join(f"{old.removeprefix('c.')} = {new}" for old, new in pairs)
    olds, news = ", ".join(old for old, _ in pairs), ", ".join(new for _, new in pairs)
    return f"""
UPDATE contacts c SET {sets}, updated_at = :now FROM import_rows r
WHERE c.account_id = :account_id AND c.id = r.contact_id AND NOT r.is_new
AND ({olds}) IS DISTINCT FROM ({news})
"""  # noqa: S608 -- names of columns come from a fixed list


# Who asked not to be mailed where the file comes from is never mailed here. Without a list there is
# nothing to be unsubscribed from, so that wish is kept here as well.
SUPPRESS = """
INSERT INTO suppressions (account_id, email, reason, source, evidence, actor, created_at)
SELECT :account_id, c.email, 'import', :import_source, r.status, :actor, :now
FROM import_rows r JOIN contacts c ON c.account_id = :account_id AND c.id = r.contact_id
WHERE c.email IS NOT NULL AND r.status = ANY(:statuses) ORDER BY c.email
ON CONFLICT DO NOTHING
"""

# LAW-06: a file adds people and takes people off; it brings nobody back and confirms nobody.
SUBSCRIBE = """
WITH wanted AS MATERIALIZED (
    SELECT r.contact_id, r.opted_in_at, coalesce(r.source, :source) AS source,
        CASE WHEN r.status IN ('', 'subscribed') THEN 'subscribed' WHEN r.status = 'pending'
            THEN 'pending' ELSE 'unsubscribed' END AS state,
        s.state AS before,
        EXISTS (SELECT FROM suppressions x
            WHERE x.account_id = :account_id AND x.email = c.email) AS suppressed
    FROM import_rows r JOIN contacts c ON c.account_id = :account_id AND c.id = r.contact_id
    LEFT JOIN subscriptions s ON s.account_id = :account_id AND s.list_id = :list_id
        AND s.contact_id = r.contact_id
), changed AS (
    INSERT INTO subscriptions AS t (account_id, list_id, contact_id, state, source, created_at,
        changed_at, confirmed_at, unsubscribed_at)
    SELECT :account_id, :list_id, contact_id, state, source, :now, :now,
        CASE WHEN state = 'subscribed' THEN opted_in_at END,
        CASE WHEN state = 'unsubscribed' THEN CAST(:now AS timestamptz) END
    FROM wanted
    WHERE state = 'unsubscribed' AND before IS DISTINCT FROM 'unsubscribed'
        OR before IS NULL AND NOT suppressed
    ORDER BY contact_id
    ON CONFLICT (account_id, list_id, contact_id) DO UPDATE
    SET state = 'unsubscribed', changed_at = EXCLUDED.changed_at,
        unsubscribed_at = EXCLUDED.unsubscribed_at
    WHERE EXCLUDED.state = 'unsubscribed' AND t.state <> 'unsubscribed'
    RETURNING contact_id, state
), proofs AS (
    INSERT INTO consents (account_id, contact_id, list_id, action, source, wording, ip, at)
    SELECT :account_id, n.contact_id, :list_id,
        CASE n.state WHEN 'unsubscribed' THEN 'unsubscribe' ELSE 'subscribe' END, :import_source,
        coalesce(r.source, :source), coalesce(r.opted_in_ip, ''), coalesce(r.opted_in_at, :now)
    FROM changed n JOIN import_rows r USING (contact_id)
), told AS (
    INSERT INTO events (account_id, at, kind, contact_id, list_id, detail)
    SELECT :account_id, :now, state, contact_id, :list_id, CAST(:detail AS jsonb)
    FROM changed WHERE state = 'unsubscribed'
)
SELECT (SELECT count(*) FROM changed WHERE state = 'subscribed'),
    (SELECT count(*) FROM wanted
        WHERE state <> 'unsubscribed' AND (suppressed OR before = 'unsubscribed'))
"""

REJECT = """
INSERT INTO import_rejections (account_id, import_id, row_number, reason, row_values)
SELECT :account_id, :import_id, r.number, r.reason, r.row_values
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (number bigint, reason text, row_values jsonb)
"""

ADVANCE = """
UPDATE imports SET checkpoint = CAST(:checkpoint AS jsonb), bytes_read = :bytes_read,
    rows_read = rows_read + :rows, created_count = created_count + :created,
    updated_count = updated_count + :updated, unchanged_count = unchanged_count + :unchanged,
    subscribed_count = subscribed_count + :subscribed, kept_count = kept_count + :kept,
    rejected_count = rejected_count + :rejected, lease_until = :lease_until
WHERE account_id = :account_id AND id = :import_id
"""


def suppressing(has_list: bool) -> Collection[str]:
    """Statuses of rows that put an address on the suppression list."""
    final = ["blocked", "bounced", "complained"]
    return final if has_list else [*final, "unsubscribed"]
