"""Reading claimed recipients: those who may be mailed with what their copy is filled with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from esp.contacts.merge import COLUMNS, contact_data
from esp.delivery.batches import Claim
from esp.delivery.tracking import allowed

_SELECT = """
SELECT r.seq, r.contact_id, r.email, r.attempts, f.expires_at, c.email,
    EXISTS (SELECT FROM subscriptions s WHERE s.account_id = %(account)s
        AND s.contact_id = r.contact_id AND s.list_id = ANY(%(include)s)
        AND s.state = 'subscribed'),
    EXISTS (SELECT FROM subscriptions s WHERE s.account_id = %(account)s
        AND s.contact_id = r.contact_id AND s.list_id = ANY(%(exclude)s)
        AND s.state = 'subscribed'),
    EXISTS (SELECT FROM suppressions p WHERE p.account_id = %(account)s AND p.email = r.email),
    c.tracking_consent, {columns}
FROM recipients r
LEFT JOIN contacts c ON c.account_id = %(account)s AND c.id = r.contact_id
LEFT JOIN deferrals f ON f.account_id = %(account)s AND f.broadcast_id = r.broadcast_id
    AND f.seq = r.seq
WHERE r.account_id = %(account)s AND r.broadcast_id = %(broadcast)s AND {which}
ORDER BY r.seq
""".replace("{columns}", ", ".join(f"c.{name}" for name in COLUMNS))

# A deferred recipient of a range waits in the table of deferrals, not in the range.
_RANGE = _SELECT.replace("{which}", "r.seq BETWEEN %(lo)s AND %(hi)s AND r.state = 'queued'")
_SINGLE = _SELECT.replace("{which}", "r.seq = ANY(%(seqs)s) AND r.state IN ('queued', 'deferred')")


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a broadcast is for, as its dispatch keeps it."""

    include_list_ids: Sequence[int]
    exclude_list_ids: Sequence[int]
    tracking: str


@dataclass(slots=True)
class Ready:
    """A recipient who may be mailed; `expires_at` only after a deferral."""

    seq: int
    contact_id: int
    email: str
    attempts: int
    expires_at: datetime | None
    track_opens: bool
    values: Sequence[Any]

    def contact(self) -> dict[str, Any]:
        """What `contact` holds in merge tags."""
        return contact_data(dict(zip(COLUMNS, self.values, strict=True)))


@dataclass(frozen=True, slots=True)
class Skip:
    """A recipient who may not be mailed any more."""

    seq: int
    reason: str


def load(
    session: Session, claim: Claim, audience: Audience, seqs: Sequence[int] | None = None
) -> list[Ready | Skip]:
    """The open recipients of a claim (or only `seqs` of them), judged as of this moment."""
    wanted = list(seqs if seqs is not None else claim.seqs)
    values: Mapping[str, object] = {
        "account": claim.account_id,
        "broadcast": claim.broadcast_id,
        "include": list(audience.include_list_ids),
        "exclude": list(audience.exclude_list_ids),
        "lo": claim.lo,
        "hi": claim.hi,
        "seqs": wanted,
    }
    # The driver's own cursor: no result object stands between a row and its tuple.
    with closing(session.connection().connection.cursor()) as cursor:
        cursor.execute(_SINGLE if seqs is not None or claim.seqs else _RANGE, values)
        return [_judged(row, audience.tracking) for row in cursor.fetchall()]


def _judged(row: tuple[Any, ...], tracking: str) -> Ready | Skip:
    seq, contact_id, email, attempts, expires_at, address, wanted, barred, suppressed = row[:9]
    if address is None:
        return Skip(seq, "deleted")
    if address != email:
        return Skip(seq, "address_changed")
    if suppressed:
        return Skip(seq, "suppressed")
    if not wanted:
        return Skip(seq, "unsubscribed")
    if barred:
        return Skip(seq, "excluded")
    track_opens = allowed(tracking, row[9])
    return Ready(seq, contact_id, email, attempts, expires_at, track_opens, row[10:])
