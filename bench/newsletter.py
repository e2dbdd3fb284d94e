"""The message and the people of the sending bench, as an author and an import would leave them."""

from __future__ import annotations

import re

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from bench import fill
from esp.accounts.models import Account
from esp.broadcasts import compose
from esp.contacts import lists
from esp.db import enter_account

_PEOPLE = text("""
    INSERT INTO contacts (account_id, email, domain, external_id, first_name, last_name, city,
        company, source)
    SELECT :account, 'person' || n || '@example' || n % 50 || '.net', 'example' || n % 50 || '.net',
        upper(lpad(to_hex(n * 2654435761 % 4294967296), 8, '0')),
        (CAST(:first_names AS text[]))[n % cardinality(CAST(:first_names AS text[])) + 1],
        'Example' || n, (CAST(:cities AS text[]))[n % cardinality(CAST(:cities AS text[])) + 1],
        'Company & Sons ' || n % 3000, 'bench'
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
""")
_SUBSCRIBE = text("""
    INSERT INTO subscriptions (account_id, list_id, contact_id, state, source)
    SELECT account_id, :list, id, 'subscribed', 'bench' FROM contacts
    WHERE account_id = :account AND id > :after
""")


def draft() -> dict[str, object]:
    """What an author writes: bench.fill's message, its links leading to a shop."""
    written = fill.content(logic=False)

    def plain(words: str) -> str:
        words = re.sub(r"\{\{ click_(\d+) \}\}", r"https://shop.example.com/story/\1", words)
        # The pixel comes from us; a code of one's own is the contact's number elsewhere.
        return re.sub(r"<img[^>]+pixel_url[^>]+>", "", words).replace(
            "contact.code", "contact.external_id"
        )

    return {
        "name": "Weekly news",
        "kind": "html",
        "subject": written.subject,
        "body": plain(written.html),
        "text": plain(written.text),
        "add_footer": True,
    }


def make_account(session: Session, slug: str) -> int:
    """An account that measures everybody; leaves the session in it."""
    account_id = session.scalars(text("SELECT nextval('accounts_id_seq')")).one()
    enter_account(session, account_id)
    values = {
        "slug": slug,
        "name": "Example News",
        "from_name": "Example News",
        "from_address": "news@example.com",
        "postal_address": "1 Main Street, 10110 Jakarta, Indonesia",
        "tracking": "all",
    }
    session.execute(insert(Account).values(id=account_id, **values))
    return int(account_id)


def make_list(session: Session, account_id: int, name: str, people: int) -> int:
    """A list of `people` new contacts."""
    list_id = lists.create(session, account_id, lists.Wording(name))
    values = {"account": account_id}
    known = session.scalar(
        text("SELECT count(*) FROM contacts WHERE account_id = :account"), values
    )
    after = session.scalar(text("SELECT max(id) FROM contacts WHERE account_id = :account"), values)
    session.execute(
        _PEOPLE,
        values
        | {
            "first_names": list(fill.FIRST_NAMES),
            "cities": list(fill.CITIES),
            "first": known + 1,
            "last": known + people,
        },
    )
    session.execute(_SUBSCRIBE, values | {"list": list_id, "after": after or 0})
    return list_id


def make_broadcast(session: Session, account_id: int, list_id: int) -> int:
    """A draft that is ready to be scheduled."""
    broadcast = compose.create(session, account_id, draft())
    compose.set_lists(session, account_id, broadcast.id, (list_id,))
    return broadcast.id
