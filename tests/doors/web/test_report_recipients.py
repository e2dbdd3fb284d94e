"""The recipients of a broadcast: filters, pages, another try, why, and the files."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from esp.delivery.models import Recipient
from tests.doors.web.reported import PEOPLE, START, Reported, make_report, words_of
from tests.doors.web.visitor import Visitor, colleague
from tests.factories import make_contact, make_recipient, subscribe


@pytest.fixture
def sent(runtime) -> Reported:
    return make_report(runtime)


@pytest.fixture
def owner(app, runtime, sent) -> Visitor:
    visitor = Visitor(app)
    visitor.enter(runtime, sent.user_id)
    return visitor


def lines(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


class TestRecipients:
    def test_every_recipient_with_state_reason_and_reply(self, owner, sent):
        page = owner.get(f"{sent.url}/recipients").text
        text = words_of(page)
        assert "ani@x.example Sent 250 2.0.0 Queued as 7" in text
        assert "dewi@x.example Failed No such address 550 5.1.1 No such user" in text
        assert "farah@x.example Skipped Left before their turn" in text
        assert re.search(r'href="/a/acme/contacts/\d+">ani@x.example', page)
        assert f'href="{sent.url}/why?address=ani@x.example"' in page

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ("state=sent", PEOPLE[:3]),
            ("state=failed", PEOPLE[3:5]),
            ("state=opened", PEOPLE[:2]),
            ("state=clicked", PEOPLE[1:2]),
            ("q=EK", ("eko",)),
            ("state=sent&q=eko", ()),
        ],
    )
    def test_filters(self, owner, sent, asked, found):
        page = owner.get(f"{sent.url}/recipients?{asked}").text
        assert re.findall(r'contacts/\d+">(\w+)@', page) == list(found)
        if not found:
            assert "Nobody fits" in page

    def test_no_such_state(self, owner, sent):
        assert owner.get(f"{sent.url}/recipients?state=x").status_code == 422
        assert owner.get(f"{sent.url}/recipients.csv?state=x").status_code == 422

    def test_pages_by_cursor(self, owner, runtime, sent):
        with runtime.transaction(sent.account_id) as session:
            for seq in range(7, 121):
                contact_id = make_contact(session, sent.account_id, email=f"p{seq:03}@x.example")
                make_recipient(session, sent.account_id, sent.id, contact_id, seq=seq)
        first = owner.get(f"{sent.url}/recipients").text
        assert 'rel="prev"' not in first
        (onward,) = re.findall(r'href="([^"]+after=[^"]+)"', first)
        second = owner.get(onward.replace("&amp;", "&")).text
        assert "p051@x.example" in second
        (back,) = re.findall(r'href="([^"]+before=[^"]+)"', second)
        again = owner.get(back.replace("&amp;", "&")).text
        assert re.findall(r'contacts/\d+">([^<]+)<', again) == re.findall(
            r'contacts/\d+">([^<]+)<', first
        )
        assert 'rel="prev"' not in again


class TestRetry:
    def test_a_sender_may_try_those_again_who_failed(self, owner, runtime, sent):
        page = owner.get(f"{sent.url}/recipients").text
        (action,) = re.findall(r'action="([^"]+/retry)"', page)
        assert "Try 1 recipient again?" in page
        assert owner.post(action).status_code == 303
        with runtime.transaction(sent.account_id) as session:
            states = {row.email: row.state for row in session.scalars(select(Recipient))}
        assert states["eko@x.example"] == "queued"
        assert states["dewi@x.example"] == "failed"

    @pytest.mark.parametrize("role", ["viewer", "editor"])
    def test_others_are_not_offered_it(self, app, runtime, sent, role):
        visitor = Visitor(app)
        visitor.enter(runtime, colleague(runtime, sent.account_id, role))
        for page in (sent.url, f"{sent.url}/recipients"):
            answer = visitor.get(page)
            assert answer.status_code == 200
            assert "/retry" not in answer.text


class TestWhy:
    @pytest.mark.parametrize(
        ("address", "title", "evidence"),
        [
            ("ANI@x.example", "Yes, it was delivered", "250 2.0.0 Queued as 7"),
            ("dewi@x.example", "No, there is no such address", "550 5.1.1 No such user"),
            ("eko@x.example", "No, the mailbox is full", "552"),
            ("farah@x.example", "No, this person left before their turn", "News"),
            ("nobody@x.example", "No, there is no such contact", "Search contacts"),
            ("<script>", "No, there is no such contact", "&lt;script&gt;"),
        ],
    )
    def test_a_plain_answer_with_its_evidence(self, owner, sent, address, title, evidence):
        page = owner.get(f"{sent.url}/why", query_string={"address": address}).text
        assert f'<h2 id="answer">{title}</h2>' in page
        assert evidence in page

    def test_who_never_was_on_the_list(self, owner, runtime, sent):
        with runtime.transaction(sent.account_id) as session:
            make_contact(session, sent.account_id, email="gita@x.example")
            late = make_contact(session, sent.account_id, email="hadi@x.example")
            subscribe(session, sent.account_id, sent.list_id, late, "pending")
        page = owner.get(f"{sent.url}/why?address=gita@x.example").text
        assert "No, not on a list it went to" in page
        assert "Not on it" in page
        assert "not confirmed" in owner.get(f"{sent.url}/why?address=hadi@x.example").text

    def test_the_suppression_is_shown(self, owner, sent):
        text = words_of(owner.get(f"{sent.url}/why?address=dewi@x.example").text)
        assert "The address is suppressed Because mail to it came back for good" in text

    def test_without_an_address_it_asks_for_one(self, owner, sent):
        assert "One address, one plain answer" in owner.get(f"{sent.url}/why").text


class TestFiles:
    def test_all_recipients(self, owner, sent):
        answer = owner.get(f"{sent.url}/recipients.csv")
        assert answer.mimetype == "text/csv"
        assert (
            'filename="october-with-love-recipients.csv"' in answer.headers["Content-Disposition"]
        )
        head, *rows = lines(answer)
        assert head[:4] == ["Address", "State", "Reason", "SMTP code"]
        assert [row[0] for row in rows] == [f"{name}@x.example" for name in PEOPLE]
        assert rows[0][1:7] == [
            *("Sent", "", "250", "2.0.0 Queued as 7", "1"),
            "2026-11-02 15:05:00+07:00",
        ]
        # What a receiver says is no formula.
        assert rows[4][4] == "'=cmd|' /C calc'!A0"

    def test_those_that_were_asked_for(self, owner, sent):
        rows = lines(owner.get(f"{sent.url}/recipients.csv?state=failed"))[1:]
        assert [row[0] for row in rows] == ["dewi@x.example", "eko@x.example"]

    def test_links(self, owner, sent):
        assert lines(owner.get(f"{sent.url}/links.csv"))[1:] == [
            ["'=Shop()", "https://acme.example/shop", "1", "1", "1.0000"],
            ["Farm", "https://acme.example/farm", "0", "0", "0.0000"],
        ]

    def test_providers(self, owner, sent):
        assert lines(owner.get(f"{sent.url}/providers.csv"))[1:] == [
            ["other", "6", "3", "2", "0", "2", "1"]
        ]

    def test_hours_with_the_quiet_ones(self, owner, runtime, sent):
        runtime.clock.now = START + timedelta(hours=5)
        head, *rows = lines(owner.get(f"{sent.url}/hours.csv"))
        assert head == [
            *("Hour", "Sent", "Opens", "First opens", "Clicks", "First clicks", "Unsubscribed"),
        ]
        assert [(row[0][11:13], *row[1:5]) for row in rows] == [
            ("15", "3", "0", "0", "0"),
            ("16", "0", "1", "1", "0"),
            ("17", "0", "2", "1", "0"),
            ("18", "0", "0", "0", "1"),
            ("19", "0", "0", "0", "0"),
            ("20", "0", "0", "0", "0"),
        ]
