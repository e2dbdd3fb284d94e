"""One process that uses every slot it is granted, and tells when: `python -m tests.flows.asking`.

Arguments: database URL, account, pool, then `provider:rate` for each. Says "ready", is told when to
start and to end (seconds since the epoch), and says as JSON, by provider, the moments.
"""

from __future__ import annotations

import json
import sys
import time

from sqlalchemy.orm import sessionmaker

from esp.clock import utc_now
from esp.db import connect, transaction
from esp.delivery import paces
from esp.delivery.pacing.key import Key
from esp.delivery.pacing.slots import Slots


def main() -> None:
    url, account, pool, *wants = sys.argv[1:]
    engine = connect(url)
    sessions = sessionmaker(engine)
    rates = {}
    for want in wants:
        provider, rate = want.split(":")
        rates[Key(int(account), int(pool), int(provider))] = int(rate)
    slots = {key: Slots() for key in rates}
    moments: dict[int, list[float]] = {key.provider_id: [] for key in rates}
    with transaction(sessions, int(account)):
        pass  # connected before it begins
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    start, end = sys.stdin.readline().split()
    while time.time() < float(start):
        time.sleep(0.001)
    while (now := time.time()) < float(end):
        wake = now + 0.05
        for key, own in slots.items():
            if own.wants(now):
                wall = utc_now()
                with transaction(sessions, key.account_id) as session:
                    granted = paces.grant(session, key, rates[key], 1000, wall)
                own.put(granted, wall, wall.timestamp())
            while not (next_at := own.next(now := time.time())):
                moments[key.provider_id].append(now)
            wake = min(wake, next_at)
        time.sleep(max(0.0, wake - time.time()))
    engine.dispose()
    sys.stdout.write(json.dumps(moments))


if __name__ == "__main__":
    main()
