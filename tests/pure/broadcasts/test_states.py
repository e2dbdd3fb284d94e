"""The moves of a broadcast."""

from __future__ import annotations

import pytest

from esp.broadcasts.states import FINAL, FROM, STATES, TO, moves


@pytest.mark.parametrize(
    ("state", "legal"),
    [
        ("draft", {"schedule"}),
        ("scheduled", {"unschedule", "start", "cancel", "fail"}),
        ("preparing", {"send", "pause", "cancel", "hold", "fail"}),
        ("sending", {"pause", "cancel", "hold", "finish"}),
        ("paused", {"resume", "cancel"}),
        ("held", {"resume", "cancel"}),
        ("sent", {"retry"}),
        ("cancelled", set()),
        ("failed", set()),
    ],
)
def test_each_state_has_its_moves(state, legal):
    assert set(moves(state)) == legal


def test_every_state_can_be_reached_and_left_unless_it_is_final():
    reached = set(TO.values()) | {"draft"}
    assert reached == set(STATES)
    assert {s for s in STATES if not moves(s)} <= FINAL


def test_only_resume_has_no_fixed_end():
    assert set(FROM) - set(TO) == {"resume"}
