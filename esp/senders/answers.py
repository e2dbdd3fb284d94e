"""(pure) What DNS says, as the checks read it: texts that came from outside, and short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["TXT", "MX", "CNAME", "A", "AAAA"]


@dataclass(frozen=True, slots=True)
class Answer:
    """`values` of one name and kind, none if there is no such record.

    TXT with its strings joined, MX as the hosts in their order, names in small letters without the
    last dot. `failed`: nobody knows, because no server answered.
    """

    values: tuple[str, ...] = ()
    failed: bool = False


Ask = Callable[[str, Kind], Answer]


def remembering(ask: Ask) -> Ask:
    """`ask`, which asks each question once."""
    known: dict[tuple[str, Kind], Answer] = {}

    def asking(name: str, kind: Kind) -> Answer:
        question = (name.lower().rstrip("."), kind)
        if question not in known:
            known[question] = ask(*question)
        return known[question]

    return asking
