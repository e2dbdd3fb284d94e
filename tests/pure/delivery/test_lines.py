"""The lines of the delivery pages: what holds a provider up, and in whose words it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from esp.delivery.lines import FREE, Line, Standing, common_lines, lines, standing_of, strictest
from esp.delivery.overview import Activity, Queued, Way, Wishes
from esp.delivery.pacing.adapt import State
from esp.delivery.pacing.key import Key
from esp.delivery.pacing.limits import Limits
from esp.delivery.pacing.warm_up import WarmUp
from esp.delivery.sums import ProviderSum

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
AT = SOON.timestamp()


def way(state: State = State(), *, pool: int = 0, wishes: Wishes = Wishes(), warm=None) -> Way:  # noqa: B008 -- frozen
    return Way(Key(7, pool, 1), "google", wishes, Limits(), state, warm, 3)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (State(), FREE),
        (State(is_held=True, reason="person"), Standing("held", "person")),
        (State(is_held=True, reason="blocked", reply="554 no"),
         Standing("stopped", "blocked", "554 no")),
        (State(paused_until=AT, share=0.1, reason="rate", reply="421 x"),
         Standing("paused", "rate", "421 x", SOON)),
        (State(share=0.5, reason="rate"), Standing("slowed", "rate")),
        (State(cap_until=AT, cap_per_minute=1, reason="rate"),
         Standing("slowed", "rate", "", SOON)),
        # A cap of yesterday.
        (State(cap_until=AT - 10_000, cap_per_minute=1), FREE),
    ],
)  # fmt: skip
def test_how_a_way_stands(state: State, told: Standing):
    assert standing_of(way(state), NOW) == told


def test_a_warm_up_is_told_where_nothing_else_holds_it_up():
    assert standing_of(way(warm=WarmUp(NOW)), NOW).kind == "warming"
    assert standing_of(way(State(share=0.5), warm=WarmUp(NOW)), NOW).kind == "slowed"
    assert standing_of(way(warm=WarmUp(NOW, 40, 0)), NOW) == FREE


def test_what_holds_up_most_is_told():
    longer = Standing("paused", until=SOON + timedelta(hours=1))
    held = Standing("held")

    assert strictest([FREE, Standing("paused", until=SOON), longer]) == longer
    assert strictest([longer, held, Standing("stopped")]) == held
    assert strictest([]) == FREE


def queued(pool: int = 0, waiting: int = 5, *, direct: bool = True, broadcast: int = 1) -> Queued:
    return Queued(broadcast, pool, 1, direct, waiting, 1, NOW, None, direct)


def test_the_installations_pause_is_told_without_its_words_and_only_of_direct_mail():
    common = {(0, 1): way(State(paused_until=AT, reason="rate", reply="421 of another"))}
    names = {1: "google"}

    [direct] = lines([queued()], {}, {}, common, names, NOW)
    [relayed] = lines([queued(direct=False)], {}, {}, common, names, NOW)

    assert direct.standing == Standing("paused", "rate", "", SOON, is_common=True)
    assert relayed.standing == FREE


def test_a_line_sums_what_waits_in_each_pool():
    queue = [queued(), queued(broadcast=2), queued(9, 1)]
    activity = {(0, 1): Activity(2), (0, 4): Activity(3)}

    first, second, third = lines(queue, activity, {}, {}, {1: "google", 4: "apple"}, NOW)

    assert (first.pool_id, first.waiting, first.deferred, first.activity.sent) == (0, 10, 2, 2)
    assert (second.pool_id, second.waiting) == (9, 1)
    assert third == Line(0, 4, "apple", activity=Activity(3))


def test_ways_without_mail_are_shown_if_there_is_something_to_know():
    own = {
        (0, 1): way(),
        (2, 1): way(State(is_held=True, reason="person"), pool=2),
        (3, 1): way(wishes=Wishes(rate_per_minute=60), pool=3),
        (4, 1): way(warm=WarmUp(NOW), pool=4),
    }

    found = lines([], {}, own, {}, {1: "google"}, NOW)

    assert sorted((one.pool_id, one.standing.kind, one.allowance) for one in found) == [
        (2, "held", None),
        (3, "free", None),
        (4, "warming", 50),
    ]


def test_the_operator_reads_the_words():
    ways = {(0, 1): way(State(is_held=True, reason="blocked", reply="554 no"))}
    sums = [ProviderSum(4, "apple", 2, 0, NOW, Activity(1))]

    apple, google = common_lines(sums, ways, NOW)

    assert (apple.provider, apple.waiting, apple.standing) == ("apple", 2, FREE)
    assert google.standing == Standing("stopped", "blocked", "554 no")
