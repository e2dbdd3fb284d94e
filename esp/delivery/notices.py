"""Single messages outside a broadcast: resets, confirmations, test sends; they overtake bulk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from esp.config import Settings
from esp.delivery.facts import NoticeOutcome
from esp.delivery.frozen import FrozenContent
from esp.delivery.models import Notice
from esp.delivery.plan import PlanRecipient, PlanSettings, compile_plan
from esp.delivery.plan.urls import return_path
from esp.delivery.return_path import notice_token
from esp.tokens import Keyring

# A claimed notice comes back by itself after this time, should its sender die.
CLAIM = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where single messages come from; see `of`."""

    keyring: Keyring
    base_url: str
    tracking_base_url: str
    bounce_domain: str
    from_name: str
    from_address: str

    @classmethod
    def of(cls, settings: Settings, keyring: Keyring, from_name: str = "") -> Origin:
        """The installation's own address, with a name beside it."""
        return cls(
            keyring=keyring,
            base_url=settings.public_url,
            tracking_base_url=settings.public_tracking_url,
            bounce_domain=settings.bounce_domain,
            from_name=from_name,
            from_address=settings.system_from,
        )


@dataclass(frozen=True, slots=True)
class Reserved:
    """A notice whose message is still to be made with this token; see `put`."""

    id: int
    token: str
    mail_from: str


@dataclass(frozen=True, slots=True)
class Due:
    """A notice to send now."""

    account_id: int
    id: int
    email: str
    mail_from: str
    message: bytes
    transport_id: int | None
    transport_kind: str | None
    pool_id: int | None
    attempts: int
    created_at: datetime


def queue(
    session: Session,
    account_id: int,
    origin: Origin,
    *,
    kind: str,
    email: str,
    subject: str,
    text: str,
    html: str | None = None,
    name: str = "",
    data: Mapping[str, Any] | None = None,
    reply_to: str | None = None,
    language: str | None = None,
    transport_id: int | None = None,
    now: datetime,
) -> int:
    """Queue one message and return its number; wake `send` after the commit.

    The parts are Liquid templates that reach `data`; `email` in its normal form. Raises Invalid
    for headers that can't be, FillError for an address or a message that can't be.
    """
    reserved = reserve(session, account_id, origin, kind, email, transport_id, now)
    settings = PlanSettings(
        base_url=origin.base_url,
        tracking_base_url=origin.tracking_base_url,
        bounce_domain=origin.bounce_domain,
        message_id_domain=origin.from_address.rpartition("@")[2],
        from_name=origin.from_name,
        from_address=origin.from_address,
        account_id=account_id,
        broadcast_id=0,
        reply_to=reply_to,
        language=language,
        kind="transactional",
    )
    plan = compile_plan(FrozenContent(subject, html, text, ()), settings)
    recipient = PlanRecipient(reserved.id, email, name, dict(data or {}), track_opens=False)
    put(session, account_id, reserved, plan.fill(recipient, now, reserved.token))
    return reserved.id


def reserve(
    session: Session,
    account_id: int,
    origin: Origin,
    kind: str,
    email: str,
    transport_id: int | None,
    now: datetime,
) -> Reserved:
    """A number and a token for a message made by other means; `put` follows in this transaction."""
    notice_id = session.scalar(
        insert(Notice)
        .values(
            account_id=account_id,
            kind=kind,
            email=email,
            mail_from="",
            message=b"",
            transport_id=transport_id,
            next_at=now,
            created_at=now,
        )
        .returning(Notice.id)
    )
    assert notice_id is not None  # noqa: S101  # an INSERT returns its row
    token = notice_token(origin.keyring, account_id, notice_id)
    return Reserved(notice_id, token, return_path(token, origin.bounce_domain))


def put(session: Session, account_id: int, reserved: Reserved, message: bytes) -> None:
    """Give a reserved notice its message, complete and ready for DATA."""
    session.execute(
        update(Notice)
        .where(Notice.account_id == account_id, Notice.id == reserved.id)
        .values(mail_from=reserved.mail_from, message=message)
    )


def claim(session: Session, account_id: int, now: datetime, limit: int) -> list[Due]:
    """Take up to `limit` due notices; nobody else gets them for a minute."""
    rows = session.execute(
        text(
            "WITH due AS (SELECT d.id, t.kind, t.pool_id FROM notices d LEFT JOIN transports t"
            " ON t.account_id = d.account_id AND t.id = d.transport_id"
            " WHERE d.account_id = :account AND d.state = 'queued' AND d.next_at <= :now"
            " ORDER BY d.next_at LIMIT :limit FOR UPDATE OF d SKIP LOCKED)"
            " UPDATE notices n SET next_at = :back FROM due"
            " WHERE n.account_id = :account AND n.id = due.id RETURNING n.id, n.email,"
            " n.mail_from, n.message, n.transport_id, due.kind, due.pool_id, n.attempts,"
            " n.created_at"
        ),
        {"account": account_id, "now": now, "back": now + CLAIM, "limit": limit},
    )
    return [Due(account_id, *row) for row in sorted(rows)]


def hold(session: Session, account_id: int, ids: Sequence[int], until: datetime) -> None:
    """Keep claimed notices a while longer, or (with the present) give them back."""
    session.execute(
        text(
            "UPDATE notices SET next_at = :until"
            " WHERE account_id = :account AND id = ANY(:ids) AND state = 'queued'"
        ),
        {"account": account_id, "ids": sorted(ids), "until": until},
    )


def record_notices(session: Session, account_id: int, outcomes: Sequence[NoticeOutcome]) -> None:
    """Store what became of attempts; a final one forgets its message."""
    for outcome in outcomes:
        final = outcome.kind != "deferred"
        session.execute(
            text(
                "UPDATE notices SET state = CASE WHEN :final THEN :kind ELSE state END,"
                " message = CASE WHEN :final THEN '' ELSE message END,"
                " attempts = attempts + 1, code = NULLIF(CAST(:code AS smallint), 0),"
                " reply = :reply, at = :at, next_at = coalesce(:next_at, next_at)"
                " WHERE account_id = :account AND id = :id AND state = 'queued'"
            ),
            {
                "account": account_id,
                "id": outcome.notice_id,
                "final": final,
                "kind": outcome.kind,
                "code": outcome.code,
                "reply": outcome.reply,
                "at": outcome.at,
                "next_at": outcome.next_at,
            },
        )
