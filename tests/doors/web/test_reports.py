"""The pages of a report: numbers, recipients, answers, files, and who may see what."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from esp.accounts.models import Account
from esp.broadcasts.models import Broadcast
from esp.delivery.facts import Hit, RecipientOutcome
from esp.delivery.hits import record_hits
from esp.delivery.ledger import record_outcomes
from esp.delivery.models import Dispatch, Recipient
from esp.entrypoints.web import create_pages
from tests.doors.web.visitor import Visitor, colleague, company
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
FILES = ("recipients.csv", "links.csv", "providers.csv", "hours.csv")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def app(runtime):
    app = create_pages(runtime)
    app.testing = True
    return app


@pytest.fixture
def acme(runtime) -> tuple[int, int]:
    account_id, user_id = company(runtime, email="ani@acme.example", name="Ani")
    with runtime.transaction(account_id) as session:
        session.execute(update(Account).values(time_zone="Asia/Jakarta"))
    return account_id, user_id


@pytest.fixture
def owner(app, runtime, acme) -> Visitor:
    visitor = Visitor(app)
    visitor.enter(runtime, acme[1])
    return visitor


@pytest.fixture
def sent(runtime, acme):
    """Six people: three got it (two opened, one of them clicked), two refused, one left before."""
    account_id = acme[0]
    with runtime.transaction(account_id) as session:
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
    return SimpleNamespace(
        account_id=account_id,
        id=broadcast_id,
        list_id=news,
        url=f"/a/acme/broadcasts/{broadcast_id}/report",
    )


def words_of(page: str) -> str:
    """The text of a page on one line, without the definitions."""
    said = re.sub(r'<span class="tip-text".*?</span>', "", page)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", said))


def lines(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


def set_state(runtime, sent, **values) -> None:
    with runtime.transaction(sent.account_id) as session:
        session.execute(update(Broadcast).values(**values))


class TestReport:
    def test_every_rate_names_its_denominator(self, owner, sent):
        text = words_of(owner.get(sent.url).text)
        for said in (
            "Opened 66.7% 2 of 3 delivered",
            "Clicked 33.3% 1 of 3 delivered",
            "Click-to-open 50.0% 1 of 2 who opened",
            "Bounced later 0.0% 0 of 3 sent",
            "3 opens in all",
            "1 click in all",
            "Recipients 6",
            "Failed 2 33.3% of recipients",
            "Skipped 1 16.7% of recipients",
        ):
            assert said in text

    def test_every_definition_describes_its_button(self, owner, sent):
        page = owner.get(sent.url).text
        described = re.findall(r'<button class="tip"[^>]*aria-describedby="([^"]+)"', page)
        assert len(described) == 6
        for name in described:
            assert f'role="tooltip" id="{name}"' in page

    def test_links_providers_and_reasons(self, owner, sent):
        text = words_of(owner.get(sent.url).text)
        assert "=Shop() https://acme.example/shop 1 1 100.0%" in text
        assert "Farm https://acme.example/farm 0 0 0.0%" in text
        assert "No such address Failed 1 16.7%" in text
        assert "Left before their turn Skipped 1 16.7%" in text

    def test_the_chart_has_its_numbers_in_the_zone_of_the_account(self, owner, sent):
        page = owner.get(sent.url).text
        assert '"Nov 2, 3:00\\u202fPM"' in page
        assert "Asia/Jakarta" in page
        assert "By day" not in page

    def test_after_two_days_one_may_choose_days(self, owner, runtime, sent):
        with runtime.transaction(sent.account_id) as session:
            later = START + timedelta(days=5)
            record_hits(session, [Hit(sent.account_id, sent.id, 3, None, later)])
        assert f'href="{sent.url}?by=day#over-time"' in owner.get(sent.url).text
        page = owner.get(f"{sent.url}?by=day").text
        assert '"labels": ["Nov 2, 2026", "Nov 3, 2026"' in page

    def test_a_draft_has_nothing_to_show_yet(self, owner, runtime, sent):
        with runtime.transaction(sent.account_id) as session:
            draft = make_broadcast(session, sent.account_id)
        for page in ("", "/recipients", "/why?address=a@x.example"):
            assert owner.get(f"/a/acme/broadcasts/{draft}/report{page}").status_code == 200
        assert "Not sent yet" in owner.get(f"/a/acme/broadcasts/{draft}/report").text

    def test_nothing_opened_yet(self, owner, runtime, acme):
        with runtime.transaction(acme[0]) as session:
            fresh = make_broadcast(session, acme[0], state="preparing", started_at=START)
            make_dispatch(session, acme[0], fresh)
        text = words_of(owner.get(f"/a/acme/broadcasts/{fresh}/report").text)
        for said in ("Nothing opened yet", "No links to count", "No recipients yet"):
            assert said in text

    @pytest.mark.parametrize(
        ("tracking", "said"),
        [
            ("all", None),
            ("consented", "Measured with consent only"),
            ("none", "Nobody is measured"),
        ],
    )
    def test_what_is_not_measured_is_said(self, owner, runtime, sent, tracking, said):
        with runtime.transaction(sent.account_id) as session:
            session.execute(update(Dispatch).values(tracking=tracking))
        page = owner.get(sent.url).text
        for sentence in ("Measured with consent only", "Nobody is measured"):
            assert (sentence in page) == (sentence == said)
        assert ("Opened – Not measured" in words_of(page)) == (tracking == "none")


class TestLive:
    def test_while_it_is_sent_the_figures_come_by_themselves(self, owner, runtime, sent):
        set_state(runtime, sent, state="sending", finished_at=None)
        page = owner.get(sent.url).text
        assert 'hx-trigger="every 3s"' in page
        part = owner.get(f"{sent.url}?part=figures&seen=sending", headers=HTMX)
        assert part.text.lstrip().startswith('<div class="stack-wide" id="figures"')
        assert "<html" not in part.text
        assert "6 of 6 done" in words_of(part.text)
        assert "HX-Refresh" not in part.headers

    def test_the_end_loads_the_page_once_more_and_then_rests(self, owner, sent):
        part = owner.get(f"{sent.url}?part=figures&seen=sending", headers=HTMX)
        assert part.headers["HX-Refresh"] == "true"
        assert "hx-trigger" not in part.text
        details = owner.get(f"{sent.url}?part=details&seen=sent", headers=HTMX)
        assert 'id="details"' in details.text
        assert "HX-Refresh" not in details.headers


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


class TestWhoMay:
    @pytest.mark.parametrize("page", ["", "/recipients", "/why", *(f"/{name}" for name in FILES)])
    def test_another_accounts_report_is_not_there(self, app, runtime, sent, page):
        _, stranger = company(runtime, "kopi")
        visitor = Visitor(app)
        visitor.enter(runtime, stranger)
        assert visitor.get(f"{sent.url}{page}").status_code == 404
        assert visitor.get(f"/a/kopi/broadcasts/{sent.id}/report{page}").status_code == 404

    @pytest.mark.parametrize("page", ["", "/recipients", "/why", *(f"/{name}" for name in FILES)])
    def test_a_viewer_sees_everything(self, app, runtime, sent, page):
        visitor = Visitor(app)
        visitor.enter(runtime, colleague(runtime, sent.account_id, "viewer"))
        assert visitor.get(f"{sent.url}{page}").status_code == 200
