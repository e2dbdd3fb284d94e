"""(pure) From what the client says of an attempt to what the ledger keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from esp.delivery.facts import OutcomeKind
from esp.delivery.pacing.classify import react
from esp.delivery.pacing.reaction import Reaction
from esp.delivery.retry import LIFETIME, next_attempt
from esp.delivery.smtp.envelope import Outcome
from esp.delivery.verdicts import judge

_LONGEST_REPLY = 1000


@dataclass(slots=True)
class Settled:
    """What to store; `next_at` only where it is deferred. There is one for each message."""

    kind: OutcomeKind
    code: int
    reply: str
    reason: str
    next_at: datetime | None


def settle(
    outcome: Outcome,
    attempts: int,
    at: datetime,
    expires_at: datetime | None,
    chance: float,
    lifetime: timedelta = LIFETIME,
    reaction: Reaction | None = None,
) -> Settled:
    """After `attempts` of them, the last at `at`; `expires_at` None after the first.

    `reaction` is what `react` made of the outcome (None: as behind a relay).
    A deferral whose next attempt would come too late has failed with 4.4.7 (THR-05).
    """
    reply = f"{outcome.enhanced} {outcome.text}".strip()[:_LONGEST_REPLY].replace("\0", "")
    if outcome.kind == "sent":
        return Settled("sent", outcome.code, reply, "", None)
    if outcome.kind == "failed":
        return Settled("failed", outcome.code, reply, judge(outcome), None)
    next_at = next_attempt(reaction or react("", outcome), attempts, at, chance)
    if next_at >= (expires_at or at + lifetime):
        return Settled("failed", outcome.code, f"4.4.7 {reply}"[:_LONGEST_REPLY], "expired", None)
    return Settled("deferred", outcome.code, reply, "", next_at)
