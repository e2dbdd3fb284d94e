"""Where the mail of domains goes, as far as it was looked up; a short memory before the table."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from esp.delivery.sender.routes import Route
from esp.senders import providers
from esp.senders.mx.receivers import lookup

_KEPT = timedelta(minutes=5)
_MOST = 100_000

# The provider's number and the site's name; "" where nobody has looked.
Site = tuple[int, str]


class Sites:
    """One for each sending process."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[str, Site] = {}
        self._since = clock()
        self._domains: dict[Route, str] = {}
        self._other = 0

    def of(self, session: Session, domains: Collection[str]) -> dict[str, Site]:
        """All of `domains`; in one query what is not remembered."""
        now = self._clock()
        if now - self._since > _KEPT or len(self._known) > _MOST:
            self._known.clear()
            self._since = now
        missing = [domain for domain in domains if domain not in self._known]
        if missing:
            found = lookup(session, missing, now)
            other = self._other = self._other or providers.provider_id(session, providers.OTHER)
            self._known.update({domain: found.get(domain, (other, "")) for domain in missing})
        return {domain: self._known[domain] for domain in domains}

    def remember(self, route: Route, domain: str) -> None:
        """A domain that stands for all whose mail goes in this lane."""
        self._domains.setdefault(route, domain)

    def domain_of(self, route: Route) -> str:
        return self._domains[route]

    def forget(self, route: Route) -> None:
        self._domains.pop(route, None)
