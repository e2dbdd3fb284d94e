"""From what DNS says of a mail domain to the hosts that the loop tries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from esp.delivery.smtp.envelope import Outcome
from esp.delivery.smtp.introduction import TlsMode
from esp.delivery.smtp.resolve import Host, NoHosts, ResolveMx
from esp.senders.mx.destination import DemandKind, Destination, Undeliverable, Unresolved
from esp.senders.mx.destination import Host as Exchange

_TLS: dict[DemandKind, TlsMode] = {
    "opportunistic": "starttls",
    "sts": "starttls-required",
    "dane": "starttls-required",
}


def exchanges(
    find: Callable[[str, datetime], Destination], clock: Callable[[], datetime]
) -> ResolveMx:
    """What a `Loop` is given as `resolve_mx`; `find` raises Undeliverable or Unresolved."""

    def resolve_mx(domain: str) -> list[Host]:
        try:
            destination = find(domain, clock())
        except Undeliverable as never:
            outcome = Outcome("failed", never.code, never.enhanced, never.text, "connect")
            raise NoHosts(outcome) from never
        except Unresolved as later:
            outcome = Outcome("deferred", 0, later.enhanced, later.text, "connect")
            raise NoHosts(outcome) from later
        return [_host(exchange, clock) for exchange in destination.hosts]

    return resolve_mx


def _host(exchange: Exchange, clock: Callable[[], datetime]) -> Host:
    demand = exchange.demand
    return Host(
        exchange.name,
        exchange.port,
        exchange.addresses,
        _TLS[demand.kind],
        (lambda chain: demand.verify(chain, clock())) if demand.kind == "dane" else None,
    )
