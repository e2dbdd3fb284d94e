"""When a deferred recipient is tried again, and when it is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.delivery.pacing.classify import react
from esp.delivery.retry import LIFETIME, next_attempt
from esp.delivery.settle import settle
from esp.delivery.smtp.envelope import Outcome

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
chances = st.floats(0, 1, exclude_max=True)


def deferred(code: int, enhanced: str, text: str, stage: str = "rcpt") -> Outcome:
    return Outcome("deferred", code, enhanced, text, stage)


PLAIN = deferred(451, "4.3.0", "Temporary problem")


def minutes(outcome: Outcome, attempts: int = 1, chance: float = 0.0) -> float:
    return (next_attempt(react("", outcome), attempts, AT, chance) - AT) / timedelta(minutes=1)


@pytest.mark.standard("SMTP-09")
@given(st.integers(1, 200), chances)
def test_a_plain_deferral_waits_half_an_hour_and_longer_each_time(attempts, chance):
    assert 30 <= minutes(PLAIN, attempts, chance) <= 6 * 60 * 1.25
    assert minutes(PLAIN, attempts + 1) >= minutes(PLAIN, attempts)


@pytest.mark.parametrize(
    ("outcome", "shortest", "longest"),
    [
        (deferred(450, "4.2.0", "Greylisted, please try again"), 5, 15),
        (deferred(451, "4.7.1", "Greylisting in action, come back in 8 minutes"), 8, 9),
        (deferred(450, "", "try again in 300 seconds"), 5, 6),
        (deferred(452, "4.2.2", "The account is over quota"), 120, 150),
        (deferred(450, "4.2.1", "receiving mail too quickly"), 60, 75),
        (deferred(421, "4.3.2", "shutting down"), 5, 7),
        (deferred(0, "4.4.1", "Connection refused", "connect"), 2, 3),
        (deferred(0, "4.4.2", "The connection was lost", "lost"), 2, 3),
    ],
)
def test_a_known_reason_has_its_own_time(outcome, shortest, longest):
    assert minutes(outcome, chance=0.0) == shortest
    assert shortest <= minutes(outcome, chance=0.999) <= longest


@pytest.mark.standard("THR-05")
def test_what_is_deferred_for_three_days_has_failed_and_is_not_a_dead_address():
    first = settle(PLAIN, 1, AT, None, 0.5)
    assert (first.kind, first.reason) == ("deferred", "")
    assert first.next_at is not None

    last = settle(PLAIN, 12, AT + LIFETIME - timedelta(hours=1), AT + LIFETIME, 0.5)
    assert (last.kind, last.reason, last.next_at) == ("failed", "expired", None)
    assert last.reply.startswith("4.4.7 4.3.0 Temporary problem")


@given(chances)
def test_attempts_end(chance):
    at, attempts, expires_at = AT, 1, None
    while (settled := settle(PLAIN, attempts, at, expires_at, chance)).kind == "deferred":
        expires_at = expires_at or at + LIFETIME
        assert settled.next_at is not None
        at, attempts = settled.next_at, attempts + 1
    assert 10 < attempts < 30
    assert at < AT + LIFETIME
