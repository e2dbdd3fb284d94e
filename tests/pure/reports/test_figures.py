"""Figures and rates of a broadcast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.reports.figures import COUNTED, figures

COUNTS = {
    "recipients": 1000,
    "skipped": 50,
    "sent": 900,
    "deferred": 20,
    "failed": 10,
    "bounced": 30,
    "complained": 1,
    "unsubscribed": 5,
    "opens": 700,
    "unique_opens": 400,
    "clicks": 160,
    "unique_clicks": 100,
}


@pytest.mark.parametrize(
    ("name", "count", "total"),
    [
        ("delivered", 870, 910),
        ("opened", 400, 870),
        ("clicked", 100, 870),
        ("click_to_open", 100, 400),
        ("unsubscribed", 5, 870),
        ("complained", 1, 870),
        ("failed", 10, 910),
        ("bounced", 30, 900),
    ],
)
def test_each_rate_has_its_denominator(name, count, total):
    (rate,) = (r for r in figures(COUNTS).rates if r.name == name)
    assert (rate.count, rate.total) == (count, total)
    assert rate.share == count / total
    assert rate.of
    assert rate.meaning


def test_what_is_neither_final_nor_deferred_is_queued():
    assert figures(COUNTS).queued == 20
    assert figures(COUNTS).handled == 960


def test_nothing_sent_gives_no_rate_instead_of_zero():
    assert all(rate.share is None for rate in figures({}).rates)


@given(st.dictionaries(st.sampled_from(COUNTED), st.integers(0, 10**7)))
def test_no_counts_break_it(counts):
    assert figures(counts).queued >= 0
