"""(pure) Sender Policy Framework (RFC 7208): what a domain's record says of an address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

from esp.senders.answers import Answer, Ask

Verdict = Literal["pass", "fail", "softfail", "neutral", "none"]
Address = IPv4Address | IPv6Address

# RFC 7208 §4.6.4: terms that ask DNS, and hosts of one MX answer.
MOST_LOOKUPS = 10
MOST_HOSTS = 10
# A tree of includes is not read further than this, however it goes on.
_MOST_READ = 40

_VERDICTS: dict[str, Verdict] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_TERM = re.compile(
    r"([+\-~?]?)([a-z][a-z0-9]*)(?::([^\s/]+))?((?:/\d{1,3})?(?://\d{1,3})?)"
).fullmatch
_NETWORK = re.compile(r"([+\-~?]?)(ip4|ip6):([0-9a-f.:]+)(/\d{1,3})?").fullmatch
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(\S*)").fullmatch
_ASKING = frozenset(("include", "a", "mx", "ptr", "exists"))
_KNOWN = _ASKING | {"all"}


class BrokenError(Exception):
    """RFC 7208 §2.6.7: the record can't be read, so no mail passes; `why` is a short word."""

    def __init__(self, why: str, where: str = "") -> None:
        self.why, self.where = why, where
        super().__init__(why)


class UnansweredError(Exception):
    """RFC 7208 §2.6.6: DNS did not answer."""


@dataclass(frozen=True, slots=True)
class Term:
    """`include:a.example` is Term("+", "include", "a.example")."""

    sign: str
    name: str
    value: str = ""
    prefix: str = ""


@dataclass(slots=True)
class Tree:
    """A record with all that it includes: what a receiver asks at most."""

    text: str = ""
    lookups: int = 0
    includes: set[str] = field(default_factory=set)


def records(answer: Answer) -> tuple[str, ...]:
    """The SPF records among TXT records (§4.5)."""
    return tuple(
        v for v in answer.values if v.lower() == "v=spf1" or v.lower().startswith("v=spf1 ")
    )


def tree(domain: str, ask: Ask) -> Tree | None:
    """The record of `domain` read to its leaves; None if it has none.

    BrokenError if receivers can't use it, UnansweredError if DNS fails.
    """
    found = Tree(_record(domain, ask))
    if not found.text:
        return None
    waiting, read = [found.text], 0
    while waiting:
        for term in _terms(waiting.pop()):
            found.lookups += term.name in _ASKING or term.name == "redirect"
            if term.name not in ("include", "redirect") or "%" in term.value:
                continue
            if term.value in found.includes:
                continue
            found.includes.add(term.value)
            read += 1
            if read > _MOST_READ:
                raise BrokenError("lookups")
            text = _record(term.value, ask)
            if not text:
                raise BrokenError("include", term.value)
            waiting.append(text)
    if found.lookups > MOST_LOOKUPS:
        raise BrokenError("lookups")
    return found


def verdict(address: Address, domain: str, ask: Ask, depth: int = 0) -> Verdict:
    """What receivers make of mail from `address` with a return path at `domain` (§4).

    Terms with macros match nothing. BrokenError and UnansweredError as `tree`.
    """
    text = _record(domain, ask)
    if not text:
        return "none"
    if depth > MOST_LOOKUPS:
        raise BrokenError("lookups")
    onward = ""
    for term in _terms(text):
        if term.name == "redirect":
            onward = term.value
        elif _matches(term, address, domain, ask, depth):
            return _VERDICTS[term.sign]
    if not onward or "%" in onward:
        return "neutral"
    found = verdict(address, onward, ask, depth + 1)
    if found == "none":
        raise BrokenError("include", onward)
    return found


def _matches(term: Term, address: Address, domain: str, ask: Ask, depth: int) -> bool:
    if term.name == "all":
        return True
    if term.name in ("ip4", "ip6"):
        return address in ip_network(term.value, strict=False)
    if "%" in term.value or term.name == "ptr":
        return False
    if term.name == "include":
        found = verdict(address, term.value, ask, depth + 1)
        if found == "none":
            raise BrokenError("include", term.value)
        return found == "pass"
    target = term.value or domain
    if term.name == "exists":
        return bool(_asked(ask(target, "A")))
    hosts = _asked(ask(target, "MX"))[:MOST_HOSTS] if term.name == "mx" else (target,)
    return any(_near(address, value, term.prefix) for host in hosts for value in of_host(host, ask))


def of_host(host: str, ask: Ask) -> tuple[str, ...]:
    """The addresses of a host."""
    return (*_asked(ask(host, "A")), *_asked(ask(host, "AAAA")))


def _near(address: Address, value: str, prefix: str) -> bool:
    four, _, six = prefix.partition("//")
    length = six if address.version == 6 else four.lstrip("/")
    try:
        return address in ip_network(f"{value}/{length}" if length else value, strict=False)
    except ValueError:
        return False


def _record(domain: str, ask: Ask) -> str:
    """The one SPF record of a domain, in small letters; empty: it has none."""
    found = records(Answer(_asked(ask(domain, "TXT"))))
    if len(found) > 1:
        raise BrokenError("several", domain)
    return found[0].lower() if found else ""


def _asked(answer: Answer) -> tuple[str, ...]:
    if answer.failed:
        raise UnansweredError
    return answer.values


def _terms(text: str) -> Iterator[Term]:
    redirect = None
    for word in text.split()[1:]:
        modifier = _MODIFIER(word)
        if modifier:
            if modifier[1] == "redirect":
                redirect = Term("+", "redirect", modifier[2].rstrip("."))
            continue
        yield _term(word)
    if redirect:
        yield redirect


def _term(word: str) -> Term:
    network = _NETWORK(word)
    if network:
        try:
            ip_network(network[3] + (network[4] or ""), strict=False)
            right = ip_address(network[3]).version == int(network[2][2])
        except ValueError:
            right = False
        if right:
            return Term(network[1] or "+", network[2], network[3] + (network[4] or ""))
    found = _TERM(word)
    if not found or found[2] not in _KNOWN or (found[2] == "include" and not found[3]):
        raise BrokenError("term", word)
    return Term(found[1] or "+", found[2], (found[3] or "").rstrip("."), found[4])
