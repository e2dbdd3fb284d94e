"""Sending processes are killed again and again while a broadcast goes out."""

from __future__ import annotations

import random
import time

from bench.chaos.findings import Finding
from bench.chaos.ground import Ground
from bench.chaos.host import wait_until


def killed_senders(ground: Ground, people: int, kills: int, chance: random.Random) -> list[Finding]:
    """Each kill may repeat what was open: one message for each connection."""
    host = ground.host("killed", sending_workers=2)
    mailing = ground.mailing(people, ground.people(people), ground.receiver)
    bound = 0
    moments = sorted(chance.sample(range(people // 50, people * 19 // 20), kills))
    for done, moment in enumerate(moments, 1):
        mailing.wait_for(moment)
        wait_until(lambda: bool(host.part("sending")), 60, "the sending part does not come back")
        time.sleep(chance.uniform(0, 0.05))
        open_now = host.kill_sending(chance, ground.receiver.port)
        bound += open_now
        ground.say(f"kill {done} at {mailing.number():,} messages, {open_now} connections open")
    mailing.wait_until_over()
    ground.remove(host)
    found = mailing.judged(f"sending processes killed {kills} times", bound)
    return [found.noted(f"{people:,} messages, {bound} connections were open")]
