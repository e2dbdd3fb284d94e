"""Draws the README's picture, by hand: `python -m tests.browser.screenshots`."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, expect
from sqlalchemy import select, text, update

from esp.broadcasts.models import Broadcast
from esp.config import Settings
from esp.delivery.facts import Hit
from esp.delivery.hits import record_hits
from esp.delivery.models import Link, Recipient
from esp.entrypoints.run import embedded
from esp.runtime import Runtime
from tests.browser.chromium import chromium, watched
from tests.flows.processes import wait_until
from tests.flows.running import Run, folder, running

PICTURE = Path(__file__).parents[2] / "docs" / "screenshot.png"
HOURS = 30
OPENED, CLICKED = 0.52, 0.3


def main() -> None:
    """Send the demo account's draft, let some hours of reading pass, and draw the report."""
    with folder() as data_dir, running(data_dir, ESP_UNDO_SECONDS="0") as run:
        wait_until(run.answers, run.told)
        with chromium() as browser, watched(browser, **LOOK) as (context, _):
            page = context.new_page()
            send(page, run)
            read(run)
            page.get_by_role("link", name="Report").click()
            page.locator(".chart-canvas canvas").wait_for()
            page.screenshot(path=PICTURE)


LOOK = {"viewport": {"width": 1440, "height": 1120}, "reduced_motion": "reduce"}


def send(page: Page, run: Run) -> None:
    link = re.search(r"Sign in: (\S+)", run.told())
    assert link
    page.goto(link[1])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="My first newsletter").click()
    page.get_by_label("Name", exact=True).fill("What is new in November")
    for _ in range(3):
        page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Send now").click()
    page.get_by_role("dialog").get_by_role("button", name="Send now").click()
    expect(page.get_by_text("Finished on")).to_be_visible(timeout=60_000)


def read(run: Run) -> None:
    """Most people open in the first hours; some come back."""
    app, owner = embedded.database_urls(run.data_dir)
    settings = Settings(
        data_dir=run.data_dir,
        database_url=app,
        database_owner_url=owner,
        redis_url=embedded.redis_url(run.data_dir),
    )
    runtime = Runtime.from_settings(settings)
    chance = random.Random(7)
    with runtime.transaction(None) as session:
        account_id = session.scalar(text("SELECT account_of_slug('demo')"))
    with runtime.transaction(account_id) as session:
        sent = session.scalars(select(Broadcast).where(Broadcast.state == "sent")).one()
        start = sent.started_at - timedelta(hours=HOURS)
        session.execute(
            update(Broadcast)
            .where(Broadcast.id == sent.id)
            .values(started_at=start, finished_at=start + timedelta(minutes=2))
        )
        numbers = session.scalars(select(Link.number)).all()
        hits = []
        for seq in session.scalars(select(Recipient.seq)):
            at = start + timedelta(hours=min(chance.expovariate(0.22), HOURS - 1))
            if chance.random() < OPENED:
                hits.append(Hit(account_id, sent.id, seq, None, at))
                if chance.random() < CLICKED:
                    link = chance.choice(numbers)
                    hits.append(Hit(account_id, sent.id, seq, link, at + timedelta(minutes=3)))
        record_hits(session, hits)
    runtime.close()


if __name__ == "__main__":
    main()
