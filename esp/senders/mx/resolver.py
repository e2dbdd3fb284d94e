"""Destinations for those who send: one at a time from any thread, or hundreds at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from esp.config import Settings
from esp.errors import N_
from esp.senders.mx.destination import Destination, Undeliverable, Unresolved
from esp.senders.mx.fetch import Fetcher
from esp.senders.mx.find import Found, World, find
from esp.senders.mx.policies import Kept, Policies
from esp.senders.mx.questions import Questions

log = logging.getLogger(__name__)

_AT_ONCE = 100

# A domain that takes no mail, or of which nothing can be said now, has no destination.
Result = Destination | Undeliverable | Unresolved


@dataclass(frozen=True)
class Resolver:
    """What a process keeps: whom to ask, and which TLS policies are known."""

    world: World
    policies: Policies

    @classmethod
    def of(
        cls,
        settings: Settings,
        transaction: Callable[[None], AbstractContextManager[Session]],
        own_names: Collection[str] = (),
    ) -> Resolver:
        """`own_names` are more names of ours beside those in the settings."""
        ours = {urlsplit(settings.public_url).hostname or "", settings.bounce_domain, *own_names}
        world = World(
            Questions(settings.dns),
            Fetcher(),
            frozenset(name.lower() for name in ours if name),
            settings.mx_port,
        )
        return cls(world, Policies(transaction))


def resolve(resolver: Resolver, domain: str, now: datetime) -> Destination:
    """Where mail for `domain` goes; raises Undeliverable or Unresolved. Blocks: not in a loop."""
    kept = resolver.policies.read([domain]).get(domain)
    found = asyncio.run(find(resolver.world, domain, kept, now))
    if found.fetched is not None:
        resolver.policies.keep({domain: found.fetched})
    return found.destination


def resolve_all(
    resolver: Resolver, domains: Collection[str], now: datetime, seconds: float
) -> dict[str, Result]:
    """What is known of `domains` after at most `seconds`, those named first asked first."""
    kept = resolver.policies.read(domains)

    found = asyncio.run(_before(seconds, resolver.world, domains, kept, now))
    fetched = {
        domain: result.fetched
        for domain, result in found.items()
        if isinstance(result, Found) and result.fetched is not None
    }
    resolver.policies.keep(fetched)
    return {
        domain: result.destination if isinstance(result, Found) else result
        for domain, result in found.items()
    }


async def _before(
    seconds: float,
    world: World,
    domains: Collection[str],
    kept: Mapping[str, Kept],
    now: datetime,
) -> dict[str, Found | Undeliverable | Unresolved]:
    found: dict[str, Found | Undeliverable | Unresolved] = {}
    waiting = iter(domains)

    async def work() -> None:
        for domain in waiting:
            try:
                found[domain] = await find(world, domain, kept.get(domain), now, addresses=False)
            except (Undeliverable, Unresolved) as answer:
                found[domain] = answer
            except Exception:
                # One stranger's zone must not keep all others from being looked up.
                log.exception("The receivers of %s can't be looked up", domain)
                found[domain] = Unresolved(N_("The domain's name servers did not answer."))

    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for _worker in range(min(_AT_ONCE, len(domains))):
                group.create_task(work())
    return found
