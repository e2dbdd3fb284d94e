"""Several processes of the operating system share a rate as if they were one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from bisect import bisect_left

import pytest

from esp.db import enter_account
from esp.delivery import paces
from esp.senders.providers import provider_id
from tests.factories import make_account

RATES = {"google": 600, "yahoo": 6000, "microsoft": 60}
SECONDS = 14.0
WINDOW = 10.0


@pytest.mark.standard("THR-01")
@pytest.mark.parametrize("processes", [2, 4])
def test_over_any_ten_seconds_all_processes_together_keep_to_the_rate(runtime, processes):
    with runtime.transaction(None) as session:
        account_id = make_account(session)
        enter_account(session, account_id)
        numbers = {name: provider_id(session, name) for name in RATES}
        paces.load(session, account_id, 0, numbers.values(), runtime.clock())
    command = [sys.executable, "-m", "tests.flows.asking", runtime.settings.database_url]
    command += [str(account_id), "0", *(f"{numbers[name]}:{rate}" for name, rate in RATES.items())]
    pipe = subprocess.PIPE
    asking = [subprocess.Popen(command, stdin=pipe, stdout=pipe) for _ in range(processes)]
    assert [one.stdout.readline() for one in asking if one.stdout] == [b"ready\n"] * processes
    start = time.time() + 0.5
    order = f"{start} {start + SECONDS}\n".encode()
    for one in asking:
        assert one.stdin
        one.stdin.write(order)
        one.stdin.flush()
    told = [json.loads(one.communicate(timeout=60)[0]) for one in asking]

    for name, rate in RATES.items():
        moments = sorted(at for one in told for at in one[str(numbers[name])])
        expected = rate / 60 * WINDOW
        most, least = windows(moments, start + 0.5, start + SECONDS - 0.5)
        assert most <= max(expected * 1.05, expected + 1), (name, most)
        assert least >= min(expected * 0.95, expected - 1), (name, least)
    assert all(one[str(numbers["yahoo"])] for one in told), "everybody has a part"


def windows(moments: list[float], start: float, end: float) -> tuple[int, int]:
    """The most and the fewest of `moments` in any window between `start` and `end`."""
    edges = [at for at in moments if start <= at <= end - WINDOW]
    counts = [bisect_left(moments, at + WINDOW) - bisect_left(moments, at) for at in edges]
    # Right behind each moment a window holds the fewest.
    return max(counts), min(count - 1 for count in counts)
