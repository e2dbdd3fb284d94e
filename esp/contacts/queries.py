"""Finds contacts, and tells what there is to tell about one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from esp.contacts.models import Consent, Contact, List, Subscription
from esp.engagement.models import Event
from esp.suppression.models import Suppression

PAGE = 50
# So many of each index are looked at; whoever finds more types another letter.
MOST_FOUND = 1_000
# Looking inside of values reads everything; past this it has to be asked more precisely.
SCAN_MILLISECONDS = 1_500


@dataclass(frozen=True)
class Wanted:
    """What a search is narrowed to; `state` is one of a subscription's, or `suppressed`."""

    text: str = ""
    list_id: int | None = None
    state: str = ""
    before: int | None = None


@dataclass(frozen=True)
class Found:
    """`older` is the cursor of the next page; `cut` says that the search gave up early."""

    contacts: list[Contact]
    older: int | None = None
    cut: bool = False


@dataclass(frozen=True)
class Membership:
    """A list a contact is or was on."""

    list: List
    subscription: Subscription


def search(session: Session, account_id: int, wanted: Wanted, limit: int = PAGE) -> Found:
    """The newest first. Beginnings of names, addresses and companies, else parts of them."""
    words = wanted.text.strip()[:100].replace("\0", "")
    if not words:
        return _page(session, _narrowed(account_id, wanted), limit)
    ids = session.scalars(
        text("SELECT contacts_by_prefix(:words, :most)"), {"words": words, "most": MOST_FOUND}
    ).all()
    query = _narrowed(account_id, wanted)
    if ids:
        found = _page(session, query.where(Contact.id.in_(ids)), limit)
        if found.contacts or wanted.before is not None:
            return Found(found.contacts, found.older, len(ids) >= MOST_FOUND)
    return _scan(session, query, words, limit)


def memberships(session: Session, account_id: int, contact_id: int) -> list[Membership]:
    """Archived lists last."""
    rows = session.execute(
        select(List, Subscription)
        .join(
            Subscription,
            (Subscription.account_id == List.account_id) & (Subscription.list_id == List.id),
        )
        .where(List.account_id == account_id, Subscription.contact_id == contact_id)
        .order_by(List.archived_at.is_not(None), func.lower(List.name), List.id)
    )
    return [Membership(*row) for row in rows]


def list_names(
    session: Session, account_id: int, contact_ids: Sequence[int]
) -> dict[int, list[tuple[str, str]]]:
    """(name, state) of the lists in use of each contact, for a table."""
    rows = session.execute(
        select(Subscription.contact_id, List.name, Subscription.state)
        .join(
            List, (List.account_id == Subscription.account_id) & (List.id == Subscription.list_id)
        )
        .where(
            Subscription.account_id == account_id,
            Subscription.contact_id.in_(contact_ids),
            List.archived_at.is_(None),
        )
        .order_by(func.lower(List.name))
    )
    found: dict[int, list[tuple[str, str]]] = {}
    for contact_id, name, state in rows:
        found.setdefault(contact_id, []).append((name, state))
    return found


def suppressed(session: Session, account_id: int, emails: Sequence[str | None]) -> set[str]:
    """Those of the addresses that get no mail."""
    return set(
        session.scalars(
            select(Suppression.email).where(
                Suppression.account_id == account_id,
                Suppression.email.in_([email for email in emails if email]),
            )
        )
    )


def recent_events(
    session: Session, account_id: int, contact_id: int, before: datetime, limit: int = 50
) -> list[Event]:
    """What a contact did before `before`, the newest first."""
    return list(
        session.scalars(
            select(Event)
            .where(
                Event.account_id == account_id,
                Event.contact_id == contact_id,
                Event.at <= before,
            )
            .order_by(Event.at.desc(), Event.id.desc())
            .limit(limit)
        )
    )


def proofs(session: Session, account_id: int, contact_id: int, limit: int = 100) -> list[Consent]:
    """What the person agreed to and withdrew, the newest first."""
    return list(
        session.scalars(
            select(Consent)
            .where(Consent.account_id == account_id, Consent.contact_id == contact_id)
            .order_by(Consent.id.desc())
            .limit(limit)
        )
    )


def count(session: Session, account_id: int) -> int:
    """How many contacts the account has."""
    return session.scalar(select(func.count()).where(Contact.account_id == account_id)) or 0


def _narrowed(account_id: int, wanted: Wanted) -> Select[Contact]:
    query = select(Contact).where(Contact.account_id == account_id)
    if wanted.before is not None:
        query = query.where(Contact.id < wanted.before)
    if wanted.state == "suppressed":
        query = query.where(
            exists().where(Suppression.account_id == account_id, Suppression.email == Contact.email)
        )
    if wanted.list_id is not None or wanted.state not in ("", "suppressed"):
        of = exists().where(
            Subscription.account_id == account_id, Subscription.contact_id == Contact.id
        )
        if wanted.list_id is not None:
            of = of.where(Subscription.list_id == wanted.list_id)
        if wanted.state not in ("", "suppressed"):
            of = of.where(Subscription.state == wanted.state)
        query = query.where(of)
    return query


def _page(session: Session, query: Select[Contact], limit: int) -> Found:
    rows = list(session.scalars(query.order_by(Contact.id.desc()).limit(limit + 1)))
    return Found(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def _scan(session: Session, query: Select[Contact], words: str, limit: int) -> Found:
    """Words anywhere in a value, as far as the time allows."""
    query = query.where(
        func.concat_ws(
            " ",
            Contact.email,
            Contact.first_name,
            Contact.last_name,
            Contact.company,
            Contact.external_id,
        ).icontains(words, autoescape=True)
    )
    before = session.scalar(text("SELECT current_setting('statement_timeout')"))
    try:
        with session.begin_nested():
            _allow(session, str(SCAN_MILLISECONDS))
            found = _page(session, query, limit)
            _allow(session, str(before))
    except OperationalError:
        return Found([], cut=True)
    return found


def _allow(session: Session, time: str) -> None:
    session.execute(text("SELECT set_config('statement_timeout', :time, true)"), {"time": time})
