"""The table of domains: which provider takes a domain's mail, and at which site."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.errors import N_
from esp.senders import providers
from esp.senders.mx.destination import Destination, Undeliverable, Unresolved
from esp.senders.mx.resolver import Resolver, Result, resolve

Transaction = Callable[[None], AbstractContextManager[Session]]

# When a domain that takes no mail, or of which nothing could be said, is asked for again.
_NEVER, _LATER = timedelta(hours=1), timedelta(minutes=5)

_STALE = text("""
    SELECT asked.domain
    FROM unnest(CAST(:domains AS text[])) WITH ORDINALITY AS asked(domain, place)
    LEFT JOIN domain_providers d ON d.domain = asked.domain
    WHERE d.domain IS NULL OR d.expires_at IS NULL OR d.expires_at <= :now
    ORDER BY d.checked_at IS NOT NULL, asked.place
""")
_LOOKUP = text("""
    SELECT domain, provider_id, CASE WHEN expires_at > :now THEN site ELSE '' END
    FROM domain_providers WHERE domain = ANY(:domains)
""")
_MEMBERS = text("""
    SELECT domain FROM domain_providers
    WHERE site = :site AND domain <> :domain AND expires_at > :now ORDER BY random() LIMIT 3
""")
# What is not known now leaves the provider that was known, but no site: hosts may have moved.
_KEEP = text("""
    INSERT INTO domain_providers AS known (domain, provider_id, site, checked_at, expires_at)
    SELECT n.domain, n.provider_id, n.site, CASE WHEN n.found THEN :now END, n.expires_at
    FROM unnest(CAST(:domains AS text[]), CAST(:providers AS bigint[]), CAST(:sites AS text[]),
        CAST(:found AS boolean[]), CAST(:expires AS timestamptz[]))
        AS n(domain, provider_id, site, found, expires_at)
    ORDER BY n.domain
    ON CONFLICT (domain) DO UPDATE SET
        provider_id = CASE WHEN excluded.checked_at IS NULL THEN known.provider_id
            ELSE excluded.provider_id END,
        site = excluded.site,
        checked_at = coalesce(excluded.checked_at, known.checked_at),
        expires_at = excluded.expires_at
""")


def lookup(session: Session, domains: Collection[str], now: datetime) -> dict[str, tuple[int, str]]:
    """Provider and site of each domain that is known; a site that is out of date is ''."""
    rows = session.execute(_LOOKUP, {"domains": list(domains), "now": now})
    return {domain: (provider_id, site) for domain, provider_id, site in rows}


def stale(session: Session, domains: Sequence[str], now: datetime) -> list[str]:
    """Those to look up, in their order, but those never looked up first."""
    return list(session.scalars(_STALE, {"domains": list(domains), "now": now}))


class Finder:
    """What a sending process asks, in threads; each answer is kept for all others."""

    def __init__(self, resolver: Resolver, transaction: Transaction) -> None:
        self._resolver = resolver
        self._transaction = transaction

    def of_domain(self, domain: str, now: datetime) -> Destination:
        """Raises Undeliverable or Unresolved."""
        try:
            result: Result = resolve(self._resolver, domain, now)
        except (Undeliverable, Unresolved) as answer:
            result = answer
        with self._transaction(None) as session:
            keep(session, {domain: result}, now)
        if isinstance(result, Destination):
            return result
        raise result

    def of_site(self, site: str, domain: str, now: datetime) -> Destination:
        """The hosts of `site` as `domain`, or else another domain there, names them now.

        Whoever owns the one domain must not lead astray, nor bounce, the mail of all others that
        share the site: what it says counts only while it still says the same. Raises Unresolved.
        """
        found = self._still(site, domain, now)
        if found is not None:
            return found
        with self._transaction(None) as session:
            others = session.scalars(_MEMBERS, {"site": site, "domain": domain, "now": now}).all()
        for one in others:
            found = self._still(site, one, now)
            if found is not None:
                return found
        raise Unresolved(N_("The hosts of the domain have just changed."))

    def _still(self, site: str, domain: str, now: datetime) -> Destination | None:
        try:
            found = self.of_domain(domain, now)
        except (Undeliverable, Unresolved):
            return None
        return found if found.site == site else None


def keep(session: Session, results: Mapping[str, Result], now: datetime) -> None:
    """Write down what was looked up."""
    names = sorted({_provider(domain, result) for domain, result in results.items()})
    ids = providers.provider_ids(session, names)
    rows = sorted(results.items())
    session.execute(
        _KEEP,
        {
            "now": now,
            "domains": [domain for domain, _ in rows],
            "providers": [ids[_provider(domain, result)] for domain, result in rows],
            "sites": [r.site if isinstance(r, Destination) else "" for _, r in rows],
            "found": [isinstance(r, Destination | Undeliverable) for _, r in rows],
            "expires": [_expires(result, now) for _, result in rows],
        },
    )


def _provider(domain: str, result: Result) -> str:
    if isinstance(result, Destination):
        return result.provider
    return providers.OTHER if isinstance(result, Undeliverable) else providers.provider_of(domain)


def _expires(result: Result, now: datetime) -> datetime:
    if isinstance(result, Destination):
        return result.expires_at
    return now + (_NEVER if isinstance(result, Undeliverable) else _LATER)
