"""What came back: report, auto-reply or something else."""

from __future__ import annotations

import pytest

from esp.returns.classify import classify, is_reply_of_a_program
from tests.pure.returns.test_reports import FAILED, dsn


def mail(*headers: str, body: str = "I am away.") -> bytes:
    return "\r\n".join(("From: x@y.example", "Subject: Re: Hello", *headers, "", body)).encode()


@pytest.mark.standard("AUTO-01")
@pytest.mark.parametrize(
    "value",
    [
        "auto-replied",
        "Auto-Replied",
        "auto-generated",
        "auto-replied (zimbra; vacation)",
        'auto-replied; owner-email="x@y.example"',
        "(comment) auto-notified",
    ],
)
def test_automatic_mail_says_so(value):
    assert classify(mail(f"Auto-Submitted: {value}")).verdict == "autoreply"


@pytest.mark.standard("AUTO-01")
@pytest.mark.parametrize("value", ["no", "NO", "no (really)", ""])
def test_no_means_a_person(value):
    assert classify(mail(f"Auto-Submitted: {value}")).verdict == "other"


@pytest.mark.standard("AUTO-02")
def test_a_report_that_calls_itself_automatic_is_a_report():
    assert classify(dsn(FAILED)).verdict == "bounce"
    assert classify(dsn(FAILED.replace("failed", "delayed"))).verdict == "delay"
    assert classify(dsn(FAILED.replace("failed", "delivered"))).verdict == "other"


@pytest.mark.standard("AUTO-03")
@pytest.mark.parametrize(
    "header",
    [
        "X-Autoreply: yes",
        "X-Autorespond: vacation",
        "Precedence: auto_reply",
        "X-MS-Exchange-Inbox-Rules-Loop: x@y.example",
        "X-POST-MessageClass: 9; Autoresponder",
    ],
)
def test_other_marks_of_programs_are_known(header):
    assert classify(mail(header)).verdict == "autoreply"


@pytest.mark.standard("AUTO-05")
def test_words_alone_make_no_program_of_a_person():
    written = mail(body="Your out of office mail said: automatic reply. Out of office!")
    assert classify(written.replace(b"Re: Hello", b"Re: Out of office")).verdict == "other"


def test_only_an_answer_is_a_reply_of_a_program():
    assert is_reply_of_a_program(mail("Auto-Submitted: auto-replied"))
    assert not is_reply_of_a_program(mail("Auto-Submitted: auto-generated"))
    assert not is_reply_of_a_program(mail())
