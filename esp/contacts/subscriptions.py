"""What an account does to subscriptions; what people do to their own is in leave and sign_up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from esp.contacts.leave import Way, leave, prove
from esp.contacts.models import Contact, List, Subscription
from esp.engagement.record import Happening, add_events
from esp.errors import N_, NotFound, Refused
from esp.suppression.suppress import suppress


@dataclass(frozen=True)
class Asked:
    """Who of the account asked, and when: `source` names the door (page, api), `actor` the person
    or key, `wording` says on what the consent rests."""

    source: str
    at: datetime
    actor: str = ""
    wording: str = ""

    def way(self) -> Way:
        """The same as evidence."""
        return Way(self.source, self.at, wording=self.wording)


def subscribe(
    session: Session, account_id: int, contact_id: int, list_id: int, asked: Asked
) -> str:
    """The state after it. Who has left stays unsubscribed, who has not confirmed stays pending:

    only the person's own new opt-in brings them back (GDPR Art. 21(3)).
    """
    _see(session, account_id, contact_id, list_id)
    added = session.scalar(
        insert(Subscription)
        .values(
            account_id=account_id,
            list_id=list_id,
            contact_id=contact_id,
            state="subscribed",
            source=asked.source,
            changed_at=asked.at,
        )
        .on_conflict_do_nothing()
        .returning(Subscription.state)
    )
    if added is None:
        return session.scalars(
            select(Subscription.state).where(
                Subscription.account_id == account_id,
                Subscription.list_id == list_id,
                Subscription.contact_id == contact_id,
            )
        ).one()
    prove(session, account_id, contact_id, [list_id], "subscribe", asked.way())
    detail = {"source": asked.source, "actor": asked.actor}
    happening = Happening("subscribed", asked.at, contact_id, list_id=list_id, detail=detail)
    add_events(session, account_id, [happening])
    return "subscribed"


def unsubscribe(
    session: Session,
    account_id: int,
    contact_id: int,
    list_ids: Sequence[int] | None,
    asked: Asked,
) -> list[int]:
    """Take a person off these lists (None: all), as they asked; those they were on until now.

    NotFound for a list that is not there: nobody may believe that its mail stops.
    """
    if not _is_contact(session, account_id, contact_id):
        raise NotFound
    if not _are_lists(session, account_id, list_ids or ()):
        raise NotFound(N_("There is no such list."))
    left = leave(session, account_id, contact_id, list_ids, asked.way())
    detail = {"source": asked.source, "actor": asked.actor}
    add_events(
        session,
        account_id,
        [
            Happening("unsubscribed", asked.at, contact_id, list_id=list_id, detail=detail)
            for list_id in left
        ],
    )
    return left


def unsubscribe_everywhere(
    session: Session, account_id: int, contact_id: int, asked: Asked
) -> list[int]:
    """Off every list, and suppressed: no other list may write to this person either."""
    left = unsubscribe(session, account_id, contact_id, None, asked)
    email = session.scalar(
        select(Contact.email).where(Contact.account_id == account_id, Contact.id == contact_id)
    )
    if email:
        suppress(session, account_id, email, "unsubscribe", source=asked.source, actor=asked.actor)
    return left


def _see(session: Session, account_id: int, contact_id: int, list_id: int) -> None:
    archived = session.execute(
        select(List.archived_at).where(List.account_id == account_id, List.id == list_id)
    ).one_or_none()
    if archived is None or not _is_contact(session, account_id, contact_id):
        raise NotFound
    if archived.archived_at is not None:
        raise Refused(N_("The list is archived. Restore it first."))


def _are_lists(session: Session, account_id: int, list_ids: Sequence[int]) -> bool:
    found = session.scalars(
        select(List.id).where(List.account_id == account_id, List.id.in_(list_ids))
    )
    return set(found) >= set(list_ids)


def _is_contact(session: Session, account_id: int, contact_id: int) -> bool:
    found = session.scalar(
        select(Contact.id).where(Contact.account_id == account_id, Contact.id == contact_id)
    )
    return found is not None
