"""Double opt-in: a sign-up makes a pending subscription, and its confirmation a full one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from esp.addresses import domain_of
from esp.contacts.leave import Way, prove
from esp.contacts.models import Consent, Contact, List, Subscription
from esp.engagement.record import Happening, add_events
from esp.suppression import suppress
from esp.suppression.models import Suppression

# The first mail and one reminder, however often somebody types an address (LAW-08).
MAILS_A_WEEK = 2
LIFETIME = timedelta(days=7)


@dataclass(frozen=True)
class SignUp:
    """What a person typed; `email` in its normal form."""

    email: str
    first_name: str = ""
    language: str = ""


@dataclass(frozen=True)
class Pending:
    """A subscription that waits for its confirmation mail."""

    contact_id: int
    email: str


Confirmation = Literal["confirmed", "already", "gone"]


def list_of_key(session: Session, account_id: int, public_key: str) -> List | None:
    """The list behind a sign-up page's address, if it takes people."""
    return session.scalar(
        select(List).where(
            List.account_id == account_id,
            List.public_key == public_key,
            List.is_public,
            List.archived_at.is_(None),
        )
    )


def account_of_key(session: Session, public_key: str) -> int | None:
    """Which account has the list; works in no account."""
    found: int | None = session.scalar(text("SELECT account_of_list(:key)"), {"key": public_key})
    return found


def sign_up(
    session: Session, account_id: int, list_id: int, wish: SignUp, way: Way
) -> Pending | None:
    """Note the wish; None when no mail is to be sent: subscribed, never to be mailed, or reminded.

    Says nothing to the outside about which of these it was.
    """
    if _barred(session, account_id, wish.email):
        return None
    contact_id = _contact(session, account_id, wish)
    state = _make_pending(session, account_id, list_id, contact_id, way)
    if state == "subscribed":
        return None
    if _mails_this_week(session, account_id, list_id, contact_id, way) >= MAILS_A_WEEK:
        return None
    prove(session, account_id, contact_id, [list_id], "subscribe", way)
    happening = Happening("subscribed", way.at, contact_id, list_id=list_id)
    add_events(session, account_id, [replace(happening, detail={"source": way.source})])
    return Pending(contact_id, wish.email)


def confirm(
    session: Session, account_id: int, list_id: int, pending: Pending, way: Way
) -> Confirmation:
    """Make a pending subscription a full one, once; "gone" when it does not wait any more."""
    email = session.scalar(
        select(Contact.email).where(
            Contact.account_id == account_id, Contact.id == pending.contact_id
        )
    )
    if email != pending.email:
        return "gone"
    confirmed = session.scalar(
        update(Subscription)
        .where(*_of(account_id, list_id, pending.contact_id), Subscription.state == "pending")
        .values(
            state="subscribed",
            confirmed_at=way.at,
            changed_at=way.at,
            unsubscribed_at=None,
            unsubscribed_broadcast_id=None,
        )
        .returning(Subscription.contact_id)
    )
    if confirmed is None:
        state = state_of(session, account_id, list_id, pending.contact_id)
        return "already" if state == "subscribed" else "gone"
    # The person's own new wish ends their own old one; nobody else's.
    if _reason(session, account_id, pending.email) == "unsubscribe":
        suppress.lift(session, account_id, pending.email)
    prove(session, account_id, pending.contact_id, [list_id], "confirm", way)
    add_events(
        session,
        account_id,
        [Happening("confirmed", way.at, pending.contact_id, list_id=list_id)],
    )
    return "confirmed"


def state_of(session: Session, account_id: int, list_id: int, contact_id: int) -> str | None:
    """The subscription's state; None when there is none."""
    return session.scalar(select(Subscription.state).where(*_of(account_id, list_id, contact_id)))


def _of(account_id: int, list_id: int, contact_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Subscription.account_id == account_id,
        Subscription.list_id == list_id,
        Subscription.contact_id == contact_id,
    )


def _reason(session: Session, account_id: int, email: str) -> str | None:
    return session.scalar(
        select(Suppression.reason).where(
            Suppression.account_id == account_id, Suppression.email == email
        )
    )


def _barred(session: Session, account_id: int, email: str) -> bool:
    return _reason(session, account_id, email) not in (None, "unsubscribe")


def _contact(session: Session, account_id: int, wish: SignUp) -> int:
    """The contact with this address, made if new; a stranger's form changes no known person."""
    made: int | None = session.scalar(
        insert(Contact)
        .values(
            account_id=account_id,
            email=wish.email,
            domain=domain_of(wish.email),
            first_name=wish.first_name,
            language=wish.language,
            source="form",
        )
        .on_conflict_do_nothing(index_elements=["account_id", "email"])
        .returning(Contact.id)
    )
    if made is not None:
        return made
    known: int = session.scalars(
        select(Contact.id).where(Contact.account_id == account_id, Contact.email == wish.email)
    ).one()
    return known


def _make_pending(
    session: Session, account_id: int, list_id: int, contact_id: int, way: Way
) -> str:
    """The state after it: "subscribed" stays, everything else waits for a confirmation."""
    session.execute(
        insert(Subscription)
        .values(
            account_id=account_id,
            list_id=list_id,
            contact_id=contact_id,
            state="pending",
            source=way.source,
            changed_at=way.at,
        )
        .on_conflict_do_update(
            index_elements=["account_id", "list_id", "contact_id"],
            set_={"state": "pending", "changed_at": way.at, "confirmed_at": None},
            where=Subscription.state == "unsubscribed",
        )
    )
    return state_of(session, account_id, list_id, contact_id) or "pending"


def _mails_this_week(
    session: Session, account_id: int, list_id: int, contact_id: int, way: Way
) -> int:
    count = session.scalar(
        select(func.count())
        .select_from(Consent)
        .where(
            Consent.account_id == account_id,
            Consent.contact_id == contact_id,
            Consent.list_id == list_id,
            Consent.action == "subscribe",
            Consent.at > way.at - LIFETIME,
        )
    )
    return count or 0
