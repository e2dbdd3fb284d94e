"""Shows a message as one person would read it, before anybody has got it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from esp.accounts.models import Account
from esp.broadcasts.compose import lists_of
from esp.broadcasts.freeze import merge_data
from esp.broadcasts.message import content_of
from esp.broadcasts.models import Broadcast
from esp.contacts.merge import COLUMNS, contact_data
from esp.contacts.models import Contact, List
from esp.content import liquid
from esp.content.models import Template
from esp.content.problems import Problem
from esp.delivery.plan import FillError, PlanRecipient, render_browser
from esp.errors import N_, NotFound

# A person who does not exist, for a preview before there are contacts.
SAMPLES = {
    "en": {
        "email": "alex.taylor@example.com",
        "first_name": "Alex",
        "last_name": "Taylor",
        "company": "Example Ltd",
        "occupation": "Designer",
        "city": "London",
        "country": "GB",
    },
    "id": {
        "email": "ayu.lestari@example.com",
        "first_name": "Ayu",
        "last_name": "Lestari",
        "company": "PT Contoh",
        "occupation": "Perancang",
        "city": "Bandung",
        "country": "ID",
    },
}
# Addresses that only a sent mail has lead nowhere in a preview.
NOWHERE = dict.fromkeys(("unsubscribe_url", "preferences_url", "view_url"), "#")
NO_MESSAGE = N_("The message can't be shown yet. What has to be mended stands beside it.")


@dataclass(frozen=True)
class Preview:
    """`html` None: it can't be shown, and `problems` says why."""

    subject: str
    html: str | None
    problems: tuple[Problem, ...]


def draft_of(template: Template, account: Account) -> Broadcast:
    """A template as the draft it would become; never stored."""
    return Broadcast(
        account_id=template.account_id,
        id=0,
        name=template.name,
        kind=template.kind,
        subject=template.subject,
        preheader=template.preheader,
        body=template.body,
        text=template.text,
        add_footer=True,
        from_name=account.from_name or account.name,
        from_address=account.from_address,
        reply_to="",
    )


def sample(language: str) -> dict[str, Any]:
    """What `contact` holds for the person who does not exist."""
    empty: dict[str, Any] = {**dict.fromkeys(COLUMNS, ""), "birth_date": None, "fields": {}}
    return contact_data({**empty, "language": language, **SAMPLES[language]})


def person(
    session: Session, account_id: int, contact_id: int | None, language: str
) -> dict[str, Any]:
    """What `contact` holds for a contact, or for the sample; NotFound for a stranger."""
    if contact_id is None:
        return sample(language)
    contact = session.scalar(
        select(Contact).where(Contact.account_id == account_id, Contact.id == contact_id)
    )
    if contact is None:
        raise NotFound
    return contact_data(contact)


def data_for(
    session: Session, broadcast: Broadcast, account: Account, contact: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """All that merge tags reach for this person."""
    include, _ = lists_of(session, account.id, broadcast.id)
    first = session.get(List, (account.id, include[0])) if include else None
    return merge_data(account, broadcast, first, now) | {"contact": contact}


def show(
    session: Session, broadcast: Broadcast, account: Account, contact: dict[str, Any], now: datetime
) -> Preview:
    """The message for `contact` (see `person`), its links as they were written."""
    content = content_of(broadcast, account, measured=False)
    if content.errors:
        return Preview(content.subject, None, content.problems)
    data = data_for(session, broadcast, account, contact, now)
    reader = PlanRecipient(0, str(contact["email"]), str(contact["name"]), data, track_opens=False)
    try:
        html = render_browser(content, reader, NOWHERE)
        subject = liquid.render(content.subject, {**data, **NOWHERE}, html=False)
    except (FillError, liquid.TooMuch) as error:
        problem = Problem("error", "too-much", error.text, values=error.values)
        return Preview(content.subject, None, (*content.problems, problem))
    return Preview(" ".join(subject.split()), html, content.problems)


def choices(session: Session, account_id: int, words: str, limit: int = 8) -> list[Contact]:
    """Contacts to preview as: those whose address begins with `words`, else the newest."""
    query = select(Contact).where(Contact.account_id == account_id, Contact.email.is_not(None))
    beginning = words.strip().lower()
    if beginning:
        # A range and not LIKE: row-level security bars LIKE from an index.
        query = query.where(
            Contact.email >= beginning, Contact.email < beginning + "\U0010ffff"
        ).order_by(Contact.email)
    else:
        query = query.order_by(Contact.created_at.desc(), Contact.id.desc())
    return list(session.scalars(query.limit(limit)))
