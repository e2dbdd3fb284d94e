"""(pure) What the DNS said, as plain values; and which hosts follow from it."""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import idna

from esp.errors import N_
from esp.senders.mx.destination import Undeliverable, Unresolved

# "absent": the name does not exist; "empty": it has no such record; "failed": nobody can say.
State = Literal["found", "empty", "absent", "failed"]

# More than any receiver of note names; a stranger's zone must not keep us busy.
MOST_HOSTS = 10
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*").fullmatch


@dataclass(frozen=True, slots=True)
class Answer:
    """`name` is where the aliases led; `secure`: the resolver validated all of it (AD bit).

    Records are strings for A, AAAA, CNAME and PTR, (preference, name) for MX, Tlsa for TLSA and
    octets for TXT, names without the closing dot; `ttl` is in seconds.
    """

    state: State
    records: tuple[Any, ...] = ()
    secure: bool = False
    ttl: int = 0
    name: str = ""


class Exchange(NamedTuple):
    """A host that a domain names, before its addresses are known."""

    name: str
    rank: int


def ascii_domain(domain: str) -> str:
    """The domain as A-labels in small letters (EAI-02); Undeliverable where it is none."""
    try:
        if not domain.isascii():
            domain = idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        domain = ""
    domain = domain.rstrip(".").lower()
    if len(domain) > 253 or not _NAME(domain):
        raise Undeliverable(550, "5.1.2", N_("The domain's name is not a name."))
    return domain


def exchanges(
    domain: str, answer: Answer, own: Collection[str], chance: random.Random
) -> tuple[Exchange, ...]:
    """The hosts to try, in order; equal preferences come in any order (SMTP-13, SMTP-14)."""
    if answer.state == "failed":
        raise Unresolved(N_("The domain's name servers did not answer."))
    if answer.state == "absent":
        raise Undeliverable(550, "5.1.2", N_("The domain does not exist."))
    if answer.state == "empty":
        # RFC 5321 §5.1: without any MX, the domain's own address takes its mail.
        found = [(0, domain)]
    else:
        found = sorted(answer.records)
        if any(name == "" for _preference, name in found):
            # RFC 7505 §3: beside others a null MX means nothing.
            found = [one for one in found if one[1]]
            if not found:
                raise Undeliverable(556, "5.1.10", N_("The domain takes no mail."))
    return _ordered(_before_us(_proper(found), own), chance)


def _proper(found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    named: dict[str, int] = {}
    for preference, name in found:
        if _NAME(name) and len(name) <= 253:
            named.setdefault(name.lower(), preference)
    if not named:
        raise Undeliverable(550, "5.1.2", N_("The domain names no host that could take its mail."))
    return [(preference, name) for name, preference in named.items()]


def _before_us(found: list[tuple[int, str]], own: Collection[str]) -> list[tuple[int, str]]:
    """RFC 5321 §5.1: what is as far as ourselves, or farther, would only send it back to us."""
    ours = [preference for preference, name in found if name in own]
    if not ours:
        return found
    nearer = [one for one in found if one[0] < min(ours)]
    if not nearer:
        raise Undeliverable(554, "5.4.6", N_("The domain's mail would come back to this system."))
    return nearer


def _ordered(found: list[tuple[int, str]], chance: random.Random) -> tuple[Exchange, ...]:
    ranks = {preference: rank for rank, preference in enumerate(sorted({p for p, _ in found}))}
    shuffled = sorted(found, key=lambda one: (one[0], chance.random()))
    return tuple(Exchange(name, ranks[preference]) for preference, name in shuffled[:MOST_HOSTS])


def as_address(name: str) -> str | None:
    """Some domains name an address where a host's name belongs; receivers tolerate it."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return None


def is_reachable(address: str, *, trial: bool) -> bool:
    """Whether a stranger's DNS may send us there; in a trial this machine is a receiver too."""
    found = ipaddress.ip_address(address)
    if found.is_loopback:
        return trial
    return not (found.is_unspecified or found.is_multicast or found.is_link_local)
