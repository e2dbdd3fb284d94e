"""The domains of an account's people."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

# Each step finds the next one in the index: as many steps as domains, however many people.
_AFTER = text("""
    WITH RECURSIVE found(domain) AS (
        SELECT min(domain) FROM contacts WHERE account_id = :account_id AND domain > :after
        UNION ALL
        SELECT (SELECT min(c.domain) FROM contacts c
            WHERE c.account_id = :account_id AND c.domain > found.domain)
        FROM found WHERE found.domain IS NOT NULL
    )
    SELECT domain FROM found WHERE domain IS NOT NULL LIMIT :limit
""")


def after(session: Session, account_id: int, domain: str, limit: int) -> list[str]:
    """The next `limit` domains behind `domain`, in the database's order."""
    values = {"account_id": account_id, "after": domain, "limit": limit}
    return list(session.scalars(_AFTER, values))
