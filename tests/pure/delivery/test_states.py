"""Which moves a recipient can make."""

from __future__ import annotations

from esp.delivery.states import FINAL, MOVES, OPEN, may_move


def test_every_state_is_open_or_final():
    assert set(OPEN) | set(FINAL) == set(MOVES)
    assert not set(OPEN) & set(FINAL)


def test_nothing_takes_a_sent_mail_back():
    assert not any(may_move("sent", state) for state in MOVES)


def test_what_was_given_up_can_only_turn_out_to_be_sent():
    assert all(MOVES[state] == {"sent"} for state in ("failed", "skipped"))


def test_nothing_becomes_queued_again():
    assert not any(may_move(state, "queued") for state in MOVES)
