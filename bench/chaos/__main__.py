"""Breaks things while mail goes out: python -m bench.chaos [--seed N] [--quick] [FAULT …]."""

from __future__ import annotations

import argparse
import random
import secrets
import signal
import sys
from collections.abc import Callable

from bench.chaos.brakes import brakes
from bench.chaos.findings import Finding, table
from bench.chaos.ground import Ground, ground
from bench.chaos.hosts import several_hosts
from bench.chaos.kills import killed_senders
from bench.chaos.outages import outages

Fault = Callable[[Ground, bool, random.Random], list[Finding]]

FAULTS: dict[str, Fault] = {
    "kills": lambda on, quick, chance: killed_senders(
        on, 4_000 if quick else 100_000, 2 if quick else 20, chance
    ),
    "outages": lambda on, quick, chance: outages(on, 2_000 if quick else 20_000, chance),
    "hosts": lambda on, quick, chance: several_hosts(
        on, 5_000 if quick else 20_000, chance, patient=not quick
    ),
    "brakes": lambda on, quick, chance: brakes(on, 3_000 if quick else 20_000, chance),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos",
        description="Breaks things while mail goes out, and prints who got nothing or too much.",
    )
    parser.add_argument("fault", nargs="*", metavar="|".join(FAULTS), help="default: all")
    parser.add_argument("--seed", type=int, help="chooses the moments; default: a new one")
    parser.add_argument("--quick", action="store_true", help="few messages, few kills")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.fault) - set(FAULTS))
    if unknown:
        parser.error(f"there is no fault {', '.join(unknown)}")
    seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", flush=True)
    # Namespaces and mounts would stay behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    found: list[Finding] = []
    with ground() as on:
        for name in chosen.fault or FAULTS:
            on.say(name)
            found += FAULTS[name](on, chosen.quick, random.Random(f"{seed} {name}"))
    print(table(found))
    return 0 if all(one.holds for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
