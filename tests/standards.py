"""Lists the statements of the standards list that a test shows: `python -m tests.standards`."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
MARK = re.compile(r"pytest\.mark\.standard\(([^)]*)\)")
ID = re.compile(r"[\"']([A-Z0-9]+-[0-9]+)[\"']")


def listed() -> list[str]:
    """Every id, in the order of the list."""
    return (HERE / "standards.txt").read_text().split()


def shown() -> dict[str, set[str]]:
    """Test files by the id they are marked with."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(HERE.rglob("test_*.py")):
        for mark in MARK.finditer(path.read_text()):
            for name in ID.findall(mark[1]):
                found[name].add(str(path.relative_to(HERE.parent)))
    return found


def main() -> int:
    """Print one line an id; the status is 1 when a test names an id that isn't on the list."""
    ids, by_id = listed(), shown()
    for name in ids:
        print(f"{name:10} {', '.join(sorted(by_id[name])) if name in by_id else '-'}")
    print(f"{sum(name in by_id for name in ids)} of {len(ids)} are shown by a test.")
    unknown = sorted(set(by_id) - set(ids))
    if unknown:
        print(f"Not on the list: {', '.join(unknown)}")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
