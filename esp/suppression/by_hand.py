"""What people change on the suppression list; each change is in the audit log."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from esp.accounts.audit import record
from esp.addresses import check
from esp.errors import N_, Invalid
from esp.suppression import queries
from esp.suppression.suppress import lift, suppress

MOST_AT_ONCE = 10_000
_APART = re.compile(r"[\r\n;,]+")


@dataclass
class Added:
    """`known` were suppressed already; `wrong` are not addresses."""

    new: int = 0
    known: int = 0
    wrong: list[str] = field(default_factory=list)


def add(session: Session, account_id: int, pasted: str, actor: str, source: str = "page") -> Added:
    """Suppress each address of a text, apart by lines, commas or semicolons."""
    parts = [part.strip() for part in _APART.split(pasted) if part.strip()]
    if not parts:
        raise Invalid(N_("Write at least one address."), "addresses")
    if len(parts) > MOST_AT_ONCE:
        raise Invalid(
            N_("At most %(most)s addresses at once, please."), "addresses", most=MOST_AT_ONCE
        )
    added = Added()
    emails: set[str] = set()
    for part in parts:
        # People paste what their mail program shows: Ada <ada@example.com>
        email = check(part.rpartition("<")[2].rstrip(" >")).normalized
        if email:
            emails.add(email)
        else:
            added.wrong.append(part)
    for email in sorted(emails):
        if suppress(session, account_id, email, "manual", source=source, actor=actor):
            added.new += 1
        else:
            added.known += 1
    if added.new:
        record(session, account_id, actor, "suppression.add", f"{added.new} addresses")
    return added


def take_off(session: Session, account_id: int, suppression_id: int, actor: str) -> str:
    """Let an address have mail again; the address. What had stopped it stays in the audit log."""
    found = queries.get(session, account_id, suppression_id)
    email = found.email
    detail = {
        "reason": found.reason,
        "source": found.source,
        "evidence": found.evidence,
        "by": found.actor,
        "since": found.created_at.isoformat(timespec="seconds"),
    }
    record(session, account_id, actor, "suppression.lift", email, detail)
    lift(session, account_id, email)
    return email
