"""(pure) The facts that journals hold, as orjson lists whose first item names the kind.

Kinds of journals: "send" holds outcomes of one sending process; "hits" holds what the public door
heard: opens, clicks, and unsubscribes that the database could not take.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import orjson

SEND = "send"
HITS = "hits"

OutcomeKind = Literal["sent", "deferred", "failed", "skipped"]


@dataclass(slots=True)
class RecipientOutcome:
    """What became of one attempt at one recipient; `reason` only where failed or skipped.

    Nobody changes one, but there is one for each message, and freezing it costs two microseconds.
    """

    account_id: int
    broadcast_id: int
    seq: int
    kind: OutcomeKind
    code: int
    reply: str
    reason: str
    at: datetime
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoticeOutcome:
    """What became of one attempt at a single message."""

    account_id: int
    notice_id: int
    kind: OutcomeKind
    code: int
    reply: str
    at: datetime
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An open (`link` None) or a click of one recipient; `agent` is the class of the client."""

    account_id: int
    broadcast_id: int
    seq: int
    link: int | None
    at: datetime
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """A person left by the link of one broadcast; `source` says by which way."""

    account_id: int
    broadcast_id: int
    seq: int
    at: datetime
    source: str


Fact = RecipientOutcome | NoticeOutcome | Hit | Unsubscribed


def encode_outcome(outcome: RecipientOutcome) -> bytes:
    return orjson.dumps(
        (
            "o",
            outcome.account_id,
            outcome.broadcast_id,
            outcome.seq,
            outcome.kind,
            outcome.code,
            outcome.reply,
            outcome.reason,
            outcome.at.timestamp(),
            outcome.next_at and outcome.next_at.timestamp(),
        )
    )


def encode_notice(outcome: NoticeOutcome) -> bytes:
    return orjson.dumps(
        (
            "n",
            outcome.account_id,
            outcome.notice_id,
            outcome.kind,
            outcome.code,
            outcome.reply,
            outcome.at.timestamp(),
            outcome.next_at and outcome.next_at.timestamp(),
        )
    )


def encode_hit(
    account_id: int,
    broadcast_id: int,
    seq: int,
    link: int | None,
    at: datetime,
    agent: str = "",
) -> bytes:
    """An open (`link` None) or a click, for a journal of kind HITS."""
    return orjson.dumps(("h", account_id, broadcast_id, seq, link, at.timestamp(), agent))


def encode_unsubscribe(
    account_id: int, broadcast_id: int, seq: int, at: datetime, source: str
) -> bytes:
    """For a journal of kind HITS, when the database can't be reached; answer 202 then."""
    return orjson.dumps(("u", account_id, broadcast_id, seq, at.timestamp(), source))


def decode(fact: bytes) -> Fact:
    """The fact; ValueError for what we never wrote."""
    kind, *values = orjson.loads(fact)
    if kind == "o":
        account_id, broadcast_id, seq, what, code, reply, reason, at, next_at = values
        return RecipientOutcome(
            account_id, broadcast_id, seq, what, code, reply, reason, _time(at), _later(next_at)
        )
    if kind == "h":
        account_id, broadcast_id, seq, link, at, agent = values
        return Hit(account_id, broadcast_id, seq, link, _time(at), agent)
    if kind == "n":
        account_id, notice_id, what, code, reply, at, next_at = values
        return NoticeOutcome(account_id, notice_id, what, code, reply, _time(at), _later(next_at))
    if kind == "u":
        account_id, broadcast_id, seq, at, source = values
        return Unsubscribed(account_id, broadcast_id, seq, _time(at), source)
    raise ValueError(f"unknown fact: {kind!r}")


def _later(seconds: float | None) -> datetime | None:
    return None if seconds is None else _time(seconds)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
