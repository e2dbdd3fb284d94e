"""DNS as data: what a question is answered with."""

from __future__ import annotations

from collections.abc import Mapping

from esp.senders.answers import Answer, Ask, remembering

SILENT = "silent"


def asking(
    zone: Mapping[str, Mapping[str, tuple[str, ...]] | str], asked: list[str] | None = None
) -> Ask:
    """Answers from `zone`; names that are SILENT get no answer."""

    def ask(name: str, kind: str) -> Answer:
        if asked is not None:
            asked.append(f"{name} {kind}")
        found = zone.get(name, {})
        if isinstance(found, str):
            return Answer(failed=True)
        return Answer(tuple(found.get(kind, ())))

    return remembering(ask)
