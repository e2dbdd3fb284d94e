"""Runs benches and prints one table: python -m bench [NAME …] [--rounds N] [--quick]."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from importlib import import_module

from bench import results
from bench.tools import VARIABLE, ToolMissingError

# Each has `run(rounds, quick)`, which returns figures or raises ToolMissingError.
BENCHES = {
    "fill": "bench.fill",
    "send": "bench.send",
    "starttls": "bench.starttls",
    "dkim": "bench.dkim",
    "track": "bench.track",
    "import": "bench.imports",
}
ROUNDS, QUICK_ROUNDS = 5, 2


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures, prints a table, and keeps the figures in bench/results.json.",
        epilog=f"{VARIABLE} may name a folder with the tools that benches measure against.",
    )
    parser.add_argument("bench", nargs="*", metavar="|".join(BENCHES), help="default: all")
    parser.add_argument("--rounds", type=int, help=f"default: {ROUNDS}, quick {QUICK_ROUNDS}")
    parser.add_argument(
        "--quick", action="store_true", help="to see that it works: little is sent, nothing is kept"
    )
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.bench) - set(BENCHES))
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}")
    rounds = chosen.rounds or (QUICK_ROUNDS if chosen.quick else ROUNDS)
    found = []
    for name in chosen.bench or BENCHES:
        print(f"· {name}", file=sys.stderr, flush=True)
        try:
            figures = import_module(BENCHES[name]).run(rounds, chosen.quick)
        except ToolMissingError as lacking:
            print(f"  {lacking}", file=sys.stderr)
            continue
        found += [replace(one, commit=results.commit()) for one in figures]
    if found:
        print(results.table(found))
        if not chosen.quick:
            results.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
