"""(pure) Where a domain's mail goes: its hosts, what each demands of TLS, and one name for all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal

from esp.senders.mx.tlsa import Tlsa, verify

DemandKind = Literal["opportunistic", "sts", "dane"]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a host must show before it gets mail.

    "opportunistic": nothing, encrypted where it can be (TLS-01). "sts": a certificate of a known
    authority in its name, and "dane": one that `verify` takes; else never in clear, but deferred.
    """

    kind: DemandKind = "opportunistic"
    tlsa: tuple[Tlsa, ...] = ()
    # Which a certificate under an authority that TLSA names (usage 2) may bear.
    names: tuple[str, ...] = ()

    def verify(self, chain: Sequence[bytes], now: datetime) -> bool:
        """Whether a "dane" host's certificates (DER, its own first) are those that TLSA names."""
        return verify(self.tlsa, self.names, chain, now)


@dataclass(frozen=True, slots=True)
class Host:
    """A receiving host; `rank` counts up where the preference does, equal ones may be swapped."""

    name: str
    port: int
    rank: int
    addresses: tuple[str, ...] = ()
    demand: Demand = Demand()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where mail for `domain` goes, hosts in the order to try them, until `expires_at`."""

    domain: str
    hosts: tuple[Host, ...]
    site: str
    provider: str
    expires_at: datetime


class Undeliverable(Exception):
    """No mail can ever be delivered there: final, without connecting (SMTP-13, SMTP-14)."""

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        self.code = code
        self.enhanced = enhanced
        self.text = text
        super().__init__(text)


class Unresolved(Exception):
    """It can't be said now where mail goes: later perhaps (4.4.3, or 4.7.5 where TLS forbids)."""

    def __init__(self, text: str, enhanced: str = "4.4.3") -> None:
        self.text = text
        self.enhanced = enhanced
        super().__init__(text)


def site_of(hosts: Sequence[Host]) -> str:
    """Equal exactly for domains whose mail may share connections, however hosts are shuffled."""
    ranks = groupby(sorted(hosts, key=lambda host: host.rank), key=lambda host: host.rank)
    parts = [sorted(map(_one, group)) for _rank, group in ranks]
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:20]
    return f"{min(host.name for host in hosts if host.rank == hosts[0].rank)}#{digest}"


def _one(host: Host) -> str:
    demand = host.demand
    tlsa = sorted((one.usage, one.selector, one.matching, one.data.hex()) for one in demand.tlsa)
    return repr((host.name, host.port, demand.kind, tlsa, sorted(demand.names)))
