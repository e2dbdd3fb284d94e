"""What each receiver's words ask of us; the texts are those of the receivers' own documents."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.delivery.pacing.classify import MANY, react
from esp.delivery.pacing.reaction import SENT, Reaction
from esp.delivery.smtp.envelope import Outcome
from esp.delivery.smtp.replies import Reply, classify
from esp.delivery.verdicts import judge, suppresses


def said(provider: str, line: str, stage: str = "rcpt") -> Reaction:
    return react(provider, heard(line, stage))


def heard(line: str, stage: str = "rcpt") -> Outcome:
    return classify(Reply(int(line[:3]), (line[4:].encode(),)), stage)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


MAIL = "mail originating from your IP address."
RATE = "4.7.28 Gmail has detected an unusual rate of"
AUTH_4 = [f"421 4.7.{n} This mail has been rate limited" for n in (23, 26, 27, 29, 30, 32, 40)]
AUTH_5 = [f"550 5.7.{n} This mail has been blocked" for n in range(25, 33)]
TOO_QUICK = "The user you are trying to contact is receiving mail too quickly."
AT_A_RATE = "The user you are trying to contact is receiving mail at a rate that"
S3150 = (
    "5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet"
    " service provider since part of their network is on our block list (S3150)."
)
S775 = (
    "4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation."
    " For e-mail delivery information, see https://postmaster.live.com (S775)"
)
TSS = "Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints"
ALL = "All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed."

CASES = [
    # provider, reply, what of the reaction
    *(
        ("google", f"421 {RATE} {what}", {
            "scope": "provider", "reason": "rate", "cap_per_minute": 10,
            "cap_for": minutes(30), "doubles": True, "is_final": False, "alarm": False,
        })
        for what in (
            "email " + MAIL, "mail from your IP netblock", "mail from your SPF domain",
            "mail with DKIM domain", "mail containing one of your URL domains",
        )
    ),
    ("google", "421 4.7.28 Gmail has detected that this sender exceeded its quota for sending"
     " messages with the same Message-ID.", {"scope": "stream", "holds": True, "alarm": True}),
    ("google", "421 4.7.0 Our system has detected an unusual rate of unsolicited mail originating"
     " from your IP", {"scope": "provider", "pause": hours(1), "reason": "reputation"}),
    ("google", "421 4.7.0 This message is suspicious due to the very low reputation of the sending"
     " domain.", {"scope": "provider", "pause": hours(1)}),
    ("google", "550 5.7.1 [192.0.2.1] Gmail has detected that this message is likely suspicious"
     " due to the very low reputation of the sending IP address.",
     {"scope": "provider", "pause": hours(1), "is_final": True}),
    *(
        ("google", f"421 4.7.0 {text}",
         {"scope": "connection", "slows": True, "retry_after": minutes(5), "pause": None})
        for text in (
            "Try again later, closing connection.", "IP not in whitelist for RCPT domain",
            "Connection expired, try reconnecting.",
        )
    ),
    ("google", f"450 4.2.1 {TOO_QUICK}", {"scope": "recipient", "retry_after": hours(1)}),
    ("google", f"450 4.2.1 {AT_A_RATE}", {"scope": "recipient", "retry_after": hours(1)}),
    ("google", "452 4.2.2 The recipient's inbox is over quota.",
     {"scope": "recipient", "retry_after": hours(2), "is_final": False}),
    ("google", "452 4.2.2 The recipient's inbox is out of storage space.",
     {"scope": "recipient", "retry_after": hours(2)}),
    ("google", "552 5.2.2 The recipient's inbox is out of storage space.",
     {"scope": "recipient", "reason": "full", "is_final": True}),
    *(
        ("google", line, {
            "scope": "stream", "reason": "authentication", "alarm": True, "pause": hours(1),
            "is_final": line[0] == "5",
        })
        for line in (*AUTH_4, "451 4.7.24 The SPF record of the sending domain", *AUTH_5)
    ),
    ("yahoo", f"421 4.7.0 [TSS04] {TSS}",
     {"scope": "provider", "pause": hours(2), "doubles": True, "is_final": False}),
    ("yahoo", f"421 4.7.0 [TSS05] {TSS}", {"scope": "provider", "pause": hours(4)}),
    ("yahoo", f"421 4.7.0 [IPTS05] {TSS}", {"scope": "provider", "pause": hours(4)}),
    ("yahoo", "421 4.7.0 [TS01] Messages from 192.0.2.1 temporarily deferred",
     {"scope": "provider", "cap_per_minute": 1, "cap_for": minutes(30)}),
    ("yahoo", "421 4.7.0 [TS02] Messages from 192.0.2.1 temporarily deferred",
     {"scope": "provider", "cap_per_minute": 1, "cap_for": minutes(30)}),
    ("yahoo", f"421 4.7.0 [TS03] {ALL}",
     {"scope": "provider", "holds": True, "is_final": False, "alarm": True}),
    ("yahoo", f"553 5.7.2 [TSS09] {ALL}",
     {"scope": "provider", "holds": True, "is_final": True, "alarm": True}),
    ("yahoo", f"553 5.7.2 [TSS11] {ALL}",
     {"scope": "provider", "holds": True, "is_final": True, "alarm": True}),
    ("yahoo", "421 Max message per connection reached, closing transmission channel",
     {"scope": "connection", "slows": False, "retry_after": minutes(1)}),
    ("yahoo", "450 User is receiving mail too quickly",
     {"scope": "recipient", "retry_after": hours(1)}),
    ("yahoo", "451 Message temporarily deferred due to unresolvable RFC.5321 from domain",
     {"scope": "stream", "reason": "dns", "alarm": True, "is_final": False}),
    ("yahoo", "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1",
     {"scope": "provider", "reason": "blocked", "alarm": True, "pause": hours(2)}),
    ("yahoo", "553 5.7.1 [BL23] Connections will not be accepted from 192.0.2.1",
     {"scope": "provider", "reason": "blocked", "alarm": True, "pause": hours(2)}),
    ("yahoo", "550 5.7.9 This mail has been blocked because the sender is unauthenticated.",
     {"scope": "stream", "reason": "authentication", "alarm": True}),
    ("yahoo", "554 delivery error: dd This user doesn't have a yahoo.com account",
     {"scope": "recipient", "reason": "invalid", "is_final": True}),
    ("yahoo", "552 1 Requested mail action aborted, mailbox not found",
     {"scope": "recipient", "reason": "invalid", "is_final": True}),
    ("microsoft", f"451 {S775}", {
        "scope": "provider", "cap_per_minute": 1, "cap_connections": 1, "cap_for": minutes(90),
        "is_final": False,
    }),
    ("microsoft", "451 4.7.651 The mail server [192.0.2.1] has been temporarily rate limited due"
     " to IP reputation (S3114)", {"cap_per_minute": 1, "cap_connections": 1}),
    *(
        ("microsoft", line,
         {"scope": "provider", "pause": minutes(30), "spread": 1.0, "is_final": False})
        for line in (
            "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS761)",
            "451 4.7.700 PFA agent busy, please try again.",
            "451 4.3.2 Please try again later.",
            "451 4.7.850 Access denied, please try again later",
            "451 4.7.899 Access denied, please try again later",
        )
    ),
    ("microsoft", f"550 {S3150}",
     {"scope": "provider", "reason": "blocked", "pause": hours(2), "alarm": True}),
    ("microsoft", "550 5.7.515 Access denied, sending domain example.org does not meet the required"
     " authentication level.", {"scope": "stream", "alarm": True, "is_final": True}),
    ("microsoft", "550 5.5.0 Requested action not taken: mailbox unavailable",
     {"scope": "recipient", "reason": "invalid", "is_final": True}),
    ("apple", "421 4.7.1 Messages to ana@icloud.com deferred due to excessive volume.",
     {"scope": "provider", "pause": minutes(15), "doubles": True}),
    ("apple", "450 4.1.1 [BS02] try again later", {"scope": "provider", "pause": minutes(15)}),
    ("apple", "451 4.1.1 [BS02] try again later", {"scope": "provider", "pause": minutes(15)}),
    ("apple", "421 4.7.0 [HCM1] Message deferred", {"scope": "provider", "pause": minutes(15)}),
    ("apple", "550 5.7.1 [CS01] Message rejected due to local policy.",
     {"scope": "provider", "pause": minutes(15), "alarm": True, "is_final": True}),
    ("gmx", "421 Too many connections",
     {"scope": "provider", "cap_connections": 1, "cap_for": minutes(30)}),
    ("gmx", "554 Transaction failed Reject due to policy restrictions.",
     {"scope": "provider", "pause": hours(1), "spread": 1.0, "is_final": True}),
    *(
        ("telkom", line, {"scope": "recipient", "retry_after": first, "retry_spread": spread})
        for line, first, spread in (
            ("450 4.2.0 Greylisted", minutes(5), minutes(10)),
            ("451 4.7.1 <ana@telkom.net>: greylisting in action", minutes(5), minutes(10)),
            ("450 4.7.1 try again in 300 seconds", minutes(5), minutes(1)),
            ("451 blocked, try again in 7 minutes", minutes(7), minutes(1)),
        )
    ),
    # Not of the table: THR-06 and what is generally said.
    ("telkom", "421 4.3.2 Service shutting down", {"scope": "provider", "slows": True}),
    ("telkom", "421 4.7.0 Too many concurrent SMTP connections",
     {"scope": "connection", "slows": True}),
    ("telkom", "452 4.7.1 Too many messages in this session", {"scope": "connection"}),
    ("telkom", "450 4.7.1 Error: too much mail from 192.0.2.1",
     {"scope": "provider", "slows": True}),
    ("telkom", "451 4.7.1 Your reputation is poor",
     {"scope": "provider", "pause": minutes(15)}),
    ("telkom", "451 4.3.0 Temporary problem", {"scope": "recipient", "retry_after": None}),
    ("telkom", "550 5.7.1 Message contains spam", {"scope": "stream", "alarm": True, "after": 5}),
    ("telkom", "550 5.7.1 Relaying denied", {"scope": "recipient", "alarm": False}),
    ("telkom", "554 5.0.0 Transaction failed", {"scope": "recipient", "is_final": True}),
]  # fmt: skip


@pytest.mark.standard("THR-06", "DSN-14")
@pytest.mark.parametrize(("provider", "line", "wanted"), CASES)
def test_reactions(provider, line, wanted):
    reaction = said(provider, line)
    assert {name: getattr(reaction, name) for name in wanted} == wanted


@pytest.mark.standard("SMTP-10", "THR-05")
@given(
    st.sampled_from(["", "google", "yahoo", "microsoft", "apple", "gmx", MANY, "telkom"]),
    st.sampled_from(["mail", "rcpt", "data", "dot", "greeting", "ehlo"]),
    st.sampled_from([case[1] for case in CASES]),
    st.integers(400, 599),
)
def test_the_first_digit_decides_whether_it_is_final(provider, stage, line, code):
    reply = f"{code} {line[4:]}"
    reaction = said(provider, reply, stage)
    assert reaction.is_final == (heard(reply, stage).kind == "failed")
    if heard(reply, stage).code < 500:
        assert not reaction.is_final


@pytest.mark.standard("DSN-14")
@pytest.mark.parametrize("line", [case[1] for case in CASES if case[2].get("alarm")])
def test_what_is_our_fault_suppresses_nobody(line):
    outcome = heard(line)
    assert outcome.kind == "deferred" or not suppresses(judge(outcome))


@pytest.mark.standard("THR-06")
@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
def test_421_counts_against_the_receiver_at_any_point(stage):
    reaction = said("telkom", "421 closing", stage)
    assert reaction.teaches
    assert not reaction.is_final


def test_a_receiver_cannot_speak_for_another():
    assert said("telkom", f"421 4.7.0 [TS03] {ALL}").holds is False
    assert said("telkom", f"451 {S775}").cap_per_minute is None


@given(st.sampled_from([case[1] for case in CASES]))
def test_what_one_of_many_says_is_not_held_against_all(line):
    assert not said(MANY, line).teaches


def test_a_connection_that_never_was_is_nobodys_word():
    outcome = Outcome("deferred", 0, "4.4.1", "Connection refused", "connect")
    reaction = react("google", outcome)
    assert (reaction.scope, reaction.retry_after) == ("connection", minutes(2))
    assert react("google", Outcome("sent", 250, "", "ok", "dot")) is SENT
