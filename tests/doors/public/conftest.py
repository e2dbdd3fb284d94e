"""A broadcast that has gone out, and the door its links lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import insert, text
from werkzeug.test import Client

from esp.content.prepare import FooterTexts, Options, Source, prepare
from esp.delivery.dispatches import open_dispatch
from esp.delivery.models import Link, Recipient
from esp.delivery.plan import PlanSettings
from esp.entrypoints.public import create_public
from esp.runtime import Runtime
from esp.tokens import recipient_token
from tests.factories import make_account, make_broadcast, make_contact, make_list, subscribe

BODY = """<html><body><p>Hello {{ contact.first_name }}</p>
<a href="https://acme.example/sale?a=1&amp;b=2">Sale</a>
<a href="https://acme.example/hi/{{ contact.first_name }}?to={{ contact.email | url_encode }}">U</a>
<a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ account.postal_address }}</body></html>"""


@dataclass
class Sent:
    """One copy of one broadcast, to Ana, who is on one of its lists and on another."""

    account_id: int
    broadcast_id: int
    contact_id: int
    list_id: int
    other_list_id: int
    token: str
    seq: int = 1


@pytest.fixture
def sent(runtime: Runtime) -> Sent:
    with runtime.transaction(None) as session:
        account_id = make_account(session, name="Acme Shoes", tracking="all")
        list_id = make_list(session, account_id, name="Weekly news", description="On Mondays")
        other_list_id = make_list(session, account_id, name="Offers")
        contact_id = make_contact(
            session, account_id, email="ana@customers.example", first_name="Ana"
        )
        for one in (list_id, other_list_id):
            subscribe(session, account_id, one, contact_id)
        broadcast_id = make_broadcast(session, account_id, (list_id,))
        send(session, runtime, account_id, broadcast_id, [list_id], contact_id)
    token = recipient_token(runtime.keyring, account_id, broadcast_id, 1)
    return Sent(account_id, broadcast_id, contact_id, list_id, other_list_id, token)


def send(session, runtime, account_id, broadcast_id, list_ids, contact_id) -> None:
    content = prepare(
        Source("html", "Hello", BODY),
        Options(footer=FooterTexts("View", "Preferences", "Unsubscribe")),
    )
    settings = PlanSettings(
        base_url=runtime.settings.public_url,
        tracking_base_url=runtime.settings.public_tracking_url,
        bounce_domain="bounces.localhost",
        message_id_domain="localhost",
        from_name="Acme",
        from_address="news@acme.example",
        account_id=account_id,
        broadcast_id=broadcast_id,
    )
    open_dispatch(
        session,
        account_id,
        broadcast_id,
        content=content,
        settings=settings,
        data={"account": {"name": "Acme Shoes", "postal_address": "1 Main Street"}},
        include_list_ids=list_ids,
        tracking="all",
    )
    session.execute(
        insert(Link),
        [
            {
                "account_id": account_id,
                "broadcast_id": broadcast_id,
                "number": link.index,
                "target": link.target,
            }
            for link in content.links
        ],
    )
    session.execute(
        insert(Recipient).values(
            account_id=account_id,
            broadcast_id=broadcast_id,
            seq=1,
            contact_id=contact_id,
            email="ana@customers.example",
            provider_id=session.scalar(text("SELECT min(id) FROM providers")) or 1,
            state="sent",
        )
    )


@pytest.fixture
def open_door():
    """`open_door(runtime)`: a client of another process's door."""
    doors = []

    def opened(runtime: Runtime) -> Client:
        door = create_public(runtime)
        door.pages.testing = True
        doors.append(door)
        return Client(lambda environ, start: door({"REMOTE_ADDR": "127.0.0.1"} | environ, start))

    yield opened
    for one in doors:
        one.close()


@pytest.fixture
def door(runtime: Runtime, open_door) -> Client:
    return open_door(runtime)


@pytest.fixture
def cut_off(settings, clock):
    """The product while the database is away."""
    away = settings.model_copy(
        update={"database_url": "postgresql+psycopg://nobody@127.0.0.1:1/nothing"}
    )
    runtime = Runtime.from_settings(away, clock)
    yield runtime
    runtime.close()


@pytest.fixture
def ask(runtime: Runtime, sent: Sent):
    """`ask(sql, **values)` in the account: the rows."""

    def rows(sql: str, **values: Any) -> list[tuple[Any, ...]]:
        with runtime.transaction(sent.account_id) as session:
            return [tuple(row) for row in session.execute(text(sql), values)]

    return rows


@pytest.fixture
def states(ask, sent: Sent):
    """The states of Ana's subscriptions: of the list that was mailed, and of the other."""

    def found() -> tuple[str | None, str | None]:
        of = dict(
            ask("SELECT list_id, state FROM subscriptions WHERE contact_id = :c", c=sent.contact_id)
        )
        return of.get(sent.list_id), of.get(sent.other_list_id)

    return found
