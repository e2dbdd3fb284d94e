"""Pauses, departures and a cancellation at random moments: what still begins, and how late."""

from __future__ import annotations

import http.client
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from bench.chaos.findings import Finding
from bench.chaos.ground import Ground, Mailing
from bench.chaos.host import Host, wait_until
from bench.receivers import Taken
from esp.broadcasts import move
from esp.suppression.suppress import suppress
from esp.tokens import RecipientSigner

LATE_SECONDS = 0.1
# More than the database names one by one when it tells the senders.
_CROWD = 600
_QUIET_SECONDS = 0.7


@dataclass(frozen=True)
class Stop:
    """From `answered` until `until` nothing may begin, for `emails` or (None) for anybody."""

    kind: str
    answered: float
    until: float
    emails: frozenset[str] | None = None

    def latest(self, taken: Sequence[Taken]) -> float:
        """How long after the answer the last envelope began that should not have; 0: none."""
        return max(
            (
                one.began - self.answered
                for one in taken
                if self.answered < one.began < self.until
                and (self.emails is None or one.rcpt in self.emails)
            ),
            default=0.0,
        )


def brakes(ground: Ground, people: int, chance: random.Random) -> list[Finding]:
    """Everything that stops mail, on one running broadcast."""
    host = ground.host("brakes")
    mailing = ground.mailing(people, ground.people(people), ground.slow)
    mailing.wait_for(people // 20)
    rows = Rows.of(ground, mailing)
    stops = [_crowd_leaves(ground, rows, chance)]
    while mailing.number() < people * 2 // 3:
        stops.append(_leave(ground, mailing, host, rows, chance))
        stops.append(_suppress(ground, rows, chance))
        if chance.random() < 0.1:
            stops.append(_pause(ground, mailing))
        time.sleep(chance.uniform(0, 0.05))
    stops.append(_cancel(ground, mailing))
    mailing.wait_until_over("cancelled")
    ground.remove(host)
    taken = mailing.taken()
    found = mailing.judged("paused, cancelled, left, suppressed", unsent=("skipped",))
    kinds = dict.fromkeys((stop.kind for stop in stops), 0)
    latest = dict.fromkeys(kinds, 0.0)
    for stop in stops:
        kinds[stop.kind] += 1
        latest[stop.kind] = max(latest[stop.kind], stop.latest(taken))
    note = "latest envelope after the answer: " + ", ".join(
        f"{number} × {kind} {latest[kind] * 1000:.0f} ms" for kind, number in kinds.items()
    )
    late = [kind for kind, seconds in latest.items() if seconds > LATE_SECONDS]
    return [found.noted(note, *(f"{kind}: later than 100 ms" for kind in late))]


@dataclass(frozen=True)
class Rows:
    """Whom a broadcast is for: (seq, contact, address), those who leave taken out."""

    left: list[tuple[int, int, str]]

    @classmethod
    def of(cls, ground: Ground, mailing: Mailing) -> Rows:
        with ground.runtime.transaction(ground.account_id) as session:
            rows = session.execute(
                text(
                    "SELECT seq, contact_id, email FROM recipients"
                    " WHERE account_id = :account AND broadcast_id = :broadcast"
                ),
                {"account": ground.account_id, "broadcast": mailing.broadcast_id},
            )
            return cls([(seq, contact, email) for seq, contact, email in rows])

    def draw(self, chance: random.Random, number: int = 1) -> list[tuple[int, int, str]]:
        """So many of them, anywhere."""
        chance.shuffle(self.left)
        drawn = self.left[-number:]
        del self.left[-number:]
        return drawn


def _stopped(kind: str, stop: Callable[[], None], emails: Sequence[str]) -> Stop:
    stop()
    return Stop(kind, time.time(), float("inf"), frozenset(emails))


def _leave(ground: Ground, mailing: Mailing, host: Host, rows: Rows, chance: random.Random) -> Stop:
    ((seq, _contact, email),) = rows.draw(chance)
    keyring = ground.runtime.keyring
    token = RecipientSigner(keyring, ground.account_id, mailing.broadcast_id).token(seq)

    def press() -> None:
        connection = http.client.HTTPConnection(host.bind, timeout=30)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", f"/u/{token}", "List-Unsubscribe=One-Click", kind)
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            raise RuntimeError(f"an unsubscribe was answered with {status}")

    return _stopped("unsubscribed", press, [email])


def _suppress(ground: Ground, rows: Rows, chance: random.Random) -> Stop:
    ((_seq, _contact, email),) = rows.draw(chance)

    def by_hand() -> None:
        with ground.runtime.transaction(ground.account_id) as session:
            suppress(session, ground.account_id, email, "manual")

    return _stopped("suppressed", by_hand, [email])


def _crowd_leaves(ground: Ground, rows: Rows, chance: random.Random) -> Stop:
    crowd = rows.draw(chance, min(_CROWD, len(rows.left) // 2))

    def at_once() -> None:
        with ground.runtime.transaction(ground.account_id) as session:
            session.execute(
                text(
                    "UPDATE subscriptions SET state = 'unsubscribed'"
                    " WHERE account_id = :account AND contact_id = ANY(:contacts)"
                ),
                {"account": ground.account_id, "contacts": [row[1] for row in crowd]},
            )

    return _stopped(f"{len(crowd)} at once", at_once, [row[2] for row in crowd])


def _pause(ground: Ground, mailing: Mailing) -> Stop:
    with ground.runtime.transaction(ground.account_id) as session:
        move.pause(session, ground.account_id, mailing.broadcast_id)
    answered = time.time()
    time.sleep(_QUIET_SECONDS)
    until = time.time()
    with ground.runtime.transaction(ground.account_id) as session:
        move.resume(session, ground.account_id, mailing.broadcast_id)
    number = mailing.number()
    wait_until(lambda: mailing.number() > number, 60, "a resumed broadcast does not go on")
    return Stop("paused", answered, until)


def _cancel(ground: Ground, mailing: Mailing) -> Stop:
    with ground.runtime.transaction(ground.account_id) as session:
        move.cancel(session, ground.account_id, mailing.broadcast_id, ground.runtime.clock())
    return Stop("cancelled", time.time(), float("inf"))
