"""Hours and days of a report, with the quiet ones, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.reports.over_time import HOUR, daily, hourly, window

BERLIN, JAKARTA, KOLKATA = "Europe/Berlin", "Asia/Jakarta", "Asia/Kolkata"


def utc(day: int, hour: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


class TestWindow:
    def test_it_begins_with_the_hour_of_the_start(self):
        start = datetime(2026, 11, 2, 9, 41, 7, tzinfo=UTC)
        assert window([], start, start) == (utc(2, 9), utc(2, 9))

    def test_silence_is_shown_for_two_days_and_no_longer(self):
        assert window([], utc(2, 9), utc(2, 20))[1] == utc(2, 20)
        assert window([], utc(2, 9), utc(30, 9))[1] == utc(2, 9) + 47 * HOUR

    def test_what_happens_later_makes_it_longer(self):
        rows = [(utc(9, 3), "opens", 1), (utc(20, 3), "opens", 0)]
        assert window(rows, utc(2, 9), utc(30, 9)) == (utc(2, 9), utc(9, 3))

    def test_a_clock_that_was_ahead_loses_nothing(self):
        assert window([(utc(2, 8), "sent", 3)], utc(2, 9), utc(2, 9))[0] == utc(2, 8)


class TestHourly:
    def test_quiet_hours_are_zeros_in_the_readers_zone(self):
        rows = [(utc(2, 9), "opens", 2), (utc(2, 11), "clicks", 1), (utc(2, 9), "clicks", 4)]

        slots = hourly(rows, JAKARTA, utc(2, 9), utc(2, 11))

        assert [slot.start.hour for slot in slots] == [16, 17, 18]
        assert [slot.counts["opens"] for slot in slots] == [2, 0, 0]
        assert [slot.counts["clicks"] for slot in slots] == [4, 0, 1]

    @pytest.mark.parametrize(
        ("first", "hours", "names", "twice"),
        [
            (utc(28, 23, month=3), 4, [0, 1, 3, 4], []),
            (utc(24, 23, month=10), 4, [1, 2, 2, 3], [1, 2]),
        ],
        ids=["the clocks go forward", "the clocks go back"],
    )
    def test_when_the_clocks_change_every_hour_is_there_once(self, first, hours, names, twice):
        slots = hourly([], BERLIN, first, first + (hours - 1) * HOUR)

        assert [slot.start.hour for slot in slots] == names
        assert [n for n, slot in enumerate(slots) if slot.comes_twice] == twice

    def test_rows_outside_are_left_out(self):
        assert hourly([(utc(5, 0), "opens", 9)], "UTC", utc(2, 0), utc(2, 0))[0].counts == {}


class TestDaily:
    def test_a_day_is_a_day_of_the_readers_zone(self):
        rows = [(utc(2, 16), "opens", 1), (utc(2, 17), "opens", 10)]

        slots = daily(rows, JAKARTA, utc(2, 16), utc(4, 17))

        assert [slot.start.day for slot in slots] == [2, 3, 4, 5]
        assert [slot.counts["opens"] for slot in slots] == [1, 10, 0, 0]

    def test_half_an_hour_off_belongs_to_the_day_it_begins_in(self):
        slots = daily([(utc(2, 18), "opens", 3)], KOLKATA, utc(2, 18), utc(2, 19))
        assert [(slot.start.day, slot.counts["opens"]) for slot in slots] == [(2, 3), (3, 0)]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2_000).map(lambda n: utc(1, 0, month=9) + n * HOUR),
            st.sampled_from(["opens", "clicks"]),
            st.integers(0, 50),
        ),
        max_size=30,
    ),
    st.sampled_from([BERLIN, JAKARTA, KOLKATA, "UTC", "America/St_Johns", "Asia/Kathmandu"]),
)
def test_nothing_is_lost_and_no_moment_comes_twice(rows, zone):
    first, last = window(rows, utc(1, 0, month=9), utc(1, 0, month=9))

    hours, days = hourly(rows, zone, first, last), daily(rows, zone, first, last)

    for slots in (hours, days):
        assert sum(slot.counts["opens"] for slot in slots) == sum(
            n for _, name, n in rows if name == "opens"
        )
    steps = {b.start.astimezone(UTC) - a.start.astimezone(UTC) for a, b in pairwise(hours)}
    assert steps <= {timedelta(hours=1)}
    assert len({slot.start.date() for slot in days}) == len(days)
