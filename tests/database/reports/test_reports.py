"""What a report says equals a count from scratch over the ledger and the events."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text, update

from esp.broadcasts.why import why
from esp.contacts.models import Contact
from esp.delivery.facts import Hit, RecipientOutcome
from esp.delivery.hits import record_hits
from esp.delivery.ledger import record_outcomes
from esp.delivery.models import Recipient
from esp.errors import Invalid
from esp.reports import evidence, queries, recipients
from esp.senders.models import Provider
from tests.factories import (
    make_broadcast,
    make_contact,
    make_dispatch,
    make_link,
    make_list,
    make_recipient,
    subscribe,
)

START = datetime(2026, 10, 24, 22, 10, tzinfo=UTC)


@pytest.fixture
def news(session, account_id):
    return make_list(session, account_id, name="News")


@pytest.fixture
def broadcast_id(session, account_id, news):
    made = make_broadcast(session, account_id, (news,), state="sending", started_at=START)
    make_dispatch(session, account_id, made)
    return made


def add_people(session, account_id, broadcast_id, number, **values):
    """Recipients with seqs from 1, all with a provider of their own."""
    session.execute(
        insert(Provider).values([{"id": 901, "name": "google"}, {"id": 902, "name": "other"}])
    )
    for seq in range(1, number + 1):
        contact_id = make_contact(session, account_id, email=f"p{seq:03}@x.example")
        make_recipient(
            session,
            account_id,
            broadcast_id,
            contact_id,
            seq=seq,
            provider_id=901 + seq % 2,
            **values,
        )


def live(session, account_id, broadcast_id, chance: random.Random):
    """A random life of 60 recipients: outcomes, opens and clicks as the senders and doors tell."""
    add_people(session, account_id, broadcast_id, 60)
    for number in range(3):
        make_link(session, account_id, broadcast_id, number, f"https://x.example/{number}")
    outcomes, hits = [], []
    for seq in range(1, 56):
        at = START + timedelta(minutes=seq)
        kind = chance.choice(["sent", "sent", "sent", "deferred", "failed", "skipped"])
        reason = {
            "failed": chance.choice(["invalid", "full", "policy"]),
            "skipped": "unsubscribed",
        }.get(kind, "")
        next_at = at + timedelta(minutes=30) if kind == "deferred" else None
        outcomes.append(
            RecipientOutcome(account_id, broadcast_id, seq, kind, 250, "x", reason, at, next_at)
        )
        for _ in range(chance.choice([0, 0, 1, 3]) if kind == "sent" else 0):
            link = chance.choice([None, None, 0, 1])
            later = at + timedelta(minutes=chance.randint(1, 3_000))
            hits.append(Hit(account_id, broadcast_id, seq, link, later))
    record_outcomes(session, outcomes)
    # Opens and clicks come in more than one shipment.
    half = len(hits) // 2
    record_hits(session, hits[:half])
    record_hits(session, hits[half:])


@pytest.mark.parametrize("seed", range(5))
def test_the_figures_equal_a_count_from_scratch(session, account_id, broadcast_id, seed):
    live(session, account_id, broadcast_id, random.Random(seed))
    ledger = session.scalars(select(Recipient).where(Recipient.broadcast_id == broadcast_id)).all()
    events = session.execute(
        text("SELECT kind, link_number, seq, at FROM events WHERE broadcast_id = :id"),
        {"id": broadcast_id},
    ).all()
    opens = [event for event in events if event.kind == "opened"]
    clicks = [event for event in events if event.kind == "clicked"]

    found = queries.of_broadcast(session, account_id, broadcast_id)

    for state in ("sent", "failed", "skipped", "deferred", "queued"):
        assert getattr(found, state) == sum(row.state == state for row in ledger), state
    assert found.recipients == len(ledger)
    assert (found.opens, found.clicks) == (len(opens), len(clicks))
    assert found.rate("opened").count == len({event.seq for event in opens})
    assert found.rate("clicked").count == len({event.seq for event in clicks})
    links = {row.number: row for row in queries.by_link(session, account_id, broadcast_id)}
    for number, row in links.items():
        of_link = [event for event in clicks if event.link_number == number]
        assert (row.clicks, row.unique_clicks) == (len(of_link), len({e.seq for e in of_link}))
    by_hour = queries.by_hour(session, account_id, broadcast_id)
    assert sum(count for _, name, count in by_hour if name == "opens") == len(opens)
    providers = queries.by_provider(session, account_id, broadcast_id)
    assert {row.provider: row.recipients for row in providers} == {"google": 30, "other": 30}
    assert sum(row.opened for row in providers) == found.rate("opened").count
    reasons = queries.by_reason(session, account_id, broadcast_id)
    counted = Counter((row.state, row.reason) for row in ledger if row.reason)
    assert {(row.state, row.reason): row.recipients for row in reasons} == counted


def test_only_what_may_end_otherwise_is_tried_again():
    reasons = [
        queries.ReasonFigures(*row)
        for row in (("failed", "invalid", 3), ("failed", "full", 2), ("skipped", "full", 9))
    ]
    assert [row.may_be_retried for row in reasons] == [False, True, False]


def test_tracking_is_that_of_the_start(session, account_id, broadcast_id):
    draft = make_broadcast(session, account_id)
    assert queries.tracking_of(session, account_id, broadcast_id) == "all"
    assert queries.tracking_of(session, account_id, draft) == "consented"


class TestRecipients:
    def seqs(self, session, account_id, broadcast_id, **asked):
        rows = recipients.page(session, account_id, broadcast_id, **asked)
        return [row.seq for row in rows]

    def test_pages_forth_and_back(self, session, account_id, broadcast_id):
        add_people(session, account_id, broadcast_id, 7)
        ids = (session, account_id, broadcast_id)
        assert self.seqs(*ids, limit=3) == [1, 2, 3]
        assert self.seqs(*ids, limit=3, after=3) == [4, 5, 6]
        assert self.seqs(*ids, limit=3, after=6) == [7]
        assert self.seqs(*ids, limit=3, before=7) == [4, 5, 6]
        assert self.seqs(*ids, limit=3, before=2) == [1]

    def test_by_the_beginning_of_an_address(self, session, account_id, broadcast_id):
        add_people(session, account_id, broadcast_id, 12)
        ids = (session, account_id, broadcast_id)
        assert self.seqs(*ids, email=" P01") == [10, 11, 12]
        assert self.seqs(*ids, email="%") == []

    def test_by_state_and_by_deed(self, session, account_id, broadcast_id):
        add_people(session, account_id, broadcast_id, 5, state="sent")
        ids = (session, account_id, broadcast_id)
        for seq, column in enumerate(("bounced_at", "opened_at", "clicked_at"), 1):
            session.execute(
                update(Recipient)
                .where(Recipient.broadcast_id == broadcast_id, Recipient.seq == seq)
                .values({column: START})
            )
        assert self.seqs(*ids, wish="sent") == [1, 2, 3, 4, 5]
        assert self.seqs(*ids, wish="delivered") == [2, 3, 4, 5]
        assert self.seqs(*ids, wish="bounced") == [1]
        assert self.seqs(*ids, wish="opened") == [2]
        assert self.seqs(*ids, wish="clicked") == [3]
        assert self.seqs(*ids, wish="failed") == []

    def test_there_is_no_other_state(self, session, account_id, broadcast_id):
        with pytest.raises(Invalid):
            recipients.page(session, account_id, broadcast_id, wish="drop table")


class TestEvidence:
    def test_lists_as_they_are_now(self, session, account_id, broadcast_id, news):
        contact_id = make_contact(session, account_id, email="ani@x.example")
        subscribe(session, account_id, news, contact_id, "pending")
        answer = why(session, account_id, broadcast_id, "Ani@X.example")

        found = evidence.evidence(session, account_id, broadcast_id, answer)

        assert answer.code == "pending"
        assert found.contact_id == contact_id
        assert [(one.name, one.side, one.state) for one in found.lists] == [
            ("News", "include", "pending")
        ]

    def test_when_the_next_try_is(self, session, account_id, broadcast_id):
        add_people(session, account_id, broadcast_id, 1)
        soon = START + timedelta(minutes=40)
        record_outcomes(
            session,
            [
                RecipientOutcome(
                    account_id, broadcast_id, 1, "deferred", 421, "later", "", START, soon
                )
            ],
        )
        answer = why(session, account_id, broadcast_id, "p001@x.example")
        assert answer.code == "deferred"
        assert evidence.evidence(session, account_id, broadcast_id, answer).next_at == soon

    def test_a_deleted_contact_leaves_the_ledger_behind(self, session, account_id, broadcast_id):
        add_people(session, account_id, broadcast_id, 1, state="sent")
        session.execute(Contact.__table__.delete().where(Contact.email == "p001@x.example"))
        answer = why(session, account_id, broadcast_id, "p001@x.example")
        found = evidence.evidence(session, account_id, broadcast_id, answer)
        assert (answer.code, found.contact_id, found.lists) == ("sent", None, ())

    def test_nobody_has_no_evidence(self, session, account_id, broadcast_id):
        answer = why(session, account_id, broadcast_id, "nobody@x.example")
        found = evidence.evidence(session, account_id, broadcast_id, answer)
        assert (answer.code, found) == ("unknown", evidence.Evidence(None, (), None))
