"""Finds a domain's destination: MX, addresses, TLSA and MTA-STS, asked for side by side."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from esp.errors import N_
from esp.senders.mx import answers, sts
from esp.senders.mx.answers import Answer, Exchange
from esp.senders.mx.destination import (
    Demand,
    Destination,
    Host,
    Undeliverable,
    Unresolved,
    site_of,
)
from esp.senders.mx.fetch import Fetcher
from esp.senders.mx.policies import Kept
from esp.senders.mx.questions import Questions
from esp.senders.mx.rollup import provider_of_host
from esp.senders.mx.tlsa import DANE_TA, is_usable

log = logging.getLogger(__name__)

# What is found counts at least and at most so long, in seconds, whatever its TTL says.
SHORTEST, LONGEST = 300, 86_400
_MOST_ADDRESSES = 8
_SMTP = 25


@dataclass(frozen=True)
class World:
    """Whom to ask; `own_names` are ours, `port` is the receivers' (another than 25: a trial)."""

    questions: Questions
    fetcher: Fetcher
    own_names: frozenset[str] = frozenset()
    port: int = _SMTP


@dataclass(frozen=True, slots=True)
class Found:
    """A destination, and the policy that was fetched for it."""

    destination: Destination
    fetched: Kept | None = None


@dataclass(frozen=True, slots=True)
class _Looked:
    """A host that was looked at; `broken`: what it demands can't be said now."""

    host: Host
    ttl: int
    broken: bool = False


async def find(
    world: World, domain: str, kept: Kept | None, now: datetime, *, addresses: bool = True
) -> Found:
    """Raises Undeliverable or Unresolved. Without `addresses`, only what hosts and site need."""
    domain = answers.ascii_domain(domain)
    asked, policy = await asyncio.gather(
        world.questions.ask(domain, "MX"), _policy(world, domain, kept, now)
    )
    chance = random.Random()
    exchanges = answers.exchanges(domain, asked, world.own_names, chance)
    looked = await asyncio.gather(
        *(_look(world, domain, one, asked.secure, addresses) for one in exchanges)
    )
    promised = _under_policy(domain, [one.host for one in looked], policy)
    hosts = _usable(promised, looked, addresses)
    ttl = min([asked.ttl, *(one.ttl for one in looked)])
    until = now + timedelta(seconds=min(LONGEST, max(SHORTEST, ttl)))
    best = min(host.name for host in promised if host.rank == promised[0].rank)
    # Also of hosts that are out of reach just now: a site's name does not come and go with them.
    site = site_of(promised)
    destination = Destination(domain, hosts, site, provider_of_host(best), until)
    return Found(destination, policy if policy is not kept else None)


async def addresses_of(world: World, name: str) -> tuple[tuple[str, ...], list[Answer]]:
    """Where `name` is, IPv4 first, and what was answered; a trial reaches this machine too."""
    both = await asyncio.gather(world.questions.ask(name, "A"), world.questions.ask(name, "AAAA"))
    trial = world.port != _SMTP
    found = [one for answer in both for one in answer.records]
    reachable = [one for one in found if answers.is_reachable(one, trial=trial)]
    return tuple(reachable[:_MOST_ADDRESSES]), list(both)


# -- hosts ------------------------------------------------------------------------------------


async def _look(
    world: World, domain: str, exchange: Exchange, secure: bool, addresses: bool
) -> _Looked:
    host = Host(exchange.name, world.port, exchange.rank)
    literal = answers.as_address(exchange.name)
    if literal is not None:
        reachable = answers.is_reachable(literal, trial=world.port != _SMTP)
        return _Looked(replace(host, addresses=(literal,) if reachable else ()), LONGEST)
    if not (addresses or secure):
        return _Looked(host, LONGEST)
    where, both = await addresses_of(world, exchange.name)
    failed = any(answer.state == "failed" for answer in both)
    host = replace(host, addresses=where)
    ttl = min((answer.ttl for answer in both if answer.state == "found"), default=LONGEST)
    if not where:
        return _Looked(host, ttl, broken=failed)
    # TLS-04: of each link of the chain the resolver must have said that it is authentic.
    known = [answer for answer in both if answer.state == "found"]
    if not (secure and all(answer.secure for answer in known)):
        return _Looked(host, ttl)
    return await _with_tlsa(world, domain, _Looked(host, ttl), known[0].name)


async def _with_tlsa(world: World, domain: str, looked: _Looked, alias_of: str) -> _Looked:
    """RFC 7672 §2.2.2: under the name that the aliases led to, else under the one in the MX."""
    host = looked.host
    for name in dict.fromkeys((alias_of or host.name, host.name)):
        answer = await world.questions.ask(f"_{host.port}._tcp.{name}", "TLSA")
        if answer.state == "failed":
            return replace(looked, host=replace(host, demand=Demand("dane")), broken=True)
        if answer.state == "found" and answer.secure:
            usable = tuple(one for one in answer.records if is_usable(one))
            anchored = any(one.usage == DANE_TA for one in usable)
            names = tuple(dict.fromkeys((name, host.name, domain))) if anchored else ()
            demand = Demand("dane", usable, names)
            return _Looked(replace(host, demand=demand), min(looked.ttl, answer.ttl))
    return looked


def _usable(
    promised: Sequence[Host], looked: Sequence[_Looked], addresses: bool
) -> tuple[Host, ...]:
    """Those that can be reached; a host whose demands are unknown gets nothing (TLS-04)."""
    broken = {one.host.name for one in looked if one.broken}
    hosts = tuple(
        host for host in promised if host.name not in broken and (host.addresses or not addresses)
    )
    if hosts:
        return hosts
    if broken:
        raise Unresolved(N_("The name servers of the domain's hosts did not answer."))
    raise Undeliverable(550, "5.4.4", N_("None of the domain's hosts has an address."))


# -- MTA-STS ----------------------------------------------------------------------------------


def _under_policy(domain: str, hosts: Sequence[Host], kept: Kept | None) -> tuple[Host, ...]:
    """What an enforced policy leaves; DANE stands above it, never beside it (TLS-03, TLS-05)."""
    if kept is None or kept.policy.mode == "none":
        return tuple(hosts)
    strange = [
        host
        for host in hosts
        if host.demand.kind != "dane" and not sts.takes(kept.policy, host.name)
    ]
    if kept.policy.mode == "testing":
        for host in strange:
            log.info("The TLS policy that %s tests does not name %s", domain, host.name)
        return tuple(hosts)
    left = tuple(
        host if host.demand.kind == "dane" else replace(host, demand=Demand("sts"))
        for host in hosts
        if host not in strange
    )
    if not left:
        raise Unresolved(N_("The domain's TLS policy names none of its hosts."), "4.7.5")
    return left


async def _policy(world: World, domain: str, kept: Kept | None, now: datetime) -> Kept | None:
    """The policy that binds us: `kept`, or a newer one that was fetched."""
    if kept is not None and not kept.holds(now):
        kept = None
    answer = await world.questions.ask(f"_mta-sts.{domain}", "TXT")
    wanted = sts.policy_id(answer.records)
    if wanted is None or (kept is not None and kept.is_current(wanted, now)):
        return kept
    host = f"mta-sts.{domain}"
    where, _both = await addresses_of(world, host)
    policy = await world.fetcher.fetch(host, where) if where else None
    return kept if policy is None else Kept(wanted, policy, now)
