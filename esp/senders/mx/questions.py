"""Questions to the DNS, by dnspython; answers are plain values, whatever goes wrong is one too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.nameserver
import dns.resolver
import dns.reversename

from esp.config import nameserver
from esp.senders.mx.answers import Answer
from esp.senders.mx.tlsa import Tlsa

# Seconds for one try at one name server, and for a question in all.
_TRY, _LIFETIME = 2.0, 6.0
_CACHED = 20_000
# What a zone may burden us with.
_MOST_RECORDS = 100


class Questions:
    """The name servers of ESP_DNS, or the system's; answers are remembered as long as they say."""

    def __init__(self, nameservers: Sequence[str] = (), *, lifetime: float = _LIFETIME) -> None:
        self._nameservers = nameservers
        self._lifetime = lifetime
        self._cache = dns.resolver.LRUCache(_CACHED)
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def ask(self, name: str, kind: str) -> Answer:
        """One question; whatever goes wrong is a "failed" answer."""
        try:
            resolver = self._made()
            found = await resolver.resolve(
                dns.name.from_text(name), kind, raise_on_no_answer=False, search=False
            )
        except dns.resolver.NXDOMAIN as absent:
            return Answer("absent", ttl=_negative_ttl(absent))
        except (dns.exception.DNSException, OSError, ValueError):
            return Answer("failed")
        secure = bool(found.response.flags & dns.flags.AD)
        where = _name(found.canonical_name)
        # dnspython remembers until when, by this clock.
        left = max(0, int(found.expiration - time.time()))
        if found.rrset is None:
            return Answer("empty", secure=secure, ttl=left, name=where)
        read = _READ[kind]
        records = tuple(map(read, list(found.rrset)[:_MOST_RECORDS]))
        return Answer("found", records, secure, left, where)

    async def names_of(self, address: str) -> Answer:
        """The names that the address's PTR records give it."""
        return await self.ask(dns.reversename.from_address(address).to_text(), "PTR")

    def _made(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                resolver.nameservers = [
                    dns.nameserver.Do53Nameserver(*nameserver(one)) for one in self._nameservers
                ]
            resolver.timeout = min(_TRY, self._lifetime)
            resolver.lifetime = self._lifetime
            resolver.cache = self._cache
            # RFC 6840 §5.7: AD in the question asks whether the answer was validated.
            resolver.flags = dns.flags.RD | dns.flags.AD
            resolver.use_edns(0, 0, 1232)
            self._resolver = resolver
        return self._resolver


def _negative_ttl(absent: dns.resolver.NXDOMAIN) -> int:
    """As long as the zone's SOA says, where it came along (RFC 2308)."""
    responses = absent.kwargs.get("responses", {})
    ttls = [response.resolve_chaining().minimum_ttl for response in responses.values()]
    return int(min(ttls, default=0))


def _name(value: dns.name.Name) -> str:
    return value.to_text(omit_final_dot=True).lower().rstrip(".")


_READ: dict[str, Callable[[Any], Any]] = {
    "A": lambda rdata: str(rdata.address),
    "AAAA": lambda rdata: str(rdata.address),
    "CNAME": lambda rdata: _name(rdata.target),
    "PTR": lambda rdata: _name(rdata.target),
    "MX": lambda rdata: (int(rdata.preference), _name(rdata.exchange)),
    "TLSA": lambda rdata: Tlsa(
        int(rdata.usage), int(rdata.selector), int(rdata.mtype), bytes(rdata.cert)
    ),
    "TXT": lambda rdata: b"".join(rdata.strings),
}
