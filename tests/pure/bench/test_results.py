"""What benches print and keep."""

from __future__ import annotations

import json

import pytest

from bench import results
from bench.results import Figure, figure


def one(value: float = 0.83, **values: object) -> Figure:
    known = {
        "bench": "send", "figure": "of smtp-source", "value": value, "unit": "×", "goal": 0.8,
        "better": "higher", "rounds": 5, "spread": 0.04, "commit": "abc1234",
    }  # fmt: skip
    return Figure(**(known | values))  # type: ignore[arg-type]  # names and values of above


@pytest.mark.parametrize(
    ("value", "goal", "better", "met"),
    [
        (0.8, 0.8, "higher", True),
        (0.79, 0.8, "higher", False),
        (3.5, 3.5, "lower", True),
        (3.6, 3.5, "lower", False),
        (1.0, None, "higher", None),
        (0.0, 0.0, "lower", True),
    ],
)
def test_a_goal_is_met_from_its_own_side(value, goal, better, met):
    assert one(value, goal=goal, better=better).met is met


def test_the_value_is_the_median_and_the_spread_a_part_of_it():
    found = figure("send", "rate", [4000.4, 3000, 5000], "messages/s", goal=100)
    assert (found.value, found.rounds, found.spread) == (4000, 3, 0.5)


@pytest.mark.parametrize(
    ("value", "kept"), [(0.83456, 0.835), (12345.6, 12346), (36.66, 36.7), (0.0, 0.0)]
)
def test_digits_that_mean_nothing_are_not_kept(value, kept):
    assert figure("send", "rate", [value], "s").value == kept


def test_the_table_shows_value_goal_and_whether_it_is_met():
    lines = results.table(
        [one(), one(9.1, figure="CPU", goal=3.5, better="lower"), one(figure="size", goal=None)]
    ).splitlines()
    assert lines[0].split() == ["bench", "figure", "value", "goal", "met", "rounds", "spread"]
    assert lines[2].split() == [
        "send",
        "of",
        "smtp-source",
        "0.83",
        "×",
        "≥",
        "0.8",
        "yes",
        "5",
        "4%",
    ]
    assert lines[3].split() == ["send", "CPU", "9.1", "×", "≤", "3.5", "NO", "5", "4%"]
    assert lines[4].split() == ["send", "size", "0.83", "×", "5", "4%"]


def test_a_new_figure_takes_the_place_of_the_old_one_and_no_other():
    old = results.merged([], [one(0.5), one(0.9, bench="fill")])
    rows = results.merged(old, [one(0.7), one(1.0, figure="more")])
    assert [(row["bench"], row["figure"], row["value"]) for row in rows] == [
        ("send", "of smtp-source", 0.7),
        ("fill", "of smtp-source", 0.9),
        ("send", "more", 1.0),
    ]


def test_the_file_is_a_list_with_the_agreed_keys(tmp_path):
    place = tmp_path / "results.json"
    results.write([one(goal=None)], place)
    results.write([one(goal=None, figure="more")], place)
    rows = json.loads(place.read_text())
    keys = ["bench", "figure", "value", "unit", "goal", "better", "rounds", "spread", "commit"]
    assert [list(row) for row in rows] == [keys, keys]
    assert rows[0]["goal"] is None
    assert list(tmp_path.iterdir()) == [place]
