"""Where a sending process spends its CPU time: python -m bench.profile [--messages 20000].

A timer of CPU time interrupts it again and again and looks at the stack, which slows nothing down.
Areas exclude each other: a query that is made to take recipients counts as taking them.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections import Counter
from types import FrameType

from bench import newsletter, send
from bench.receivers import our_sink
from bench.servers import Servers, servers
from esp.broadcasts import move
from esp.delivery.sender import Sender
from esp.entrypoints.tasks import broadcasts
from esp.entrypoints.tasks.send import calm_collector
from esp.runtime import Runtime

TICK_SECONDS = 0.001
_SHOWN = 30
# The innermost function of a stack that is named here gives the area.
AREAS = {
    ("sender/store.py", "take"): "claim and load recipients",
    ("sender/outbox.py", "ship"): "ship outcomes to PostgreSQL",
    ("sender/store.py", "inherit"): "look for dead senders",
    ("sender/sender.py", "_listen"): "hear who left",
    ("sender/outbox.py", "add"): "journal",
    ("delivery/settle.py", "settle"): "judge replies",
    ("sender/messages.py", "envelope"): "fill",
    ("plan/message.py", "fill"): "fill",
    ("dkim/signer.py", "sign"): "sign",
    ("sender/messages.py", "get"): "compile",
    ("sender/lanes.py", "take"): "choose whose turn it is",
    ("sender/feed.py", "next_envelope"): "choose whose turn it is",
    ("sender/feed.py", "outcome"): "settle",
    ("smtp/connection.py", "_flush"): "write to sockets",
    ("smtp/connection.py", "_read"): "read replies",
    ("smtp/connection.py", "handle"): "SMTP",
    ("smtp/pool.py", "pump"): "SMTP",
    ("smtp/loop.py", "_turn"): "loop",
}


class Sampler:
    """Counts areas and single functions while it is entered."""

    def __init__(self) -> None:
        self.areas: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()

    def __enter__(self) -> Sampler:
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, TICK_SECONDS, TICK_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None:
            self.functions[_name(frame)] += 1
        while frame is not None:
            code = frame.f_code
            place = "/".join(code.co_filename.rsplit("/", 2)[-2:])
            area = AREAS.get((place, code.co_name))
            if area:
                self.areas[area] += 1
                return
            frame = frame.f_back
        self.areas["other"] += 1


def _name(frame: FrameType) -> str:
    code = frame.f_code
    return f"{'/'.join(code.co_filename.rsplit('/', 2)[-2:])} {code.co_qualname}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    people = parser.parse_args().messages
    with servers() as started, our_sink() as receiver:
        ground = send.prepare(started, people)
        settings = started.settings.model_copy(
            update={"smtp_url": f"smtp://127.0.0.1:{receiver.port}"}
        )
        runtime = Runtime.from_settings(settings)
        calm_collector()
        for audience in (ground.few, ground.everybody):
            _schedule(started, ground.account_id, audience.list_id)
            broadcasts.run(runtime, ground.account_id)
            sampler, spent = _sent(runtime)
        runtime.close()
    print(f"{people} messages, {spent / people * 1e6:.0f} µs of CPU each in the sending process")
    for title, counts in (("areas", sampler.areas), ("functions", sampler.functions)):
        print(f"\n{title}")
        _print(counts, spent / people * 1e6)


def _schedule(started: Servers, account_id: int, list_id: int) -> None:
    runtime = started.runtime
    with runtime.transaction(account_id) as session:
        broadcast_id = newsletter.make_broadcast(session, account_id, list_id)
        now = runtime.clock()
        move.schedule(session, account_id, broadcast_id, now, now)


def _sent(runtime: Runtime) -> tuple[Sampler, float]:
    sender = Sender(runtime)
    begun = time.process_time()
    with Sampler() as sampler:
        sender.work(600, stop=lambda: False)
    spent = time.process_time() - begun
    sender.stop(5)
    return sampler, spent


def _print(counts: Counter[str], micros: float) -> None:
    whole = counts.total()
    for name, number in counts.most_common(_SHOWN):
        print(f"{number / whole:6.1%}  {number / whole * micros:6.1f} µs  {name}")


if __name__ == "__main__":
    main()
