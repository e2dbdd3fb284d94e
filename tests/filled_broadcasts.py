"""The broadcasts of a filled account, and a mail of one."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

from sqlalchemy.orm import Session

from esp.contacts import subscriptions
from esp.contacts.subscriptions import Asked
from esp.content.prepare import FooterTexts, Options, Source, prepare
from esp.db import enter_account
from esp.delivery import brakes
from esp.delivery.dispatches import open_dispatch
from esp.delivery.facts import Hit, RecipientOutcome
from esp.delivery.hits import record_hits
from esp.delivery.ledger import record_outcomes
from esp.delivery.pacing.key import Key
from esp.delivery.tally import Tally
from esp.mailbox import queries as mailbox
from esp.mailbox.keep import Arrived, keep
from esp.runtime import Runtime
from esp.senders import providers
from tests.factories import (
    make_broadcast,
    make_link,
    make_recipient,
)
from tests.sendings import plan_settings

BODY = """<html lang="en"><head><title>News</title></head><body>
<h1>Hello {{ contact.first_name }}</h1><p><a href="https://acme.example/shop">To the shop</a></p>
<p>{{ account.postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>"""
LONG_REPLY = "4.7.28 Gmail has detected an unusual rate of mail. " + "x" * 120
OUTCOMES = (
    ("sent", 250, "2.0.0 Queued as 7", ""),
    ("sent", 250, "2.0.0 Queued as 8", ""),
    ("failed", 550, "5.1.1 No such user", "invalid"),
    ("failed", 552, "5.2.2 Mailbox full", "full"),
    ("skipped", 0, "", "unsubscribed"),
)


def sent_broadcast(
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


def unsent_broadcasts(
    session: Session, runtime: Runtime, account_id: int, news: int
) -> tuple[int, ...]:
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


def delivery(session: Session, runtime: Runtime, account_id: int) -> int:
    """What a provider answered lately, and its pause; the provider's number."""
    google, now = providers.provider_id(session, "google"), runtime.clock()
    counted = Tally()
    for kind, code, reply in (("sent", 250, ""), ("deferred", 421, LONG_REPLY)):
        counted.add(account_id, 0, google, kind, code, reply, now - timedelta(minutes=5))  # type: ignore[arg-type]  # two of the kinds
    counted.flush(session)
    enter_account(session, account_id)
    brakes.hold(session, Key(account_id, 0, google))
    return google


def kept_mail(session: Session, runtime: Runtime, account_id: int, broadcast_id: int) -> int:
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
