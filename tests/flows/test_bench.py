"""A short form of the sending bench: servers, entry points and receiver as it starts them."""

from __future__ import annotations

import psutil

from bench import send
from bench.receivers import our_sink
from bench.send import Audience
from bench.servers import servers
from tests.flows.processes import processes_of, wait_until_gone

PEOPLE = 200


def test_a_broadcast_is_measured_from_scheduling_to_the_last_row():
    with servers() as started:
        folder = started.settings.data_dir
        ground = send.prepare(started, PEOPLE)
        assert ground.everybody == Audience(ground.everybody.list_id, PEOPLE)
        with our_sink() as receiver, send.started_product(started, receiver) as ours:
            sent = send.send(ground, ours, receiver, ground.everybody)
            sink = psutil.Process(receiver.process.pid)
        assert not sink.is_running()
        assert processes_of(folder)

    assert sent.people == PEOPLE
    assert 0 < sent.first_seconds < sent.seconds
    assert 15_000 < sent.size < 25_000
    assert set(sent.cpu) == {"sending", "worker", "ticker", "postgres", "valkey"}
    assert sent.cpu["sending"] > 0
    assert sent.memory > 10_000_000
    wait_until_gone(folder)
    assert not folder.exists()
