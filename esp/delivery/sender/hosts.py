"""Where the loop asks for the hosts of a domain."""

from __future__ import annotations

from datetime import datetime

from esp.delivery.smtp.exchanges import exchanges
from esp.delivery.smtp.resolve import ResolveMx
from esp.runtime import Runtime
from esp.senders.mx import Destination, Resolver, resolve


def hosts_of(runtime: Runtime) -> ResolveMx:
    """The servers that take a domain's mail; asked in threads of the loop's resolver."""
    resolver = Resolver.of(runtime.settings, runtime.transaction)

    def find(domain: str, now: datetime) -> Destination:
        return resolve(resolver, domain, now)

    return exchanges(find, runtime.clock)
