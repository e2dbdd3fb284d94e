"""One function a table, with sensible defaults; each returns the new id."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from esp.accounts.models import Account, Membership, User
from esp.broadcasts.models import Broadcast, BroadcastList
from esp.contacts.models import Contact, List, Subscription
from esp.db import enter_account
from esp.delivery.models import Dispatch, Link, Recipient
from esp.engagement.record import count_all

_numbers = itertools.count(1)


def make_account(session: Session, **values: Any) -> int:
    """Leaves the session in the new account."""
    number = next(_numbers)
    account_id = session.scalar(text("SELECT nextval('accounts_id_seq')"))
    assert account_id is not None
    enter_account(session, account_id)
    defaults = {
        "slug": f"account-{number}",
        "name": f"Account {number}",
        "postal_address": "1 Main Street, 10110 Jakarta, Indonesia",
        "from_name": "Acme",
        "from_address": "news@acme.example",
    }
    session.execute(insert(Account).values(id=account_id, **(defaults | values)))
    return account_id


def make_user(session: Session, account_id: int | None = None, role: str = "owner", **values: Any):
    number = next(_numbers)
    user_id = session.scalar(
        insert(User).values(**({"email": f"user{number}@acme.example"} | values)).returning(User.id)
    )
    if account_id is not None:
        session.execute(
            insert(Membership).values(account_id=account_id, user_id=user_id, role=role)
        )
    return user_id


def make_contact(session: Session, account_id: int, **values: Any) -> int:
    number = next(_numbers)
    email = values.pop("email", f"person{number}@customers.example")
    domain = email.rpartition("@")[2] if email else None
    return _add(session, Contact, account_id=account_id, email=email, domain=domain, **values)


def make_list(session: Session, account_id: int, **values: Any) -> int:
    number = next(_numbers)
    defaults = {"name": f"List {number}", "public_key": f"key{account_id}x{number}"}
    return _add(session, List, account_id=account_id, **(defaults | values))


def subscribe(
    session: Session, account_id: int, list_id: int, contact_id: int, state: str = "subscribed"
) -> None:
    session.execute(
        insert(Subscription).values(
            account_id=account_id, list_id=list_id, contact_id=contact_id, state=state
        )
    )


def make_broadcast(
    session: Session, account_id: int, list_ids: tuple[int, ...] = (), **values: Any
) -> int:
    number = next(_numbers)
    defaults = {
        "name": f"Broadcast {number}",
        "kind": "html",
        "subject": "Hello {{ contact.first_name | default: 'friend' }}",
        "body": "<html><body><p>Hello</p><a href='https://acme.example/'>Shop</a>"
        "<p>{{ account.postal_address }} <a href='{{ unsubscribe_url }}'>Unsubscribe</a></p>"
        "</body></html>",
        "from_name": "Acme",
        "from_address": "news@acme.example",
    }
    broadcast_id = _add(session, Broadcast, account_id=account_id, **(defaults | values))
    for list_id in list_ids:
        session.execute(
            insert(BroadcastList).values(
                account_id=account_id, broadcast_id=broadcast_id, list_id=list_id, side="include"
            )
        )
    return broadcast_id


def _add(session: Session, table: Any, **values: Any) -> int:
    new_id = session.scalar(insert(table).values(**values).returning(table.id))
    assert new_id is not None
    return int(new_id)


def make_dispatch(session: Session, account_id: int, broadcast_id: int, tracking: str = "all"):
    """What the ledger of a broadcast hangs on."""
    session.execute(text("SELECT make_ledger_partition(:id)"), {"id": broadcast_id})
    session.execute(
        insert(Dispatch).values(
            account_id=account_id,
            broadcast_id=broadcast_id,
            content={},
            settings={},
            include_list_ids=[],
            exclude_list_ids=[],
            tracking=tracking,
        )
    )


def make_recipient(
    session: Session, account_id: int, broadcast_id: int, contact_id: int, **values: Any
) -> int:
    """A row of the ledger, counted; gives its seq. The broadcast has a dispatch."""
    email = session.scalar(select(Contact.email).where(Contact.id == contact_id))
    defaults = {"seq": next(_numbers), "email": email or "", "provider_id": 1}
    row = {**defaults, **values}
    session.execute(
        insert(Recipient).values(
            account_id=account_id, broadcast_id=broadcast_id, contact_id=contact_id, **row
        )
    )
    counts = {"recipients": 1, row.get("state", "queued"): 1}
    counts.pop("queued", None)
    count_all(session, account_id, broadcast_id, counts)
    return int(row["seq"])


def make_link(
    session: Session, account_id: int, broadcast_id: int, number: int, target: str, label: str = ""
) -> None:
    session.execute(
        insert(Link).values(
            account_id=account_id,
            broadcast_id=broadcast_id,
            number=number,
            target=target,
            label=label,
        )
    )
