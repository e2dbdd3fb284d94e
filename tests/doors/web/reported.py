"""A broadcast that was sent to six people, and what they made of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import update

from esp.accounts.models import Account
from esp.delivery.facts import Hit, RecipientOutcome
from esp.delivery.hits import record_hits
from esp.delivery.ledger import record_outcomes
from esp.runtime import Runtime
from tests.doors.web.visitor import company
from tests.factories import (
    make_broadcast,
    make_contact,
    make_dispatch,
    make_link,
    make_list,
    make_recipient,
    subscribe,
)

START = datetime(2026, 11, 2, 8, 5, tzinfo=UTC)
PEOPLE = ("ani", "budi", "citra", "dewi", "eko", "farah")


class Reported(NamedTuple):
    """The account `acme`, its owner, the broadcast, its list, the address of the report."""

    account_id: int
    user_id: int
    id: int
    list_id: int
    url: str


def make_report(runtime: Runtime) -> Reported:
    """Six people: three got it (two opened, one of them clicked), two refused, one left before."""
    account_id, owner = company(runtime, email="ani@acme.example", name="Ani")
    with runtime.transaction(account_id) as session:
        session.execute(update(Account).values(time_zone="Asia/Jakarta"))
        news = make_list(session, account_id, name="News")
        broadcast_id = make_broadcast(
            session,
            account_id,
            (news,),
            name="October, with <love>",
            state="sent",
            started_at=START,
            snapshot_finished_at=START,
            finished_at=START + timedelta(minutes=5),
        )
        make_dispatch(session, account_id, broadcast_id)
        make_link(session, account_id, broadcast_id, 0, "https://acme.example/shop", "=Shop()")
        make_link(session, account_id, broadcast_id, 1, "https://acme.example/farm", "Farm")
        for seq, name in enumerate(PEOPLE, 1):
            contact_id = make_contact(session, account_id, email=f"{name}@x.example")
            subscribe(session, account_id, news, contact_id)
            make_recipient(session, account_id, broadcast_id, contact_id, seq=seq)
        told = (
            ("sent", 250, "2.0.0 Queued as 7", ""),
            ("sent", 250, "2.0.0 Queued as 8", ""),
            ("sent", 250, "2.0.0 Queued as 9", ""),
            ("failed", 550, "5.1.1 No such user", "invalid"),
            ("failed", 552, "=cmd|' /C calc'!A0", "full"),
            ("skipped", 0, "", "unsubscribed"),
        )
        ids = (account_id, broadcast_id)
        record_outcomes(
            session,
            [RecipientOutcome(*ids, seq, *one, START) for seq, one in enumerate(told, 1)],
        )
        hours = timedelta(hours=1)
        record_hits(
            session,
            [
                Hit(*ids, 1, None, START + hours),
                Hit(*ids, 1, None, START + 2 * hours),
                Hit(*ids, 2, None, START + 2 * hours),
                Hit(*ids, 2, 0, START + 3 * hours),
            ],
        )
    url = f"/a/acme/broadcasts/{broadcast_id}/report"
    return Reported(account_id, owner, broadcast_id, news, url)


def words_of(page: str) -> str:
    """The text of a page on one line, without the definitions."""
    said = re.sub(r'<span class="tip-text".*?</span>', "", page)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", said))
