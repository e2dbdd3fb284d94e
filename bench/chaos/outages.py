"""Servers, parts and disks that fail while a broadcast goes out, which then goes on by itself."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from bench.chaos.findings import Finding
from bench.chaos.ground import Ground
from bench.chaos.host import Host, wait_until

# Of a file system that is as good as full: some journal still fits, not all of it.
_SPARE = 48 << 10

Break = Callable[[Ground, Host, random.Random], None]


def outages(ground: Ground, people: int, chance: random.Random) -> list[Finding]:
    """One broadcast for each of them; nothing may come twice."""
    host = ground.host("outages")
    list_id = ground.people(people)
    found = []
    for name, break_it in OUTAGES.items():
        mailing = ground.mailing(people, list_id, ground.slow)
        mailing.wait_for(chance.randrange(people // 10, people // 2))
        ground.say(f"{name} at {mailing.number():,} messages")
        break_it(ground, host, chance)
        mended_at, taken = time.monotonic(), mailing.number()
        mailing.wait_for(min(taken + 1, people))
        seconds = time.monotonic() - mended_at
        mailing.wait_until_over()
        found.append(mailing.judged(name).noted(f"went on after {seconds:.1f} s"))
    ground.remove(host)
    return found


def _restart(name: str, number: signal.Signals) -> Break:
    def break_it(ground: Ground, _host: Host, chance: random.Random) -> None:
        ground.servers.end(name, number)
        time.sleep(chance.uniform(0.5, 2.0))
        ground.servers.start(name)

    return break_it


def _flush(ground: Ground, _host: Host, _chance: random.Random) -> None:
    ground.runtime.redis.flushall()


def _kill(*names: str) -> Break:
    def break_it(_ground: Ground, host: Host, _chance: random.Random) -> None:
        before = {name: host.part(name)[0].pid for name in names}
        host.kill(*names)
        for name in names:
            wait_until(
                lambda name=name: (
                    [one.pid for one in host.part(name)[:1]] not in ([], [before[name]])
                ),
                60,
                f"the {name} does not come back",
            )

    return break_it


def _full_disk(ground: Ground, host: Host, chance: random.Random) -> None:
    host.fill_disk(_SPARE)
    time.sleep(chance.uniform(2.0, 4.0))
    wait_until(lambda: "The journal takes no more" in host.told(), 30, "the disk is not full")
    ground.say("there is room again")
    host.empty_disk()


OUTAGES: dict[str, Break] = {
    "PostgreSQL stopped fast": _restart("postgres", signal.SIGINT),
    "PostgreSQL stopped at once": _restart("postgres", signal.SIGQUIT),
    "Valkey killed": _restart("valkey", signal.SIGKILL),
    "Valkey emptied (FLUSHALL)": _flush,
    "ticker and web killed": _kill("ticker", "web"),
    "disk full for the journal": _full_disk,
}
