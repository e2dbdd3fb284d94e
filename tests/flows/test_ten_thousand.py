"""The main job for 10,000 people, by the API alone, on real processes, some of which are killed."""

from __future__ import annotations

import csv
import io
import os
import random
import smtplib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from esp.clock import utc_now
from esp.entrypoints.demo import SLUG, ensure_demo
from esp.entrypoints.run.ports import split
from esp.runtime import Runtime
from tests.flows import crowd
from tests.flows.copies import follow, look_at, open_mail
from tests.flows.parts import parts
from tests.flows.processes import wait_until
from tests.flows.story import PATIENCE, Sent, Story
from tests.flows.taken import sink
from tests.flows.wire import Program, ask
from tests.pure.returns.test_reports import dsn

DELAY = 0.015
EARLY_READERS = 400
KILLED_AT = (2500, 6000)
# From an answer until the last envelope may begin; the sink hears MAIL after a late reply is due.
LATEST = 0.1 + DELAY
SALE, NEWS = "https://shop.example/sale?a=1&b=2", "https://blog.example/news#top"
NEAR = "https://shop.example/near?in={{ contact.city | url_encode }}"
HTML = f"""<html><head><style>p {{ color: #333 }}</style></head><body>
<p>Hello {{{{ contact.first_name | default: "friend" }}}} from {{{{ contact.city }}}}</p>
<p><a href="https://shop.example/sale?a=1&amp;b=2">Sale</a> <a href="{NEAR}">Near you</a>
<a href="{NEWS}">News</a></p></body></html>"""
AUTO_REPLY = b"From: a@b.example\r\nSubject: Away\r\nAuto-Submitted: auto-replied\r\n\r\nAway.\r\n"
FAILED = """
    Final-Recipient: rfc822; {email}
    Action: failed
    Status: 5.1.1
    Diagnostic-Code: smtp; 550 5.1.1 User unknown
"""


@pytest.fixture
def story(settings, runtime, postgres: Path, tmp_path: Path) -> Iterator[Story]:
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(10**6)))
    sys.stdout.write(f"SEED={seed}\n")
    chance = random.Random(seed)
    prepared = Runtime.from_settings(settings, utc_now)
    ensure_demo(prepared)
    prepared.close()
    with sink(tmp_path, delay=DELAY, fail=f"@{crowd.UNKNOWN_DOMAIN}$") as taken:
        to = {"smtp_url": f"smtp://127.0.0.1:{taken.port}"}
        line = postgres / "run" / "lifeline"
        with parts(settings, tmp_path / "parts", line, **to) as running:
            key = running.run("api-key", "create", "--account", SLUG, "--name", "driver").strip()
            program = Program(running.settings.base_url, key)
            yield Story(chance, program, running, taken, crowd.make_people(chance))


@pytest.mark.standard("SMTP-12")
def test_ten_thousand_people_get_what_the_report_says(story: Story):
    list_id = people_come_in(story)
    early = early_readers_leave(story, list_id)
    nobody_comes_back(story, list_id)

    main = sent_with_kills(story, list_id, early)
    each_copy_is_personal(story, main)

    expected = readers_act(story, main) | {
        "recipients": len(main.ledger),
        "sent": len(main.of("sent")),
        "failed": len(main.of("failed")),
        "skipped": len(main.of("skipped")),
        "bounced": len(mail_comes_back(story, main)),
        "unsubscribed": some_leave(story, main),
        "complained": 0,
        "queued": 0,
        "deferred": 0,
    }
    expected["delivered"] = expected["sent"] - expected["bounced"]
    report_is(story, main, expected)
    early_expected = {"sent": EARLY_READERS, "unsubscribed": 30 + 200, "clicks": 0, "opens": 0}
    report_is(story, early, early_expected)
    assert not story.parts.complaints()


def people_come_in(story: Story) -> int:
    """First all of them as contacts, then a few as readers of a list."""
    lines = crowd.spoilt(story.people, story.chance)
    done = story.bring_in(lines)
    assert (done["created"], done["rejected"]) == (crowd.PEOPLE, crowd.BAD)
    assert done["updated"] + done["unchanged"] == crowd.TWICE
    refused = story.program.ask("GET", f"imports/{done['id']}/rejections").body
    rows = csv.DictReader(io.StringIO(refused.decode("utf-8-sig")))
    wrong = {n for n, line in enumerate(lines, 2) if line.email in crowd.NO_ADDRESSES}
    assert {int(row["Row"]) for row in rows} == wrong
    list_id = int(story.program.post("lists", name="News")["id"])
    readers = story.chance.sample(story.known(), EARLY_READERS)
    done = story.bring_in(readers, list_id=list_id)
    assert (done["unchanged"], done["subscribed"]) == (EARLY_READERS, EARLY_READERS)
    return list_id


def early_readers_leave(story: Story, list_id: int) -> Sent:
    """By a link of their first mail, or because a program or a person says so."""
    number = story.send(subject="First", html=HTML, list_ids=[list_id])
    early = story.wait_until_sent(number, 0)
    assert len(early.taken) == len(early.copies) == len(early.of("sent")) == EARLY_READERS
    readers = story.chance.sample(sorted(early.copies), 60)
    for email in readers[:30]:
        story.leave_by_mail(email, early.copies[email])
    for email in readers[30:50]:
        story.leave_by_program(email)
    others = {person.email for person in story.people} - set(early.copies)
    for email in (*readers[50:], *story.chance.sample(sorted(others), 10)):
        story.suppress(email.upper())
    return early


def nobody_comes_back(story: Story, list_id: int) -> None:
    """The whole file again puts everybody else on the list."""
    done = story.bring_in(crowd.spoilt(story.people, story.chance), list_id=list_id)
    assert (done["created"], done["rejected"]) == (0, crowd.BAD)
    rows = story.program.pages("contacts", list_id=list_id, state="subscribed")
    on = {row["email"] for row in rows}
    # Readers who were suppressed stay on it, and get nothing.
    assert {person.email for person in story.people} - on <= set(story.left)
    assert on & set(story.left) <= story.suppressed


def sent_with_kills(story: Story, list_id: int, early: Sent) -> Sent:
    """Two processes are killed, and people leave, while it is sent."""
    gone_before, mark = dict(story.left), story.taken.look()
    readers = story.chance.sample(sorted(set(early.copies) - set(story.left)), 200)
    others = story.chance.sample(sorted(set(story.emails()) - set(story.left) - set(readers)), 40)
    bound = 0
    with ThreadPoolExecutor(2) as pool:
        number = story.send(subject="Now", html=HTML, list_ids=[list_id], name="Main")
        leaving = [
            pool.submit(leave_at_random, story, readers, early),
            pool.submit(leave_at_random, story, others, None),
        ]
        for killed_at in KILLED_AT:
            wait_until(lambda at=killed_at: story.taken.look() - mark >= at, story.told, PATIENCE)
            bound += story.parts.kill("sending", story.taken.port)
            story.parts.start("sending")
        for one in leaving:
            one.result()
    main = story.wait_until_sent(number, mark)
    ledger_is_true(story, main, bound)
    assert not set(main.copies) & set(gone_before)
    late = {
        one.rcpt[0]: one.began - story.left[one.rcpt[0]]
        for one in main.taken
        if one.rcpt[0] in story.left and one.began > story.left[one.rcpt[0]] + LATEST
    }
    assert not late
    return main


def leave_at_random(story: Story, people: list[str], early: Sent | None) -> None:
    chance = random.Random(len(people))
    for email in people:
        time.sleep(chance.uniform(0, 16 / len(people)))
        if early is not None:
            story.leave_by_mail(email, early.copies[email])
        else:
            story.leave_by_program(email)


def ledger_is_true(story: Story, main: Sent, bound: int) -> None:
    """Sent: the sink has it; what it has besides was open when a process was killed."""
    got = Counter(one.rcpt[0] for one in main.taken)
    assert main.of("sent") <= set(got)
    # Nobody read the reply, and the person left before it could be sent again.
    unread = set(got) - main.of("sent")
    assert unread <= main.of("skipped") & set(story.left)
    assert all(one.at < story.left[one.rcpt[0]] for one in main.taken if one.rcpt[0] in unread)
    assert len(main.taken) - len(got) + len(unread) <= bound
    assert len({(one.rcpt, one.message_id) for one in main.taken}) == len(got)
    skipped = main.of("skipped")
    assert len(skipped - story.suppressed) > 50
    for email in skipped:
        reason = "suppressed" if email in story.suppressed else "unsubscribed"
        assert (email in story.left, main.ledger[email]["reason"]) == (True, reason)
    unknown = set(story.emails()) - {person.email for person in story.known()}
    assert unknown - set(story.left) <= main.of("failed") <= unknown
    # Who failed and left had failed before; a reply may be read a moment after the person left.
    for email in main.of("failed") & set(story.left):
        tried_at = datetime.fromisoformat(main.ledger[email]["at"]).timestamp()
        assert tried_at < story.left[email] + 1
    assert {main.ledger[email]["code"] for email in main.of("failed")} == {550}
    assert set(main.ledger) == main.of("sent") | skipped | main.of("failed")


def each_copy_is_personal(story: Story, main: Sent) -> None:
    for person in story.chance.sample(story.people, 80):
        copy = main.copies.get(person.email)
        if copy is None:
            continue
        hello = f"Hello {person.first_name or 'friend'} from {person.city}"
        assert hello in " ".join(copy.text.split())
        near = NEAR.partition("{")[0] + quote_plus(person.city)
        # Scanners look at links with HEAD: that counts for nothing.
        assert [look_at(url) for url in copy.clicks] == [SALE, near, NEWS]
        look_at(copy.pixel)
        assert copy.one_click in copy.addresses
        assert copy.message["To"].addresses[0].addr_spec == person.email


def readers_act(story: Story, main: Sent) -> dict[str, Any]:
    """Some open, some click, some both, some again; what the report must say of it."""
    chance, opens, clicks = story.chance, Counter[str](), Counter[tuple[str, str]]()
    for email in chance.sample(sorted(main.copies), 400):
        for _ in range(chance.randint(1, 3)):
            open_mail(main.copies[email])
            opens[email] += 1
    for email in chance.sample(sorted(main.copies), 250):
        for url in chance.choices(main.copies[email].clicks, k=chance.randint(1, 3)):
            target = follow(url)
            clicks[email, NEAR if target.startswith(NEAR.partition("{")[0]) else target] += 1
        assert ask("GET", f"{url}7").status == 404
    links = {
        target: (
            sum(n for (_, one), n in clicks.items() if one == target),
            sum(one == target for _, one in clicks),
        )
        for target in (SALE, NEAR, NEWS)
    }
    return {
        "opens": opens.total(),
        "unique_opens": len(opens),
        "clicks": clicks.total(),
        "unique_clicks": len({email for email, _ in clicks}),
        "links": links,
    }


def mail_comes_back(story: Story, main: Sent) -> set[str]:
    """Programs answer, which means nothing; then some servers send mails back for good."""
    staying = sorted(set(main.copies) - set(story.left))
    automatic, bounced = story.chance.sample(staying, 20), set(story.chance.sample(staying, 40))
    path = {one.rcpt[0]: one.mail_from for one in main.taken}
    with smtplib.SMTP(*split(story.parts.settings.inbound_bind)) as server:
        for email in automatic:
            server.sendmail(email, path[email], AUTO_REPLY)
        for email in bounced:
            report = dsn(FAILED.format(email=email)).replace(b"\n", b"\r\n")
            server.sendmail("", path[email], report)

    def suppressed() -> set[str]:
        rows = story.program.pages("suppressions")
        return {row["email"] for row in rows if row["reason"] == "bounce"}

    wait_until(lambda: suppressed() >= bounced, story.told, PATIENCE)
    assert suppressed() == bounced | main.of("failed")
    return bounced


def some_leave(story: Story, main: Sent) -> int:
    """By this mail's own link, some of them twice; how many people."""
    people = story.chance.sample(sorted(main.copies), 60)
    for email in (*people, *people[:10]):
        story.leave_by_mail(email, main.copies[email])
    return len(people)


def report_is(story: Story, sent: Sent, expected: dict[str, Any]) -> None:
    """Within moments: opens and clicks are counted after they were answered."""

    def told() -> dict[str, Any]:
        report = story.program.get(f"broadcasts/{sent.broadcast_id}/report")
        by_link = {one["target"]: (one["clicks"], one["unique_clicks"]) for one in report["links"]}
        return {name: (report | {"links": by_link})[name] for name in expected}

    wait_until(lambda: told() == expected, lambda: (told(), expected), PATIENCE)
