"""(pure) DMARC (RFC 9989): the record that holds for a domain, and which domains are aligned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from esp.senders.answers import Answer, Ask

POLICIES = ("none", "quarantine", "reject")
# RFC 9989 §4.10: a walk asks for no more names than this.
MOST_QUERIES = 8


@dataclass(frozen=True, slots=True)
class Policy:
    """One record; tags that this product does not need are left out, unknown ones ignored.

    `p` is "none" if the record has no p=, and empty if what stands there is no policy.
    """

    text: str
    p: str = "none"
    sp: str = ""
    adkim: Literal["r", "s"] = "r"
    aspf: Literal["r", "s"] = "r"
    psd: Literal["u", "y", "n"] = "u"


@dataclass(frozen=True, slots=True)
class Found:
    """`policy` and the name it stands at, if there is one.

    `several`: more than one record stands at the domain itself, so that receivers use none of
    them. `failed`: DNS did not answer.
    """

    policy: Policy | None = None
    at: str = ""
    several: bool = False
    failed: bool = False


def parse(text: str) -> Policy | None:
    """The record; None if it is of another kind or version."""
    first, _, rest = text.partition(";")
    name, _, version = first.partition("=")
    if (name.strip().lower(), version.strip()) != ("v", "DMARC1"):
        return None
    tags: dict[str, str] = {}
    for piece in rest.split(";"):
        name, equals, value = piece.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip().lower())
    p = tags.get("p", "none")
    return Policy(
        text,
        p=p if p in POLICIES else "",
        sp=tags.get("sp", ""),
        adkim="s" if tags.get("adkim") == "s" else "r",
        aspf="s" if tags.get("aspf") == "s" else "r",
        psd=_psd(tags.get("psd", "")),
    )


def _psd(value: str) -> Literal["u", "y", "n"]:
    return "y" if value == "y" else "n" if value == "n" else "u"


def names(domain: str) -> Iterator[str]:
    """The domain, then those above it down to the last label: at most `MOST_QUERIES` (§4.10)."""
    labels = domain.split(".")
    yield domain
    start = max(1, len(labels) - MOST_QUERIES + 1)
    for at in range(start, len(labels)):
        yield ".".join(labels[at:])


def find(domain: str, ask: Ask) -> Found:
    """The policy that holds for mail from `domain` (§4.10.1): its own, else that above it."""
    own = ask(f"_dmarc.{domain}", "TXT")
    if own.failed:
        return Found(failed=True)
    policies = _policies(own)
    if len(policies) > 1:
        return Found(at=domain, several=True)
    if policies:
        return Found(policies[0], domain)
    walked = _walk(domain, ask)
    if walked is None:
        return Found(failed=True)
    top = _organisational(domain, walked)
    if top in walked:
        return Found(walked[top], top)
    # §4.10.1: last, that of the public suffix above the organisation.
    suffix = next((name for name, policy in walked.items() if policy.psd == "y"), "")
    return Found(walked[suffix], suffix) if suffix else Found()


def organisational(domain: str, ask: Ask) -> str | None:
    """The domain of the whole organisation (§4.10.2); None if DNS did not answer."""
    walked = _walk(domain, ask)
    return None if walked is None else _organisational(domain, walked)


def aligned(author: str, other: str, ask: Ask, *, strict: bool = False) -> bool | None:
    """Whether mail from `author` may be vouched for by `other` (§4.4); None: DNS was silent."""
    if author == other:
        return True
    if strict:
        return False
    ours, theirs = organisational(author, ask), organisational(other, ask)
    return None if ours is None or theirs is None else ours == theirs


def _walk(domain: str, ask: Ask) -> dict[str, Policy] | None:
    """The single records on the way up, the lowest first, as far as the walk goes."""
    walked: dict[str, Policy] = {}
    for name in names(domain):
        answer = ask(f"_dmarc.{name}", "TXT")
        if answer.failed:
            return None
        policies = _policies(answer)
        # Of several at one name none counts.
        if len(policies) == 1:
            walked[name] = policies[0]
            if policies[0].psd != "u":
                break
    return walked


def _organisational(domain: str, walked: dict[str, Policy]) -> str:
    for name, policy in walked.items():
        if policy.psd == "n":
            return name
        if policy.psd == "y" and name != domain:
            return ".".join(domain.split(".")[-name.count(".") - 2 :])
    return min(walked, key=lambda name: name.count("."), default=domain)


def _policies(answer: Answer) -> list[Policy]:
    return [policy for policy in map(parse, answer.values) if policy]
