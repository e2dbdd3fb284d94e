"""(pure) The SQL that puts a table under row-level security, for migrations."""

from __future__ import annotations

# The account of the transaction; an empty setting (a pooled connection's next use) is no account.
CURRENT_ACCOUNT = "NULLIF(current_setting('esp.account_id', true), '')::bigint"


def protect(table: str, *, column: str = "account_id") -> str:
    """SQL after which roles other than the owner see only rows of the transaction's account."""
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY of_account ON {table}"
        f" USING ({column} = {CURRENT_ACCOUNT}) WITH CHECK ({column} = {CURRENT_ACCOUNT});"
    )


def grant(table: str, role: str, privileges: str = "SELECT, INSERT, UPDATE, DELETE") -> str:
    """SQL that lets the application's role use `table` itself, never its partitions."""
    return f'GRANT {privileges} ON {table} TO "{role}";'
