"""Makes, changes, merges, archives and deletes lists."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from esp.contacts.models import List
from esp.contacts.reading.typed import Misfit, line, paragraph
from esp.errors import N_, Invalid, NotFound, Refused

NAME_LENGTH = 120
TEXT_LENGTH = 2000


@dataclass(frozen=True)
class Wording:
    """What an account says of a list; `consent_text` is what people agree to when they sign up."""

    name: str
    description: str = ""
    consent_text: str = ""
    is_public: bool = True


@dataclass(frozen=True)
class Counts:
    """People by state."""

    subscribed: int = 0
    pending: int = 0
    unsubscribed: int = 0


def get(session: Session, account_id: int, list_id: int) -> List:
    """NotFound when the account has no such list."""
    found = session.scalar(select(List).where(List.account_id == account_id, List.id == list_id))
    if found is None:
        raise NotFound
    return found


def all_lists(session: Session, account_id: int, *, archived: bool = False) -> list[List]:
    """Those in use, or those in the archive, by name."""
    is_archived = List.archived_at.is_not(None) if archived else List.archived_at.is_(None)
    return list(
        session.scalars(
            select(List)
            .where(List.account_id == account_id, is_archived)
            .order_by(func.lower(List.name), List.id)
        )
    )


def counts(session: Session, account_id: int) -> dict[int, Counts]:
    """By list; an empty list is not in it."""
    rows = session.execute(
        text(
            "SELECT list_id, count(*) FILTER (WHERE state = 'subscribed'),"
            " count(*) FILTER (WHERE state = 'pending'),"
            " count(*) FILTER (WHERE state = 'unsubscribed')"
            " FROM subscriptions WHERE account_id = :account_id GROUP BY list_id"
        ),
        {"account_id": account_id},
    )
    return {list_id: Counts(*numbers) for list_id, *numbers in rows}


def create(session: Session, account_id: int, wording: Wording) -> int:
    """The public key, part of the sign-up page's address, stays for good."""
    # Part of a List-Id too, which takes no underscore and knows no upper case.
    public_key = secrets.token_hex(10)
    return session.scalars(
        insert(List)
        .values(account_id=account_id, public_key=public_key, **_checked(wording))
        .returning(List.id)
    ).one()


def change(session: Session, account_id: int, list_id: int, wording: Wording) -> None:
    """Consents given so far keep the words they were given to."""
    get(session, account_id, list_id)
    _set(session, account_id, list_id, **_checked(wording))


def archive(session: Session, account_id: int, list_id: int, now: datetime) -> None:
    """Out of sight and of use; the people stay in it."""
    get(session, account_id, list_id)
    _set(session, account_id, list_id, archived_at=now)


def restore(session: Session, account_id: int, list_id: int) -> None:
    """Take it out of the archive; a merged list stands for itself again."""
    get(session, account_id, list_id)
    _set(session, account_id, list_id, archived_at=None, merged_into_id=None)


def remove(session: Session, account_id: int, list_id: int) -> None:
    """Delete the list and its subscriptions, not the contacts; proofs of consent stay."""
    found = get(session, account_id, list_id)
    if found.merged_into_id is not None:
        raise Refused(
            N_(
                "The unsubscribe links of its old mails lead over this list to the one it was"
                " merged into. Leave it in the archive."
            )
        )
    session.execute(
        update(List)
        .where(List.account_id == account_id, List.merged_into_id == list_id)
        .values(merged_into_id=None)
    )
    session.execute(delete(List).where(List.account_id == account_id, List.id == list_id))


# The better state wins (subscribed, pending, unsubscribed), except that who has left the target
# stays out of it; who left only the source and is on the target asked for the target.
_MERGE = text("""
    INSERT INTO subscriptions AS t (account_id, list_id, contact_id, state, source, created_at,
        changed_at, confirmed_at, unsubscribed_at, unsubscribed_broadcast_id)
    SELECT account_id, :target, contact_id, state, source, created_at,
        :now, confirmed_at, unsubscribed_at, unsubscribed_broadcast_id
    FROM subscriptions WHERE account_id = :account_id AND list_id = :source
    ORDER BY contact_id
    ON CONFLICT (account_id, list_id, contact_id) DO UPDATE
    SET state = EXCLUDED.state, source = EXCLUDED.source, changed_at = EXCLUDED.changed_at,
        confirmed_at = EXCLUDED.confirmed_at
    WHERE t.state = 'pending' AND EXCLUDED.state = 'subscribed'
    RETURNING contact_id
""")


def merge(session: Session, account_id: int, source_id: int, target_id: int, now: datetime) -> int:
    """Bring the people of one list into another; how many are new there.

    The source goes into the archive and stays linked to the target, so that an unsubscribe link
    of one of its old mails takes the person off both.
    """
    source, target = get(session, account_id, source_id), get(session, account_id, target_id)
    if source_id == target_id:
        raise Invalid(N_("Choose another list."), "target")
    if target.archived_at is not None or source.archived_at is not None:
        raise Refused(N_("The list is archived. Restore it first."))
    moved = session.execute(
        _MERGE,
        {"account_id": account_id, "source": source_id, "target": target_id, "now": now},
    )
    _set(session, account_id, source_id, archived_at=now, merged_into_id=target_id)
    return len(moved.all())


def _set(session: Session, account_id: int, list_id: int, **values: object) -> None:
    session.execute(
        update(List)
        .where(List.account_id == account_id, List.id == list_id)
        .values(**values, updated_at=func.now())
    )


def _checked(wording: Wording) -> dict[str, object]:
    try:
        name = line(wording.name, NAME_LENGTH)
    except Misfit:
        raise Invalid(
            N_("A name has at most %(length)s characters."), "name", length=NAME_LENGTH
        ) from None
    if not name:
        raise Invalid(N_("Give it a name."), "name")
    return {
        "name": name,
        "description": _text("description", wording.description),
        "consent_text": _text("consent_text", wording.consent_text),
        "is_public": wording.is_public,
    }


def _text(place: str, value: str) -> str:
    try:
        return paragraph(value, TEXT_LENGTH)
    except Misfit:
        raise Invalid(
            N_("A text has at most %(length)s characters."), place, length=TEXT_LENGTH
        ) from None
