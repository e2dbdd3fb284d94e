"""An account with something of each kind, for walks that try every address of the URL map."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta

from PIL import Image
from sqlalchemy.orm import Session

from esp.accounts import api_keys
from esp.contacts import fields, imports, lists
from esp.contacts.imports import Wishes
from esp.content import templates
from esp.entrypoints.tasks import imports as importing
from esp.files import pictures, store
from esp.places import templates_folder
from esp.runtime import Runtime
from esp.senders import domain_checks, pools, sending_domains, transports
from esp.senders.dns_checks import ELSEWHERE, MISSING, Finding
from esp.senders.pools import PoolSettings, Source
from esp.senders.transports import TransportSettings
from esp.suppression import by_hand
from esp.suppression import queries as suppressions
from esp.tokens import recipient_token, sign
from tests.factories import (
    make_account,
    make_contact,
    make_user,
    subscribe,
)
from tests.filled_broadcasts import delivery, kept_mail, sent_broadcast, unsent_broadcasts

FILE = "Email;Vorname;Ort\nani@a.example;Änni;Köln\nwrong;Budi;Bonn\ncitra@a.example;Citra;Solo\n"
PEOPLE = ("Ayu", "Budi", "Citra", "Dewi", "Eko")


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
        sent = sent_broadcast(session, runtime, account_id, news, contacts)
        objects = {
            "list_id": (news, archived),
            "contact_id": contacts[:2],
            "broadcast_id": (sent, *unsent_broadcasts(session, runtime, account_id, news)),
            "message_id": (kept_mail(session, runtime, account_id, sent),),
            "template_id": _templates(session, runtime, account_id),
            "user_id": (colleague,),
            "name": ("newsletter",),
            **_settings(session, runtime, account_id),
            "provider_id": (delivery(session, runtime, account_id),),
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
    sources = (Source("192.0.2.10", "mta1.acme.example"), Source("192.0.2.11"))
    pool_id = pools.add_pool(session, account_id, PoolSettings("Offers", sources))
    direct = TransportSettings("Straight", kind="direct", pool_id=pool_id, is_default=False)
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
            transports.add_transport(session, account_id, direct, runtime.cipher, secure=True),
        ),
        "pool_id": (pool_id,),
        "domain_id": _domains(session, runtime, account_id),
    }


def _domains(session: Session, runtime: Runtime, account_id: int) -> tuple[int, int]:
    """One that nobody has looked at, and one with something of each kind."""
    new, checked = (
        sending_domains.add_domain(session, account_id, name, runtime.cipher, runtime.clock())
        for name in ("acme.example", "shoes-of-a-rather-long-domain.bücher.example")
    )
    found = {
        "dmarc": Finding("missing", MISSING),
        "spf": Finding("unknown"),
        "return_path": Finding("working"),
        "tracking": Finding("wrong", ELSEWHERE, {"host": "esp.example"}, ("<b>x.example</b>",)),
    }
    domain_checks.keep_findings(session, account_id, checked.id, found, runtime.clock())
    return new.id, checked.id


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
