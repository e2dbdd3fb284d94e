"""A broadcast to a million: does a message cost what it costs among ten thousand?

    python -m bench.large [--people 1000000] [--quick]

In one session, with the same processes: ten thousand, all, ten thousand again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench import newsletter, results, send
from bench.product import Product
from bench.receivers import our_sink
from bench.results import Better, Figure, figure
from bench.servers import servers
from bench.tools import ToolMissingError

PEOPLE, QUICK_PEOPLE = 1_000_000, 20_000
FEW, QUICK_FEW = 10_000, 2_000
_LOOK_SECONDS = 0.5


class Memory:
    """Looks again and again how much the largest sending process has, while it is entered."""

    def __init__(self, ours: Product) -> None:
        self.seen: list[int] = []
        self._ours = ours
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.seen.append(self._ours.sending_memory())
            if self._over.wait(_LOOK_SECONDS):
                return


@dataclass(frozen=True)
class Found:
    """Broadcasts to few before and after that to all, and the memory during the latter."""

    few: Sequence[send.Sent]
    large: send.Sent
    memory: Sequence[int]

    @property
    def ratio(self) -> float:
        """What a message of the large one cost, of what one of the small ones did."""
        return self.large.cpu_per_message / statistics.mean(
            [one.cpu_per_message for one in self.few]
        )

    @property
    def growth(self) -> float:
        """From the second quarter of the time to the last, as a part."""
        quarter = max(1, len(self.memory) // 4)
        early, late = self.memory[quarter : 2 * quarter], self.memory[-quarter:]
        return statistics.median(late) / statistics.median(early or late) - 1


def run(people: int, few: int) -> list[Figure]:
    """The figures of `make bench-send-large`."""
    with servers() as started:
        ground = send.prepare(started, people)
        with started.runtime.transaction(ground.account_id) as session:
            number = newsletter.make_list(session, ground.account_id, "Some", few)
        some = send.Audience(number, few)
        send.analyze(started)
        with our_sink() as receiver, send.started_product(started, receiver) as ours:
            send.send(ground, ours, receiver, ground.few)
            before = send.send(ground, ours, receiver, some)
            with Memory(ours) as memory:
                large = send.send(ground, ours, receiver, ground.everybody)
            after = send.send(ground, ours, receiver, some)
    return figures(Found((before, after), large, memory.seen))


def figures(found: Found) -> list[Figure]:
    """With their goals."""
    large = found.large
    small = statistics.mean([one.cpu_per_message for one in found.few])
    return [
        _figure("recipients", large.people, "", better="higher"),
        _figure("rate", large.rate, "messages/s", better="higher"),
        _figure(f"CPU a message among {found.few[0].people:,}", small * 1e6, "µs"),
        _figure("CPU a message among all", large.cpu_per_message * 1e6, "µs"),
        _figure("CPU a message among all, of that among few", found.ratio, "×", goal=1.2),
        _figure("first message", large.first_seconds, "s", goal=2.0),
        _figure("memory of a sending process", max(found.memory) / 1e6, "MB", goal=100),
        _figure("growth of that memory on the way", found.growth * 100, "%", goal=5),
    ]


def _figure(
    name: str, value: float, unit: str, goal: float | None = None, better: Better = "lower"
) -> Figure:
    return figure("send-large", name, [value], unit, goal=goal, better=better)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__)
    parser.add_argument("--people", type=int, help=f"default: {PEOPLE:,}, quick {QUICK_PEOPLE:,}")
    parser.add_argument("--quick", action="store_true", help="little is sent, nothing is kept")
    chosen = parser.parse_args()
    people = chosen.people or (QUICK_PEOPLE if chosen.quick else PEOPLE)
    try:
        found = run(people, QUICK_FEW if chosen.quick else FEW)
    except ToolMissingError as lacking:
        print(lacking, file=sys.stderr)
        return 1
    found = [replace(one, commit=results.commit()) for one in found]
    print(results.table(found))
    if not chosen.quick:
        results.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
