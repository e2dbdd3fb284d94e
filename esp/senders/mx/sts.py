"""(pure) MTA-STS: what a domain's record and policy say, and which hosts a policy takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Mode = Literal["enforce", "testing", "none"]

LONGEST_POLICY = 65_536
# RFC 8461 §3.2
LONGEST_AGE = 31_557_600
_MOST_PATTERNS = 100
_ID = re.compile(r"[A-Za-z0-9]{1,32}").fullmatch
_PATTERN = re.compile(
    r"(?:\*\.)?[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))*"
).fullmatch


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain promises about its hosts, for `max_age` seconds."""

    mode: Mode
    patterns: tuple[str, ...]
    max_age: int


def policy_id(texts: Sequence[bytes]) -> str | None:
    """The id in the domain's record; None without one, or with more than one (RFC 8461 §3.1)."""
    records = [text for text in texts if re.match(rb"v=STSv1\s*(?:;|$)", text)]
    if len(records) != 1:
        return None
    for field in records[0].decode("ascii", "replace").split(";"):
        name, equals, value = field.partition("=")
        if equals and name.strip() == "id" and _ID(value.strip()):
            return value.strip()
    return None


def parse(body: bytes) -> Policy | None:
    """The policy in a fetched file; None if it is none. Of a key twice, the first counts."""
    found: dict[str, str] = {}
    patterns: list[str] = []
    for line in body.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon:
            continue
        if name == "mx":
            patterns.append(value.lower().rstrip("."))
        else:
            found.setdefault(name, value)
    mode, age = found.get("mode", ""), found.get("max_age", "")
    if found.get("version") != "STSv1" or mode not in get_args(Mode):
        return None
    if not re.fullmatch(r"[0-9]{1,10}", age) or len(patterns) > _MOST_PATTERNS:
        return None
    if mode != "none" and not (patterns and all(map(_PATTERN, patterns))):
        return None
    return Policy(mode, tuple(patterns), min(int(age), LONGEST_AGE))  # type: ignore[arg-type]  # looked at above


def takes(policy: Policy, host: str) -> bool:
    """Whether `host` is one of those promised; `*` stands for exactly one label, the first."""
    rest = host.partition(".")[2]
    return any(
        host == pattern or (pattern.startswith("*.") and rest == pattern[2:])
        for pattern in policy.patterns
    )
