"""An account with something of each kind, for walks that try every address of the URL map."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage

from PIL import Image
from sqlalchemy.orm import Session

from esp.accounts import api_keys
from esp.contacts import fields, imports, lists, subscriptions
from esp.contacts.imports import Wishes
from esp.contacts.subscriptions import Asked
from esp.content import templates
from esp.content.prepare import FooterTexts, Options, Source, prepare
from esp.delivery.dispatches import open_dispatch
from esp.delivery.facts import Hit, RecipientOutcome
from esp.delivery.hits import record_hits
from esp.delivery.ledger import record_outcomes
from esp.entrypoints.tasks import imports as importing
from esp.files import pictures, store
from esp.mailbox import queries as mailbox
from esp.mailbox.keep import Arrived, keep
from esp.places import templates_folder
from esp.runtime import Runtime
from esp.senders import transports
from esp.senders.transports import TransportSettings
from esp.suppression import by_hand
from esp.suppression import queries as suppressions
from esp.tokens import recipient_token, sign
from tests.factories import (
    make_account,
    make_broadcast,
    make_contact,
    make_link,
    make_recipient,
    make_user,
    subscribe,
)
from tests.sendings import plan_settings

BODY = """<html lang="en"><head><title>News</title></head><body>
<h1>Hello {{ contact.first_name }}</h1><p><a href="https://acme.example/shop">To the shop</a></p>
<p>{{ account.postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>"""
FILE = "Email;Vorname;Ort\nani@a.example;Änni;Köln\nwrong;Budi;Bonn\ncitra@a.example;Citra;Solo\n"
PEOPLE = ("Ayu", "Budi", "Citra", "Dewi", "Eko")
OUTCOMES = (
    ("sent", 250, "2.0.0 Queued as 7", ""),
    ("sent", 250, "2.0.0 Queued as 8", ""),
    ("failed", 550, "5.1.1 No such user", "invalid"),
    ("failed", 552, "5.2.2 Mailbox full", "full"),
    ("skipped", 0, "", "unsubscribed"),
)


@dataclass(frozen=True)
class Filled:
    """The account, its owner, and what may stand in its addresses.

    `objects` has them by the name of the parameter, `pairs` by the names of two. The keys and
    tokens open public pages: those of a list, of a mail to Ayu and of one who waits to confirm.
    """

    account_id: int
    user_id: int
    slug: str
    objects: dict[str, tuple[object, ...]]
    pairs: dict[tuple[str, ...], tuple[tuple[object, ...], ...]]
    list_key: str
    token: str
    confirm_token: str


def fill(runtime: Runtime, slug: str = "acme") -> Filled:
    """Make the account."""
    with runtime.transaction(None) as session:
        account_id = make_account(session, slug=slug, name="Acme Shoes", tracking="all")
        user_id = make_user(session, account_id, email=f"ani@{slug}.example", name="Ani")
        colleague = make_user(session, account_id, "editor", email=f"budi@{slug}.example")
        news, archived = _lists(session, runtime, account_id)
        contacts = _contacts(session, account_id, news)
        sent = _sent(session, runtime, account_id, news, contacts)
        objects = {
            "list_id": (news, archived),
            "contact_id": contacts[:2],
            "broadcast_id": (sent, *_unsent(session, runtime, account_id, news)),
            "message_id": (_mail(session, runtime, account_id, sent),),
            "template_id": _templates(session, runtime, account_id),
            "user_id": (colleague,),
            "name": ("newsletter",),
            **_settings(session, runtime, account_id),
        }
        list_key = lists.get(session, account_id, news).public_key
        waits = _waiting(session, runtime, account_id, news, slug)
    return Filled(
        account_id,
        user_id,
        slug,
        objects | {"import_id": _imports(runtime, account_id, news)},
        {("what", "ident"): _mails(objects)},
        list_key,
        recipient_token(runtime.keyring, account_id, sent, 1),
        waits,
    )


def _mails(objects: dict[str, tuple[object, ...]]) -> tuple[tuple[object, ...], ...]:
    """What the route for the HTML of mails takes."""
    return (
        ("broadcasts", objects["broadcast_id"][0]),
        ("templates", objects["template_id"][0]),
        ("mailbox", objects["message_id"][0]),
        ("ready-made", "en-newsletter"),
    )


def _waiting(session: Session, runtime: Runtime, account_id: int, news: int, slug: str) -> str:
    """Somebody has signed up; the token of the mail that asks to confirm it."""
    email = f"new@{slug}.example"
    contact_id = make_contact(session, account_id, email=email)
    subscribe(session, account_id, news, contact_id, "pending")
    end = int((runtime.clock() + timedelta(days=1)).timestamp())
    return sign(runtime.keyring, "confirm", (account_id, news, contact_id, email), end)


def _lists(session: Session, runtime: Runtime, account_id: int) -> tuple[int, int]:
    news = lists.create(
        session,
        account_id,
        lists.Wording("Weekly news", "On Mondays", "I want the weekly news of Acme Shoes."),
    )
    old = lists.create(session, account_id, lists.Wording("Old offers"))
    lists.archive(session, account_id, old, runtime.clock())
    return news, old


def _contacts(session: Session, account_id: int, news: int) -> tuple[int, ...]:
    made = [
        make_contact(
            session,
            account_id,
            email=f"{name.lower()}@customers-of-a-rather-long-domain.example",
            first_name=name,
            last_name="Lestari-Weber",
            city="Jakarta",
        )
        for name in PEOPLE
    ]
    for contact_id in made:
        subscribe(session, account_id, news, contact_id)
    return tuple(made)


def _sent(
    session: Session, runtime: Runtime, account_id: int, news: int, contacts: tuple[int, ...]
) -> int:
    """A broadcast that two got: one opened and clicked. One of them left the list."""
    start = runtime.clock() - timedelta(hours=20)
    broadcast_id = make_broadcast(
        session,
        account_id,
        (news,),
        name="October, with <love> and a long name that does not end soon",
        state="sent",
        body=BODY,
        started_at=start,
        snapshot_finished_at=start,
        finished_at=start + timedelta(minutes=5),
    )
    content = prepare(
        Source("html", "Hello", BODY),
        Options(footer=FooterTexts("View", "Preferences", "Unsubscribe")),
    )
    open_dispatch(
        session,
        account_id,
        broadcast_id,
        content=content,
        settings=plan_settings(account_id, broadcast_id),
        data={"account": {"name": "Acme Shoes", "postal_address": "1 Main Street"}},
        include_list_ids=[news],
        tracking="all",
    )
    make_link(session, account_id, broadcast_id, 0, "https://acme.example/shop", "To the shop")
    for seq, contact_id in enumerate(contacts, 1):
        make_recipient(session, account_id, broadcast_id, contact_id, seq=seq)
    ids = (account_id, broadcast_id)
    record_outcomes(
        session,
        [RecipientOutcome(*ids, seq, *told, start) for seq, told in enumerate(OUTCOMES, 1)],
    )
    hours = timedelta(hours=1)
    record_hits(
        session,
        [Hit(*ids, 1, None, start + hours), Hit(*ids, 1, 0, start + 2 * hours)],
    )
    asked = Asked("page", runtime.clock(), "ani@acme.example")
    subscriptions.unsubscribe(session, account_id, contacts[1], [news], asked)
    return broadcast_id


def _unsent(session: Session, runtime: Runtime, account_id: int, news: int) -> tuple[int, ...]:
    """A draft, one that waits for its time, and one that is held."""
    draft = make_broadcast(session, account_id, (news,), name="December", body=BODY)
    scheduled = make_broadcast(
        session,
        account_id,
        (news,),
        name="November",
        state="scheduled",
        send_at=runtime.clock() + timedelta(days=3),
    )
    held = make_broadcast(
        session,
        account_id,
        (news,),
        name="Held",
        state="held",
        started_at=runtime.clock(),
        hold_reason="A person holds it.",
    )
    return draft, scheduled, held


def _mail(session: Session, runtime: Runtime, account_id: int, broadcast_id: int) -> int:
    message = EmailMessage()
    message["Subject"], message["From"] = "Hello Ayu", "Acme <news@acme.example>"
    message["To"] = "ayu@customers-of-a-rather-long-domain.example"
    message["List-Unsubscribe"] = "<http://127.0.0.1:8000/u/" + "token" * 20 + ">"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content("Hello Ayu")
    message.add_alternative(BODY, subtype="html")
    arrived = Arrived(
        account_id,
        "b+1@bounces.localhost",
        str(message["To"]),
        str(message["From"]),
        "Hello Ayu",
        message.as_bytes(),
        runtime.clock(),
        broadcast_id,
        1,
    )
    keep(session, [arrived])
    return mailbox.messages(session, account_id).messages[0].id


def _templates(session: Session, runtime: Runtime, account_id: int) -> tuple[int, int]:
    ready_made = templates_folder() / "ready_made"
    made = [
        templates.from_ready_made(session, account_id, ready_made, "en", name, name.title()).id
        for name in ("offer", "welcome")
    ]
    templates.archive(session, account_id, made[1], runtime.clock())
    return made[0], made[1]


def _settings(session: Session, runtime: Runtime, account_id: int) -> dict[str, tuple[object, ...]]:
    by_hand.add(session, account_id, "never@customers.example", "ani@acme.example")
    suppressed = suppressions.of_email(session, account_id, "never@customers.example")
    assert suppressed
    relay = TransportSettings("Relay", "127.0.0.1", 2525, tls="none", is_default=False)
    return {
        "suppression_id": (suppressed.id,),
        "field_id": (
            fields.add(session, account_id, "Shoe size", "number").id,
            fields.add(session, account_id, "Plan", "choice", ("Free", "Plus")).id,
        ),
        "picture_id": (_picture(session, account_id),),
        "key_id": (api_keys.create_key(session, account_id, "Shop").id,),
        "transport_id": (
            transports.add_transport(session, account_id, relay, runtime.cipher, secure=False),
        ),
    }


def _picture(session: Session, account_id: int) -> int:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(data, "PNG")
    data.seek(0)
    kept = store.keep(
        session,
        account_id,
        "picture",
        "shop.png",
        "image/png",
        data,
        limit=pictures.LIMIT_BYTES,
        size=(40, 30),
    )
    return kept.id


def _imports(runtime: Runtime, account_id: int, news: int) -> tuple[int, ...]:
    """One that waits for its columns and one that is through."""
    made = []
    for begins in (False, True):
        with runtime.transaction(account_id) as session:
            data = io.BytesIO(FILE.encode())
            file = store.keep(session, account_id, "contacts", "a.csv", "", data, limit=10_000)
            row = imports.create(session, account_id, file, "ani@acme.example")
            made.append(row.id)
            if begins:
                wishes = Wishes(news, True, "shop")
                imports.map_columns(session, account_id, row.id, row.mapping, wishes)
                imports.start(session, account_id, row.id)
    importing.run(runtime, account_id)
    return tuple(made)
