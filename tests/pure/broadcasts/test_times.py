"""A day and a time in a zone mean one moment, or none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.broadcasts.times import local_field, moment
from esp.errors import Invalid

START = datetime(2020, 1, 1, tzinfo=UTC)
ZONES = ["UTC", "Asia/Jakarta", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]


@pytest.mark.parametrize(
    ("local", "zone", "expected"),
    [
        ("2026-11-02T09:00", "Asia/Jakarta", "2026-11-02T02:00Z"),
        ("2026-07-01T09:00", "Europe/Berlin", "2026-07-01T07:00Z"),
        ("2026-12-01T09:00", "Europe/Berlin", "2026-12-01T08:00Z"),
        # The hour that comes twice: the first.
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30Z"),
    ],
)
def test_a_time_of_a_zone(local, zone, expected):
    assert moment(local, zone) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("local", "zone"),
    [
        ("2026-03-29T02:30", "Europe/Berlin"),
        ("2026-03-08T02:00", "America/New_York"),
        ("", "UTC"),
        ("tomorrow", "UTC"),
        ("2026-02-30T09:00", "UTC"),
        ("2026-11-02T09:00+07:00", "UTC"),
        ("0001-01-01T00:00", "Asia/Jakarta"),
    ],
)
def test_what_is_no_moment(local, zone):
    with pytest.raises(Invalid) as refused:
        moment(local, zone)
    assert refused.value.place == "send_at"


@given(
    st.integers(0, 10_000_000).map(lambda minutes: START + timedelta(minutes=minutes)),
    st.sampled_from(ZONES),
)
def test_what_is_shown_is_read_back(value, zone):
    # Within the hour that comes twice, the first is meant.
    assert value - moment(local_field(value, zone), zone) in (
        timedelta(0),
        timedelta(minutes=30),
        timedelta(hours=1),
    )
