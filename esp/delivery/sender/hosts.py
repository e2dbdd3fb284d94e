"""Where the loop asks for the hosts of a domain, or of a site that several domains share."""

from __future__ import annotations

from datetime import datetime

from esp.delivery.sender.routes import Route
from esp.delivery.smtp.exchanges import exchanges
from esp.delivery.smtp.resolve import ResolveMx
from esp.runtime import Runtime
from esp.senders.mx import Destination, Resolver
from esp.senders.mx.receivers import Finder


def question(route: Route, domain: str) -> str:
    """What a lane asks: its domain, and the site that the domain stands for, if any."""
    return domain if route.site.startswith("@") else f"{domain} {route.site}"


def hosts_of(runtime: Runtime) -> ResolveMx:
    """The servers that take the mail; asked in threads of the loop's resolver."""
    finder = Finder(Resolver.of(runtime.settings, runtime.transaction), runtime.transaction)

    def find(asked: str, now: datetime) -> Destination:
        domain, _, site = asked.partition(" ")
        return finder.of_site(site, domain, now) if site else finder.of_domain(domain, now)

    return exchanges(find, runtime.clock)
