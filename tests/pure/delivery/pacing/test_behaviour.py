"""What becomes of the mail to a receiver after it has said something: the table's last column."""

from __future__ import annotations

import math

import pytest

from esp.delivery.pacing import adapt, limits
from esp.delivery.pacing.adapt import FREE, NOMINAL_PER_MINUTE, after_outcome
from esp.delivery.pacing.classify import react
from esp.delivery.smtp.replies import Reply, classify

NOW = 1_800_000_000.0
MINUTE, HOUR = 60.0, 3600.0
NONE, FAST = 0.0, math.inf

SAID = {
    "google rate": "421 4.7.28 Gmail has detected an unusual rate of mail",
    "google id": "421 4.7.28 This sender exceeded its quota for sending messages with the same"
    " Message-ID",
    "google reputation": "421 4.7.0 very low reputation of the sending IP",
    "google later": "421 4.7.0 Try again later, closing connection.",
    "google mailbox": "450 4.2.1 The user you are trying to contact is receiving mail too quickly",
    "google full": "452 4.2.2 The recipient's inbox is over quota",
    "google auth": "550 5.7.26 This mail has been blocked because the sender is unauthenticated",
    "yahoo TSS04": "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred",
    "yahoo TSS05": "421 4.7.0 [TSS05] Messages from 192.0.2.1 temporarily deferred",
    "yahoo TS02": "421 4.7.0 [TS02] Messages from 192.0.2.1 temporarily deferred",
    "yahoo TS03": "421 4.7.0 [TS03] All messages from 192.0.2.1 will be permanently deferred",
    "yahoo TSS09": "553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred",
    "yahoo max": "421 Max message per connection reached, closing transmission channel",
    "yahoo nobody": "554 delivery error: dd This user doesn't have a yahoo.com account",
    "microsoft S775": "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited"
    " due to IP reputation (S775)",
    "microsoft busy": "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS761)",
    "microsoft S3150": "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent (S3150)",
    "apple volume": "421 4.7.1 Messages to ana@icloud.com deferred due to excessive volume",
    "gmx connections": "421 Too many connections",
    "gmx policy": "554 Reject due to policy restrictions",
    "telkom grey": "450 4.2.0 Greylisted",
}
CASES = [
    # who said what; minutes later; the most a minute, connections (of the provider's default)
    ("google rate", 0, 10, 1),
    ("google rate", 29, 10, 1),
    ("google rate", 60, NOMINAL_PER_MINUTE / 8, 1),
    ("google id", 0, NONE, 0),
    ("google id", 10**6, NONE, 0),
    ("google reputation", 59, NONE, 0),
    ("google later", 0, NOMINAL_PER_MINUTE / 2, 2),
    ("google mailbox", 0, FAST, 5),
    ("google full", 0, FAST, 5),
    ("google auth", 59, NONE, 0),
    ("yahoo TSS04", 119, NONE, 0),
    ("yahoo TSS05", 239, NONE, 0),
    ("yahoo TS02", 29, 1, 1),
    ("yahoo TS03", 10**6, NONE, 0),
    ("yahoo TSS09", 10**6, NONE, 0),
    ("yahoo max", 0, FAST, 10),
    ("yahoo nobody", 0, FAST, 10),
    ("microsoft S775", 89, 1, 1),
    ("microsoft busy", 29, NONE, 0),
    ("microsoft S3150", 119, NONE, 0),
    ("apple volume", 14, NONE, 0),
    ("gmx connections", 29, NOMINAL_PER_MINUTE / 8, 1),
    ("gmx policy", 59, NONE, 0),
    ("telkom grey", 0, FAST, 10),
]


def after(name: str) -> tuple[str, adapt.State]:
    provider, line = name.split()[0], SAID[name]
    outcome = classify(Reply(int(line[:3]), (line[4:].encode(),)), "rcpt")
    return provider, after_outcome(FREE, react(provider, outcome), NOW, 0.5, line)


@pytest.mark.standard("THR-03", "THR-06")
@pytest.mark.parametrize(("name", "minutes", "rate", "connections"), CASES)
def test_what_may_be_sent_after_a_reply(name, minutes, rate, connections):
    provider, state = after(name)
    now = NOW + minutes * MINUTE
    if rate == NONE:
        assert adapt.may_begin(state, now) > now
        return
    assert adapt.may_begin(state, now) == 0.0
    allowed = adapt.allowed(limits.of(provider, None), state, now)
    assert (allowed.rate_per_minute or FAST, allowed.connections) == (rate, connections)


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        ("google reputation", 75 * MINUTE),
        ("yahoo TSS04", 150 * MINUTE),
        ("microsoft busy", HOUR),
        ("gmx policy", 2 * HOUR),
        ("apple volume", 19 * MINUTE),
    ],
)
def test_one_message_is_tried_when_the_pause_is_over(name, longest):
    _, state = after(name)
    assert NOW < state.paused_until <= NOW + longest
    assert adapt.wants_probe(state, state.paused_until)


@pytest.mark.parametrize("name", ["google id", "yahoo TS03", "yahoo TSS09"])
def test_nothing_is_tried_before_a_person_has_acted(name):
    _, state = after(name)
    assert not adapt.wants_probe(state, NOW + 10**9)
