"""Draws the consequences of what came back, each message in one transaction, each thing once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from esp.contacts.leave import Way
from esp.delivery import verdicts
from esp.delivery.smtp.envelope import Outcome
from esp.delivery.unsubscribe import unsubscribe
from esp.engagement.record import Happening, Tally, add_events, count, hour_of
from esp.returns.classify import Returned, classify, is_reply_of_a_program
from esp.returns.models import InboundMessage
from esp.returns.receive import NO_BROADCAST
from esp.returns.reports import Report
from esp.suppression.suppress import suppress


def next_new(session: Session, account_id: int) -> InboundMessage | None:
    """The oldest message that waits, held for this transaction; others take the next."""
    return session.scalar(
        select(InboundMessage)
        .where(InboundMessage.account_id == account_id, InboundMessage.state == "new")
        .order_by(InboundMessage.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def apply(session: Session, message: InboundMessage, now: datetime) -> str:
    """Do what the message asks for; the verdict that is written beside it."""
    if message.purpose == "unsubscribe":
        verdict, detail = _leave(session, message), {}
    else:
        found = classify(message.raw)
        verdict, detail = found.verdict, _detail(found)
        if verdict == "bounce":
            detail |= _bounce(session, message, found, now)
    finish(session, message, verdict, detail)
    return verdict


def finish(session: Session, message: InboundMessage, verdict: str, detail: dict[str, Any]) -> None:
    """Nobody needs to look at it again."""
    session.execute(
        update(InboundMessage)
        .where(
            InboundMessage.account_id == message.account_id,
            InboundMessage.id == message.id,
        )
        .values(state="done", verdict=verdict, detail=detail)
    )


def _leave(session: Session, message: InboundMessage) -> str:
    """Whoever sent it: the token says who leaves (LIST-09). Vacation notices mean nothing by it."""
    if is_reply_of_a_program(message.raw) or classify(message.raw).verdict in ("bounce", "delay"):
        return "autoreply"
    way = Way("mailto", message.received_at)
    unsubscribe(session, message.account_id, message.broadcast_id, message.seq, way)
    return "unsubscribe"


def _bounce(
    session: Session, message: InboundMessage, found: Returned, now: datetime
) -> dict[str, Any]:
    if message.broadcast_id == NO_BROADCAST:
        _fail_notice(session, message, _worst(found.reports, ""))
        return {}
    row = session.execute(
        text(
            "SELECT contact_id, email FROM recipients WHERE account_id = :account"
            " AND broadcast_id = :broadcast AND seq = :seq"
        ),
        _copy(message),
    ).first()
    if row is None:
        return {"unknown": True}
    # The token says who it was; the address in the report only which block is meant.
    report = _worst(found.reports, row.email)
    verdict = verdict_of(report)
    if _store_late(session, message, report, verdict):
        at = message.received_at
        tally = Tally(message.broadcast_id, "bounced", hour_of(at))
        count(session, message.account_id, {tally: 1})
        told = {"status": report.status, "reason": verdict, "hard": report.kind == "hard"}
        happening = Happening(
            "bounced", at, row.contact_id, message.broadcast_id, message.seq, detail=told
        )
        add_events(session, message.account_id, [happening])
    if report.kind == "hard" and verdicts.suppresses(verdict):
        suppress(
            session,
            message.account_id,
            row.email,
            "bounce",
            source="dsn",
            evidence=f"{report.status} {report.diagnostic}".strip(),
            detail={"broadcast_id": message.broadcast_id, "seq": message.seq},
        )
    return {"reason": verdict}


def verdict_of(report: Report) -> str:
    """The reason code, by the same rules as for a receiver's own reply."""
    code = 550 if report.kind == "hard" else 450
    outcome = Outcome("failed", code, report.status, report.diagnostic, "rcpt")
    return verdicts.judge(outcome)


def _worst(reports: tuple[Report, ...], email: str) -> Report:
    """The failed block of this address, or of another: mail is forwarded."""
    failed = [report for report in reports if report.kind in ("hard", "soft")]
    own = [r for r in failed if email.lower() in (address.lower() for address in r.addresses)]
    return (own or sorted(failed, key=lambda report: report.kind))[0]


def _store_late(session: Session, message: InboundMessage, report: Report, verdict: str) -> bool:
    """Whether this is the first bounce of that copy; a later "delivered" does not undo it."""
    new = session.execute(
        text(
            "INSERT INTO late_outcomes"
            " (account_id, broadcast_id, seq, kind, is_hard, status, reason, at)"
            " VALUES (:account, :broadcast, :seq, 'bounced', :hard, :status, :reason, :at)"
            " ON CONFLICT (account_id, broadcast_id, seq, kind) DO NOTHING RETURNING id"
        ),
        _copy(message)
        | {
            "hard": report.kind == "hard",
            "status": report.status,
            "reason": f"{verdict}: {report.diagnostic}"[:1000],
            "at": message.received_at,
        },
    ).first()
    if new is None:
        return False
    session.execute(
        text(
            "UPDATE recipients SET bounced_at = :at WHERE account_id = :account"
            " AND broadcast_id = :broadcast AND seq = :seq"
        ),
        _copy(message) | {"at": message.received_at},
    )
    return True


def _fail_notice(session: Session, message: InboundMessage, report: Report) -> None:
    session.execute(
        text(
            "UPDATE notices SET state = 'failed', reply = :reply"
            " WHERE account_id = :account AND id = :id AND state = 'sent'"
        ),
        {
            "account": message.account_id,
            "id": message.seq,
            "reply": f"{report.status} {report.diagnostic}".strip()[:1000],
        },
    )


def _copy(message: InboundMessage) -> dict[str, Any]:
    return {
        "account": message.account_id,
        "broadcast": message.broadcast_id,
        "seq": message.seq,
    }


def _detail(found: Returned) -> dict[str, Any]:
    if found.sign:
        return {"sign": found.sign}
    return {
        "reports": [
            {
                "addresses": list(report.addresses),
                "action": report.action,
                "status": report.status,
                "diagnostic": report.diagnostic,
                "kind": report.kind,
            }
            for report in found.reports[:20]
        ]
    }
