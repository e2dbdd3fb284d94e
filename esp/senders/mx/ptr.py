"""Whether the addresses that mail leaves from have names that lead back to them (SMTP-23)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from esp.senders.mx.questions import Questions

# "working": a name leads back, and it is the one we introduce ourselves by; "other": only other
# names lead back; "astray": no name does; "missing": it has none; "unasked": nobody could say.
PtrState = Literal["working", "other", "astray", "missing", "unasked"]

_MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class PtrFinding:
    """What the DNS says of one address; `names` are those its PTR records give it."""

    address: str
    helo_name: str
    state: PtrState
    names: tuple[str, ...] = ()


def check(
    questions: Questions, addresses: Mapping[str, str], seconds: float = 10.0
) -> list[PtrFinding]:
    """Of each address of ours (with the name it uses in EHLO) one finding, in their order."""
    return asyncio.run(_check_all(questions, addresses, seconds))


async def _check_all(
    questions: Questions, addresses: Mapping[str, str], seconds: float
) -> list[PtrFinding]:
    async def one(address: str, helo_name: str) -> PtrFinding:
        try:
            async with asyncio.timeout(seconds):
                return await _check(questions, address, helo_name)
        except TimeoutError:
            return PtrFinding(address, helo_name, "unasked")

    return list(await asyncio.gather(*(one(*pair) for pair in addresses.items())))


async def _check(questions: Questions, address: str, helo_name: str) -> PtrFinding:
    answer = await questions.names_of(address)
    names = tuple(answer.records[:_MOST_NAMES])
    if answer.state == "failed":
        return PtrFinding(address, helo_name, "unasked")
    if not names:
        return PtrFinding(address, helo_name, "missing")
    kind = "AAAA" if ":" in address else "A"
    back = await asyncio.gather(*(questions.ask(name, kind) for name in names))
    leading = {name for name, one in zip(names, back, strict=True) if address in one.records}
    state: PtrState = "astray"
    if helo_name.lower() in leading:
        state = "working"
    elif leading:
        state = "other"
    elif any(one.state == "failed" for one in back):
        state = "unasked"
    return PtrFinding(address, helo_name, state, names)
