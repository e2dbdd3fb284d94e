"""From journals to the database: each fact once, whoever ships it and however often."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from esp import journal
from esp.clock import utc_now
from esp.delivery import notices, shipping
from esp.delivery.facts import (
    HITS,
    NoticeOutcome,
    RecipientOutcome,
    encode_hit,
    encode_notice,
    encode_outcome,
    encode_unsubscribe,
)
from esp.delivery.notices import Origin
from esp.delivery.return_path import NoticeRef, whose
from esp.journal import Journal
from tests.factories import make_account
from tests.sendings import counts, make_sending, states

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def sending(runtime):
    with runtime.transaction(None) as session:
        return make_sending(session, make_account(session), 50)


def sent(sending, seq: int) -> bytes:
    return encode_outcome(
        RecipientOutcome(
            sending.account_id, sending.broadcast_id, seq, "sent", 250, "2.0.0 ok", "", AT
        )
    )


def test_two_processes_ship_one_journal_once(runtime, sending):
    writer = Journal(runtime.journal_folder, "send")
    hit = (sending.account_id, sending.broadcast_id)
    for seq in range(1, 41):
        writer.append(sent(sending, seq))
        writer.append(encode_hit(*hit, seq, None, AT))
        writer.append(encode_hit(*hit, seq, 0, AT))

    def ship() -> None:
        shipping.ship_file(runtime.transaction, runtime.journal_folder, writer.name)

    threads = [threading.Thread(target=ship) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with runtime.transaction(sending.account_id) as session:
        assert states(session, sending) == {"sent": 40, "queued": 10}
        assert counts(session, sending) == {
            "sent": 40, "opens": 40, "unique_opens": 40, "clicks": 40, "unique_clicks": 40,
        }  # fmt: skip
        assert session.scalar(text("SELECT count(*) FROM events")) == 80
    writer.close()


def test_what_is_no_fact_or_cannot_be_stored_does_not_hold_up_the_rest(runtime, sending):
    writer = Journal(runtime.journal_folder, "send")
    impossible = encode_hit(sending.account_id, sending.broadcast_id, 2**40, None, AT)
    for fact in (sent(sending, 1), b"nonsense", b"[]", impossible, sent(sending, 2)):
        writer.append(fact)
    shipping.ship_file(runtime.transaction, runtime.journal_folder, writer.name)
    with runtime.transaction(sending.account_id) as session:
        assert states(session, sending) == {"sent": 2, "queued": 48}
    writer.close()


def test_hits_of_the_living_and_the_dead_are_shipped(runtime, sending):
    folder = runtime.journal_folder
    living, dead = Journal(folder, HITS, segment_bytes=200), Journal(folder, HITS)
    hit = (sending.account_id, sending.broadcast_id)
    for seq in range(1, 21):
        living.append(encode_hit(*hit, seq, None, AT + timedelta(seconds=seq)))
    dead.append(encode_unsubscribe(*hit, 7, utc_now(), "one-click"))
    dead.close()
    for _ in range(2):
        shipping.ship_hits(runtime.transaction, folder)
    assert journal.names(folder, HITS) == [living.name]
    assert len(journal.segments(folder, living.name)) == 1
    with runtime.transaction(sending.account_id) as session:
        assert counts(session, sending) == {"opens": 20, "unique_opens": 20, "unsubscribed": 1}
        left = session.scalars(
            text("SELECT contact_id FROM subscriptions WHERE state = 'unsubscribed'")
        ).all()
        assert left == [sending.first_contact + 6]
    living.close()


@pytest.mark.standard("TRK-07")
@pytest.mark.parametrize(
    ("tracking", "consent", "kept"),
    [
        ("all", None, True),
        ("all", True, True),
        ("all", False, False),
        ("consented", None, False),
        ("consented", True, True),
        ("consented", False, False),
        ("none", True, False),
    ],
)
def test_what_is_stored_of_a_person(runtime, tracking, consent, kept):
    with runtime.transaction(None) as session:
        sending = make_sending(session, make_account(session), 1, tracking=tracking)
        session.execute(text("UPDATE contacts SET tracking_consent = :yes"), {"yes": consent})
    writer = Journal(runtime.journal_folder, HITS)
    hit = (sending.account_id, sending.broadcast_id, 1)
    for link in (None, None, 0, 0, 1):
        writer.append(encode_hit(*hit, link, AT))
    shipping.ship_hits(runtime.transaction, runtime.journal_folder)
    writer.close()

    with runtime.transaction(sending.account_id) as session:
        found = counts(session, sending)
        events = session.scalar(text("SELECT count(*) FROM events"))
        person = session.execute(text("SELECT last_open_at, last_click_at FROM contacts")).one()
        copy = session.execute(text("SELECT opens, clicks, opened_at FROM recipients")).one()
        links = session.execute(
            text("SELECT number, clicks, unique_clicks FROM link_counts ORDER BY number")
        ).all()
    if kept:
        assert found == {"opens": 2, "unique_opens": 1, "clicks": 3, "unique_clicks": 1}
        assert (events, tuple(person), tuple(copy)) == (5, (AT, AT), (2, 3, AT))
        assert links == [(0, 2, 1), (1, 1, 1)]
    else:
        assert found == {"clicks": 3}
        assert (events, tuple(person), tuple(copy)) == (0, (None, None), (0, 0, None))
        assert links == [(0, 2, 0), (1, 1, 0)]


def test_a_notice_is_claimed_once_and_forgets_its_message_when_final(runtime):
    origin = Origin.of(runtime.settings, runtime.keyring, "Acme")
    with runtime.transaction(None) as session:
        account_id = make_account(session)
        notice_id = notices.queue(
            session, account_id, origin, kind="reset", email="ana@customers.example",
            subject="Hello {{ name }}", text="Your link: {{ link }}\n",
            data={"name": "Ana", "link": "http://127.0.0.1:8000/reset/secret"}, now=AT,
        )  # fmt: skip
    with runtime.transaction(account_id) as session:
        (due,) = notices.claim(session, account_id, AT, 10)
        assert notices.claim(session, account_id, AT, 10) == []
    assert b"Subject: Hello Ana\r\n" in due.message
    assert b"reset/secret" in due.message
    assert whose(runtime.keyring, due.mail_from) == NoticeRef(account_id, notice_id)

    writer = Journal(runtime.journal_folder, "send")
    for kind, at in (("deferred", AT), ("sent", AT + timedelta(minutes=5))):
        writer.append(
            encode_notice(
                NoticeOutcome(account_id, notice_id, kind, 250, "ok", at, AT + timedelta(minutes=5))
            )
        )
    shipping.ship_file(runtime.transaction, runtime.journal_folder, writer.name)
    writer.close()
    with runtime.transaction(account_id) as session:
        row = session.execute(text("SELECT state, attempts, message, at FROM notices")).one()
    assert tuple(row) == ("sent", 2, b"", AT + timedelta(minutes=5))
