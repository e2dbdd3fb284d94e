"""Who would get a broadcast at this moment, and why the others would not."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.senders import providers


@dataclass(frozen=True)
class Funnel:
    """How many people the lists hold, and what becomes of them; each person counts once."""

    matched: int
    pending: int
    unsubscribed: int
    no_address: int
    suppressed: int
    excluded: int
    # How often somebody is on one more of the lists; counted once all the same.
    duplicates: int = 0

    @property
    def final(self) -> int:
        """Those who would get it now."""
        return (
            self.matched
            - self.pending
            - self.unsubscribed
            - self.no_address
            - self.suppressed
            - self.excluded
        )


_FUNNEL = text("""
    WITH people AS (
        SELECT contact_id, min(CASE state WHEN 'subscribed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END)
            AS best, count(*) - 1 AS again
        FROM subscriptions WHERE account_id = :account_id AND list_id = ANY(:include)
        GROUP BY contact_id
    ), judged AS (
        SELECT CASE
            WHEN p.best = 2 THEN 'pending' WHEN p.best = 3 THEN 'unsubscribed'
            WHEN c.email IS NULL THEN 'no_address'
            WHEN EXISTS (SELECT FROM suppressions x
                WHERE x.account_id = :account_id AND x.email = c.email) THEN 'suppressed'
            WHEN EXISTS (SELECT FROM subscriptions o
                WHERE o.account_id = :account_id AND o.contact_id = c.id
                AND o.list_id = ANY(:exclude) AND o.state = 'subscribed') THEN 'excluded'
            ELSE 'final' END AS fate, p.again
        FROM people p JOIN contacts c ON c.account_id = :account_id AND c.id = p.contact_id
    )
    SELECT fate, count(*), sum(again) FROM judged GROUP BY fate
""")


def funnel(session: Session, account_id: int, include: list[int], exclude: list[int]) -> Funnel:
    """What the audience would be at this moment."""
    rows = session.execute(
        _FUNNEL, {"account_id": account_id, "include": include, "exclude": exclude}
    ).all()
    found = {fate: int(number) for fate, number, _again in rows}
    names = ("pending", "unsubscribed", "no_address", "suppressed", "excluded")
    return Funnel(
        sum(found.values()),
        **{name: found.get(name, 0) for name in names},
        duplicates=sum(int(again) for _fate, _number, again in rows),
    )


_BY_PROVIDER = text("""
    WITH people AS (
        SELECT DISTINCT contact_id FROM subscriptions
        WHERE account_id = :account_id AND list_id = ANY(:include) AND state = 'subscribed'
    )
    SELECT coalesce(v.name, k.name, :other) AS provider, count(*)
    FROM people p JOIN contacts c ON c.account_id = :account_id AND c.id = p.contact_id
    LEFT JOIN domain_providers d ON d.domain = c.domain
    LEFT JOIN providers v ON v.id = d.provider_id
    LEFT JOIN unnest(CAST(:domains AS text[]), CAST(:names AS text[])) AS k (domain, name)
        ON k.domain = c.domain AND d.domain IS NULL
    WHERE c.email IS NOT NULL AND NOT EXISTS (SELECT FROM suppressions x
            WHERE x.account_id = :account_id AND x.email = c.email)
        AND NOT EXISTS (SELECT FROM subscriptions o
            WHERE o.account_id = :account_id AND o.contact_id = c.id
            AND o.list_id = ANY(:exclude) AND o.state = 'subscribed')
    GROUP BY 1 ORDER BY 2 DESC, 1
""")


def by_provider(
    session: Session, account_id: int, include: list[int], exclude: list[int]
) -> list[tuple[str, int]]:
    """Those who would get it at this moment by provider, as far as it is known; most first."""
    known = providers.KNOWN_DOMAINS
    rows = session.execute(
        _BY_PROVIDER,
        {
            "account_id": account_id,
            "include": include,
            "exclude": exclude,
            "domains": list(known),
            "names": list(known.values()),
            "other": providers.OTHER,
        },
    )
    return [(name, int(number)) for name, number in rows]
