"""Several machines share one broadcast; one of them sleeps, is cut off, or is lost for good."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from sqlalchemy import create_engine, select, text

from bench.chaos.findings import Finding
from bench.chaos.ground import Ground, Mailing
from bench.chaos.host import Host, connections, wait_until
from esp import journal
from esp.delivery.facts import SEND, decode
from esp.delivery.models import Journal

# What a sender has not moved to the database yet is no older than this.
SHIP_SECONDS = 0.25
# A timer of a busy machine rings late, and a transaction takes its time.
_LATE_SECONDS = 0.25


@dataclass(frozen=True)
class Held:
    """What a host holds at a moment: its owners, facts not shipped and how old the first is."""

    owners: tuple[str, ...]
    unshipped: int
    age: float
    connections: int

    @property
    def bound(self) -> int:
        """Of a host that is gone: what it had not shipped, and a reply for each connection."""
        return self.unshipped + self.connections

    @property
    def bound_if_it_comes_back(self) -> int:
        """The envelopes that had begun behind those are finished then."""
        return self.bound + self.connections


def several_hosts(
    ground: Ground, people: int, chance: random.Random, *, patient: bool
) -> list[Finding]:
    """`patient`: leases run out by themselves; else somebody turns their clock."""
    names = ("one", "two")
    one, two = (ground.host(name, apart=True) for name in names)
    list_id = ground.people(people)

    def begun() -> Mailing:
        mailing = ground.mailing(people, list_id, ground.slow)
        wait_until(lambda: all(sends(ground, host) for host in (one, two)), 120, "one host is idle")
        return mailing

    mailing = begun()
    mailing.wait_until_over()
    apart = "network namespaces" if ground.network else "two data folders"
    found = [mailing.judged("two hosts at once").noted(apart)]
    found.append(_asleep(ground, begun(), one))
    if ground.network:
        found.append(_cut_off(ground, begun(), one))
    found.append(_lost(ground, begun(), one, chance, patient))
    for host in (one, two):
        ground.remove(host)
    return found


def _asleep(ground: Ground, mailing: Mailing, host: Host) -> Finding:
    """Its leases run out meanwhile; awake again, it must begin nothing that others have now."""
    tree = host.freeze()
    held = held_by(ground, host)
    expire(ground, held)
    wait_until(lambda: not any(_holds(ground, o) for o in held.owners), 60, "nobody takes over")
    host.thaw(tree)
    mailing.wait_until_over()
    return mailing.judged("host asleep for longer than its leases", held.bound_if_it_comes_back)


def _cut_off(ground: Ground, mailing: Mailing, host: Host) -> Finding:
    """No word reaches it or leaves it until others have taken over."""
    assert ground.network
    ground.network.pull(host.folder.name)
    time.sleep(1.0)  # what was read before is written down by now
    tree = host.freeze()
    held = held_by(ground, host)
    host.thaw(tree)
    expire(ground, held)
    wait_until(lambda: not any(_holds(ground, o) for o in held.owners), 90, "nobody takes over")
    ground.network.plug(host.folder.name)
    mailing.wait_until_over()
    return mailing.judged("host cut off for longer than its leases", held.bound_if_it_comes_back)


def _lost(
    ground: Ground, mailing: Mailing, host: Host, chance: random.Random, patient: bool
) -> Finding:
    """It never comes back, and its disk neither."""
    time.sleep(chance.uniform(0, 0.3))
    host.freeze()
    if ground.network:
        ground.network.pull(host.folder.name)
    held = held_by(ground, host)
    host.lose()
    lost_at = time.monotonic()
    if not patient:
        expire(ground, held)
    mailing.wait_until_over()
    found = mailing.judged("host lost with its journal", held.bound)
    seconds = time.monotonic() - lost_at
    note = f"unshipped: {held.unshipped}, {held.age * 1000:.0f} ms; all sent {seconds:.0f} s later"
    if held.age > SHIP_SECONDS + _LATE_SECONDS:
        return found.noted(note, "what was not shipped is too old")
    return found.noted(note)


def sends(ground: Ground, host: Host) -> bool:
    return any(connections(one, ground.slow.port) for one in host.part("sending"))


def held_by(ground: Ground, host: Host) -> Held:
    """While its sending processes stand still."""
    now = time.time()
    owners = tuple(journal.names(host.journals, SEND))
    facts = []
    for owner in owners:
        offset = _shipped(ground, owner)
        while found := journal.read(host.journals, owner, offset, 10_000):
            facts += [decode(record.fact) for record in found]
            offset = found[-1].end
    open_now = sum(connections(one, ground.slow.port) for one in host.part("sending"))
    age = max((now - fact.at.timestamp() for fact in facts), default=0.0)
    ground.say(f"{host.folder.name}: {len(facts)} facts not shipped, {open_now} connections open")
    return Held(owners, len(facts), age, open_now)


def _shipped(ground: Ground, owner: str) -> int:
    """Without waiting for whoever may be shipping."""
    with ground.runtime.transaction(None) as session:
        return session.scalar(select(Journal.offset).where(Journal.name == owner)) or 0


def expire(ground: Ground, held: Held) -> None:
    """As if a minute had passed for the leases."""
    engine = create_engine(ground.servers.settings.database_owner_url)
    with engine.begin() as connection:
        for table in ("batches", "deferrals"):
            connection.execute(
                text(
                    f"UPDATE {table} SET lease_until = now() - interval '1 hour'"
                    " WHERE owner = ANY(:owners)"
                ),
                {"owners": list(held.owners)},
            )
    engine.dispose()


def _holds(ground: Ground, owner: str) -> bool:
    with ground.runtime.transaction(ground.account_id) as session:
        return bool(
            session.scalar(
                text(
                    "SELECT EXISTS (SELECT FROM batches WHERE account_id = :account"
                    " AND state = 'leased' AND owner = :owner)"
                ),
                {"account": ground.account_id, "owner": owner},
            )
        )
