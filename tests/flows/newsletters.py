"""One newsletter on its whole way over the API: template, broadcast, mailbox, readers, report."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flows.copies import Copy, follow, hrefs, look_at, open_mail
from tests.flows.processes import wait_until
from tests.flows.running import Run
from tests.flows.wire import Browser, Program, leave_by_one_click

MERGE_TAG = re.compile(r"\{\{|\{%|\*\|")
PATIENCE = 120.0


@dataclass(frozen=True)
class Office:
    """A running installation, with a program's key and a person's browser."""

    program: Program
    browser: Browser

    @classmethod
    def of(cls, run: Run, key: str) -> Office:
        """Signed in by the link that `esp run` prints."""
        wait_until(run.answers, run.told, PATIENCE)
        link = re.search(r"Sign in: http://[^/]+(\S+)", run.told())
        assert link, run.told()
        browser = Browser(f"http://{run.bind}")
        browser.press(link[1])
        return cls(Program(browser.base, key), browser)

    def bring_in(self, file: bytes, list_id: int) -> dict[str, Any]:
        """The finished import of a contact file whose columns are guessed."""
        made = self.program.send_file("imports", file, list_id=list_id)

        def now() -> dict[str, Any]:
            return dict(self.program.get(f"imports/{made['id']}"))

        wait_until(lambda: now()["state"] not in ("waiting", "running"), now, PATIENCE)
        return now()

    def copies(self, broadcast_id: int) -> dict[str, Copy]:
        """What the local mailbox shows of a broadcast, by recipient."""
        found: dict[str, Copy] = {}
        place = f"/a/demo/mailbox?broadcast={broadcast_id}"
        while place:
            page = self.browser.get(place).text
            for show in dict.fromkeys(re.findall(r'href="(/a/demo/mailbox/\d+)"', page)):
                copy = Copy(self.browser.get(f"{show}/raw").body)
                email = copy.message["To"].addresses[0].addr_spec
                assert email not in found
                found[email] = copy
            older = re.search(r'href="([^"]*before=\d+[^"]*)"', page)
            place = older[1].replace("&amp;", "&") if older else ""
        return found


def carry(office: Office, path: Path, list_id: int) -> None:
    """All the way; at the end one reader has left the list."""
    html, program = path.read_text(), office.program
    template = program.post("templates", name=path.stem, subject="For you", html=html)
    draft = program.post(
        "broadcasts",
        template_id=template["id"],
        subject="{{ contact.first_name | default: 'Friend' }}, read this",
        footer=True,
        list_ids=[list_id],
    )
    place = f"broadcasts/{draft['id']}"
    people = {
        row["email"] for row in program.pages("contacts", list_id=list_id, state="subscribed")
    }
    program.post(f"{place}/schedule")

    def state() -> str:
        return str(program.get(place)["state"])

    wait_until(lambda: state() == "sent", lambda: program.get(place), PATIENCE)
    copies = office.copies(draft["id"])
    assert set(copies) == people
    for copy in copies.values():
        judge(copy, html)
    links = read(copies)
    leaving = min(copies)
    assert leave_by_one_click(copies[leaving].one_click).status == 200
    expected = {
        "recipients": len(people),
        "sent": len(people),
        "delivered": len(people),
        "opens": len(people),
        "unique_opens": len(people),
        "clicks": links.total(),
        "unique_clicks": links.total(),
        "unsubscribed": 1,
    }

    def told() -> dict[str, Any]:
        return dict(program.get(f"{place}/report"))

    wait_until(lambda: told() | expected == told(), lambda: (told(), expected), PATIENCE)
    assert sum(link["clicks"] for link in told()["links"]) == links.total()
    on = {row["email"] for row in program.pages("contacts", list_id=list_id, state="subscribed")}
    assert on == people - {leaving}


def judge(copy: Copy, source: str) -> None:
    """It is whole: nothing of the template is left, and each link leads where it did there."""
    assert not copy.message.defects
    assert copy.one_click in copy.addresses
    assert copy.text.strip()
    for words in (copy.html, copy.text, str(copy.message["Subject"])):
        assert not MERGE_TAG.search(words), words
    targets = [look_at(url) for url in copy.clicks]
    plain = {url.strip() for url in hrefs(source) if not MERGE_TAG.search(url)}
    web = {url for url in plain if url.startswith(("http://", "https://"))}
    untracked = web & set(copy.addresses)
    assert web - untracked <= set(targets), (web - untracked - set(targets), targets)
    # What is not for the web stays as it is.
    assert plain - web - {""} <= set(copy.addresses), plain - web - set(copy.addresses)


def read(copies: dict[str, Copy]) -> Counter[str]:
    """Each reader opens the mail and follows its first link; where these led."""
    followed: Counter[str] = Counter()
    for copy in copies.values():
        open_mail(copy)
        if copy.clicks:
            followed[follow(copy.clicks[0])] += 1
    return followed
