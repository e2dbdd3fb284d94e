"""The faults of `make chaos`, each on a few thousand messages."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from bench.chaos import ground as grounds
from bench.chaos.brakes import Stop, brakes
from bench.chaos.findings import Finding, judge, table
from bench.chaos.ground import Ground
from bench.chaos.hosts import several_hosts
from bench.chaos.kills import killed_senders
from bench.chaos.outages import OUTAGES, outages
from bench.receivers import Taken


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with grounds.ground(spoken=False) as made:
        yield made


def hold(found: list[Finding]) -> None:
    assert all(one.holds for one in found), table(found)


@pytest.mark.standard("SMTP-12")
def test_killed_senders_lose_nothing_and_repeat_what_was_open(ground):
    hold(killed_senders(ground, 2_000, 2, random.Random(1)))


def test_a_broadcast_goes_on_by_itself_whatever_was_away(ground):
    found = outages(ground, 1_500, random.Random(2))
    hold(found)
    assert [one.fault for one in found] == list(OUTAGES)


def test_several_hosts_send_to_nobody_twice_and_take_over_from_one_another(ground):
    hold(several_hosts(ground, 5_000, random.Random(3), patient=False))


def test_nothing_begins_100_ms_after_a_stop(ground):
    hold(brakes(ground, 2_500, random.Random(4)))


def taken(rcpt: str, message_id: str = "", began: float = 0.0) -> Taken:
    return Taken(began, rcpt, message_id or f"<{rcpt}>", 1, began)


@pytest.mark.parametrize(
    ("ledger", "messages", "lost", "repeated", "holds"),
    [
        ({"a": "sent", "b": "sent"}, [taken("a"), taken("b")], 0, 0, True),
        ({"a": "sent", "b": "skipped"}, [taken("a")], 0, 0, True),
        ({"a": "sent", "b": "sent"}, [taken("a")], 1, 0, False),
        ({"a": "sent", "b": "queued"}, [taken("a")], 1, 0, False),
        ({"a": "sent"}, [taken("a")], 1, 0, False),
        ({"a": "sent", "b": "sent"}, [taken("a"), taken("b"), taken("b")], 0, 1, True),
        ({"a": "sent", "b": "sent"}, [taken("b"), *[taken("a")] * 3], 0, 2, False),
        ({"a": "sent", "b": "sent"}, [taken("a"), taken("b"), taken("b", "<x>")], 0, 1, False),
        ({"a": "sent", "b": "queued"}, [taken("a"), taken("b")], 0, 0, False),
    ],
)
def test_a_fault_is_judged_by_what_came_and_what_the_ledger_says(
    ledger, messages, lost, repeated, holds
):
    found = judge("a fault", 2, ledger, messages, bound=1, unsent=("skipped",))
    assert (found.lost, found.repeated, found.holds) == (lost, repeated, holds)
    assert ("BROKEN" in table([found])) is not holds


def test_how_late_something_began_counts_for_those_concerned_and_while_it_was_stopped():
    messages = [taken("a", began=9.0), taken("a", began=10.2), taken("b", began=10.5)]
    assert Stop("paused", 10.0, 10.4).latest(messages) == pytest.approx(0.2)
    assert Stop("left", 10.0, float("inf"), frozenset("b")).latest(messages) == pytest.approx(0.5)
    assert Stop("left", 9.5, float("inf"), frozenset("c")).latest(messages) == 0
