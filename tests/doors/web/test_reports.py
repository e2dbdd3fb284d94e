"""The report of a broadcast: figures, what moves by itself, and who may see it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from esp.broadcasts.models import Broadcast
from esp.delivery.facts import Hit
from esp.delivery.hits import record_hits
from esp.delivery.models import Dispatch
from tests.doors.web.reported import START, Reported, make_report, words_of
from tests.doors.web.visitor import Visitor, colleague, company
from tests.factories import make_broadcast, make_dispatch

PAGES = (
    *("", "/recipients", "/why"),
    *("/recipients.csv", "/links.csv", "/providers.csv", "/hours.csv"),
)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def sent(runtime) -> Reported:
    return make_report(runtime)


@pytest.fixture
def owner(app, runtime, sent) -> Visitor:
    visitor = Visitor(app)
    visitor.enter(runtime, sent.user_id)
    return visitor


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

    def test_nothing_opened_yet(self, owner, runtime, sent):
        with runtime.transaction(sent.account_id) as session:
            fresh = make_broadcast(session, sent.account_id, state="preparing", started_at=START)
            make_dispatch(session, sent.account_id, fresh)
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


class TestWhoMay:
    @pytest.mark.parametrize("page", PAGES)
    def test_another_accounts_report_is_not_there(self, app, runtime, sent, page):
        _, stranger = company(runtime, "kopi")
        visitor = Visitor(app)
        visitor.enter(runtime, stranger)
        assert visitor.get(f"{sent.url}{page}").status_code == 404
        assert visitor.get(f"/a/kopi/broadcasts/{sent.id}/report{page}").status_code == 404

    @pytest.mark.parametrize("page", PAGES)
    def test_a_viewer_sees_everything(self, app, runtime, sent, page):
        visitor = Visitor(app)
        visitor.enter(runtime, colleague(runtime, sent.account_id, "viewer"))
        assert visitor.get(f"{sent.url}{page}").status_code == 200
