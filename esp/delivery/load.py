"""Reading claimed recipients: those who may be mailed with what their copy is filled with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.orm import Session

from esp.contacts.merge import COLUMNS, partial_data
from esp.delivery import arrays
from esp.delivery.batches import Claim
from esp.delivery.smtp.envelope import Envelope
from esp.delivery.tracking import allowed

# Four questions about a thousand people each, because in one the planner loops over them: four
# look-ups a person, each of which asks row-level security anew, cost four times as much.
_RANGE = """
SELECT seq, contact_id, email, attempts, NULL FROM recipients
WHERE account_id = %(account)s AND broadcast_id = %(broadcast)s
    AND seq BETWEEN %(lo)s AND %(hi)s AND state = 'queued'
ORDER BY seq
"""
# A deferred recipient of a range waits in the table of deferrals, not in the range.
_SINGLE = """
SELECT r.seq, r.contact_id, r.email, r.attempts, f.expires_at FROM recipients r
LEFT JOIN deferrals f ON f.account_id = %(account)s AND f.broadcast_id = r.broadcast_id
    AND f.seq = r.seq
WHERE r.account_id = %(account)s AND r.broadcast_id = %(broadcast)s
    AND r.seq = ANY(%(seqs)s) AND r.state IN ('queued', 'deferred')
ORDER BY r.seq
"""
_CONTACTS = """
SELECT id, email, tracking_consent, {columns} FROM contacts
WHERE account_id = %(account)s AND id = ANY(CAST(%(people)s AS bigint[]))
"""
_SUBSCRIBED = """
SELECT contact_id FROM subscriptions
WHERE account_id = %(account)s AND contact_id = ANY(CAST(%(people)s AS bigint[]))
    AND list_id = ANY(%(lists)s) AND state = 'subscribed'
"""
_SUPPRESSED = """
SELECT email FROM suppressions
WHERE account_id = %(account)s AND email = ANY(CAST(%(emails)s AS text[]))
"""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a broadcast is for, as its dispatch keeps it; `columns` its message is filled with."""

    include_list_ids: Sequence[int]
    exclude_list_ids: Sequence[int]
    tracking: str
    columns: Sequence[str] = COLUMNS


@dataclass(slots=True)
class Ready:
    """A recipient who may be mailed; `expires_at` only after a deferral.

    `values` begins with the contact's number, address and consent; the audience's columns follow.
    `prepared` is the copy, if it was made before its turn, and when.
    """

    seq: int
    contact_id: int
    email: str
    attempts: int
    expires_at: datetime | None
    track_opens: bool
    values: Sequence[Any]
    prepared: tuple[Envelope, datetime] | None = None

    def contact(self, columns: Sequence[str]) -> dict[str, Any]:
        """What `contact` holds in merge tags; `columns` are the audience's."""
        return partial_data(columns, self.values[3:])


@dataclass(frozen=True, slots=True)
class Skip:
    """A recipient who may not be mailed any more."""

    seq: int
    reason: str


@dataclass(slots=True)
class _Known:
    """What the database says of the people of a claim, in the order of the checks."""

    contacts: dict[int, tuple[Any, ...]]
    suppressed: set[str]
    subscribed: set[int]
    excluded: set[int]


def load(
    session: Session, claim: Claim, audience: Audience, seqs: Sequence[int] | None = None
) -> list[Ready | Skip]:
    """The open recipients of a claim (or only `seqs` of them), judged as of this moment."""
    single = seqs is not None or bool(claim.seqs)
    values: dict[str, object] = {
        "account": claim.account_id,
        "broadcast": claim.broadcast_id,
        "lo": claim.lo,
        "hi": claim.hi,
        "seqs": list(seqs if seqs is not None else claim.seqs),
    }
    # The driver's own cursor: no result object stands between a row and its tuple.
    with closing(session.connection().connection.cursor()) as cursor:
        cursor.execute(_SINGLE if single else _RANGE, values)
        rows = cursor.fetchall()
        known = _known(cursor, claim.account_id, audience, rows)
    return [_judged(row, known, audience.tracking) for row in rows]


def _known(
    cursor: DBAPICursor, account_id: int, audience: Audience, rows: Sequence[tuple[Any, ...]]
) -> _Known:
    """Asked after the recipients were read: whoever leaves from here on is told to the senders."""
    values: dict[str, object] = {
        "account": account_id,
        "people": arrays.numbers([row[1] for row in rows]),
        "emails": arrays.texts([row[2] for row in rows]),
    }

    def asked(statement: str, **more: object) -> list[tuple[Any, ...]]:
        cursor.execute(statement, values | more)
        return list(cursor.fetchall())

    columns = ", ".join(audience.columns)
    excluded = audience.exclude_list_ids
    return _Known(
        {row[0]: row for row in asked(_CONTACTS.replace("{columns}", columns))},
        {email for (email,) in asked(_SUPPRESSED)},
        {person for (person,) in asked(_SUBSCRIBED, lists=list(audience.include_list_ids))},
        {person for (person,) in asked(_SUBSCRIBED, lists=list(excluded))} if excluded else set(),
    )


def _judged(row: tuple[Any, ...], known: _Known, tracking: str) -> Ready | Skip:
    seq, contact_id, email, attempts, expires_at = row
    contact = known.contacts.get(contact_id)
    if contact is None or contact[1] is None:
        return Skip(seq, "deleted")
    if contact[1] != email:
        return Skip(seq, "address_changed")
    if email in known.suppressed:
        return Skip(seq, "suppressed")
    if contact_id not in known.subscribed:
        return Skip(seq, "unsubscribed")
    if contact_id in known.excluded:
        return Skip(seq, "excluded")
    return Ready(
        seq, contact_id, email, attempts, expires_at, allowed(tracking, contact[2]), contact
    )
