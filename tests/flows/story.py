"""What a driver of the whole product does by the API, and what it knows to have happened."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.conversation import Received
from tests.flows.copies import Copy
from tests.flows.crowd import UNKNOWN_DOMAIN, Person, contact_file
from tests.flows.parts import Parts
from tests.flows.processes import wait_until
from tests.flows.taken import Taken
from tests.flows.wire import Program, leave_by_one_click

# Of a driver on a machine that others work on too.
PATIENCE = 180.0


@dataclass
class Sent:
    """A broadcast that is done: its number, what the sink took of it, its ledger by address."""

    broadcast_id: int
    taken: list[Received]
    ledger: dict[str, dict[str, Any]]

    @cached_property
    def copies(self) -> dict[str, Copy]:
        """The first copy that each address got."""
        return {one.rcpt[0]: Copy(one.data) for one in reversed(self.taken)}

    def of(self, state: str) -> set[str]:
        return {email for email, row in self.ledger.items() if row["state"] == state}


@dataclass
class Story:
    """What happened so far, as the driver knows it."""

    chance: random.Random
    program: Program
    parts: Parts
    taken: Taken
    people: list[Person]
    # Who left, or was suppressed, and when that was answered.
    left: dict[str, float] = field(default_factory=dict)
    suppressed: set[str] = field(default_factory=set)

    def send(self, **values: Any) -> int:
        """The number of a new broadcast, which begins now."""
        draft = {"footer": True} | values
        made = self.program.post("broadcasts", **draft)
        self.program.post(f"broadcasts/{made['id']}/schedule")
        return int(made["id"])

    def wait_until_sent(self, broadcast_id: int, mark: int) -> Sent:
        def state() -> str:
            return str(self.program.get(f"broadcasts/{broadcast_id}")["state"])

        wait_until(lambda: state() == "sent", self.told, PATIENCE)
        self.taken.look()
        rows = list(self.program.pages(f"broadcasts/{broadcast_id}/recipients"))
        ledger = {row["email"]: row for row in rows}
        assert len(ledger) == len(rows)
        # The company's own notices of what is finished go out in between.
        ours = [one for one in self.taken.messages[mark:] if one.rcpt[0] in ledger]
        return Sent(broadcast_id, ours, ledger)

    def leave_by_program(self, email: str) -> None:
        """Off every list, and for good."""
        contact = self.program.get("contacts", email=email)["data"][0]
        self.program.post(f"contacts/{contact['id']}/unsubscribe")
        self.left[email] = time.time()
        self.suppressed.add(email)

    def leave_by_mail(self, email: str, copy: Copy) -> None:
        assert leave_by_one_click(copy.one_click).status == 200
        self.left[email] = time.time()

    def emails(self) -> list[str]:
        return [person.email for person in self.people]

    def known(self) -> list[Person]:
        """Those whom the receiver knows."""
        return [person for person in self.people if not person.email.endswith(UNKNOWN_DOMAIN)]

    def told(self) -> object:
        """What helps when something does not happen."""
        return self.taken.look(), self.parts.complaints()

    def suppress(self, email: str) -> None:
        self.program.post("suppressions", email=email)
        self.left[email.lower()] = time.time()
        self.suppressed.add(email.lower())

    def bring_in(self, lines: Sequence[Person], **form: object) -> dict[str, Any]:
        """The finished import of a contact file."""
        made = self.program.send_file("imports", contact_file(lines), **form)

        def now() -> Any:
            return self.program.get(f"imports/{made['id']}")

        wait_until(lambda: now()["state"] not in ("waiting", "running"), now, PATIENCE)
        done = dict(now())
        assert (done["state"], done["rows_read"]) == ("finished", len(lines)), done
        return done
