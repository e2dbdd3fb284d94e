"""Delivery reports, as they should be and as they are."""

from __future__ import annotations

from email import message_from_bytes
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.returns.apply import verdict_of
from esp.returns.classify import classify
from esp.returns.reports import reports_of


def dsn(*blocks: str, subtype: str = "delivery-status", encoding: str = "7bit") -> bytes:
    status = "\n\n".join(dedent(block).strip() for block in ("Reporting-MTA: dns; mx", *blocks))
    return (
        "From: MAILER-DAEMON@mx.example\nSubject: Undelivered\n"
        "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\n\n'
        "--B\nContent-Type: text/plain\n\nSorry: victim@elsewhere.example failed.\n"
        f"--B\nContent-Type: message/{subtype}\nContent-Transfer-Encoding: {encoding}\n\n{status}\n"
        "\n--B\nContent-Type: message/rfc822\n\nTo: other@elsewhere.example\n"
        "Subject: Final-Recipient: rfc822; original@elsewhere.example\n\nHello\n--B--\n"
    ).encode()


def read(raw: bytes):
    return reports_of(message_from_bytes(raw))


FAILED = """
    Final-Recipient: rfc822; ana@customers.example
    Action: failed
    Status: 5.1.1
    Diagnostic-Code: smtp; 550 5.1.1 User unknown
"""


@pytest.mark.standard("DSN-03")
def test_a_plain_report_is_read():
    [report] = read(dsn(FAILED))
    assert report.addresses == ("ana@customers.example",)
    assert (report.action, report.status, report.kind) == ("failed", "5.1.1", "hard")
    assert report.diagnostic == "550 5.1.1 User unknown"


@pytest.mark.standard("DSN-03")
def test_names_are_case_blind_lines_are_folded_and_unknown_fields_ignored():
    [report] = read(
        dsn("""
        FINAL-RECIPIENT:rfc822;ana@customers.example
        x-something: 1
        action: FAILED (really)
        STATUS: 5.2.2 (full)
        diagnostic-code: smtp;
          552 5.2.2 mailbox
          is full
    """)
    )
    assert (report.action, report.status) == ("failed", "5.2.2")
    assert report.diagnostic == "552 5.2.2 mailbox is full"


@pytest.mark.standard("DSN-04")
def test_the_original_recipient_comes_first_and_is_decoded():
    [report] = read(
        dsn("""
        Original-Recipient: rfc822;Ana+2Bnews+3D@customers.example
        Final-Recipient: X-Postfix; <inner@backend.example>
        Action: failed
        Status: 5.0.0
    """)
    )
    assert report.addresses == ("Ana+news=@customers.example", "inner@backend.example")


@pytest.mark.standard("DSN-05")
@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", "hard"),
        ("failed", "4.4.7", "soft"),
        ("delayed", "4.4.1", "delay"),
        ("delayed", "5.1.1", "delay"),
        ("delivered", "2.0.0", "none"),
        ("relayed", "2.0.0", "none"),
        ("expanded", "2.0.0", "none"),
        ("failed", "", "soft"),
    ],
)
def test_the_action_says_whether_it_is_final_and_the_status_what_kind(action, status, kind):
    [report] = read(
        dsn(f"Final-Recipient: rfc822; a@b.example\nAction: {action}\nStatus: {status}")
    )
    assert report.kind == kind


@pytest.mark.standard("DSN-06")
def test_each_recipient_has_a_report_of_its_own():
    second = FAILED.replace("ana@", "budi@").replace("failed", "delayed")
    found = read(dsn(FAILED, second))
    assert [(r.addresses[0], r.kind) for r in found] == [
        ("ana@customers.example", "hard"),
        ("budi@customers.example", "delay"),
    ]


@pytest.mark.standard("DSN-10")
def test_nothing_is_taken_from_the_text_or_the_returned_message():
    found = read(dsn(FAILED))
    assert [report.addresses for report in found] == [("ana@customers.example",)]
    assert read(dsn("X-Nothing: here")) == ()
    inside = b"Content-Type: multipart/mixed; boundary=C\n\n--C\nContent-Type: message/rfc822\n\n"
    assert read(inside + dsn(FAILED) + b"\n--C--\n") == ()


def test_an_international_report_is_read():
    block = FAILED.replace("rfc822; ana", "utf-8; \\x{e4}na")
    [report] = read(dsn(block, subtype="global-delivery-status"))
    assert report.addresses == ("äna@customers.example",)


def test_a_code_that_says_nothing_gives_way_to_the_receivers_words():
    [report] = read(dsn(FAILED.replace("Status: 5.1.1", "Status: 5.0.0")))
    assert report.status == "5.1.1"


@pytest.mark.standard("DSN-12")
@pytest.mark.standard("DSN-14")
@pytest.mark.parametrize(
    ("status", "words", "verdict"),
    [
        ("5.1.1", "550 5.1.1 User unknown", "invalid"),
        ("5.1.10", "550 5.1.10 RecipientNotFound", "invalid"),
        ("5.0.0", "550 no such user", "invalid"),
        ("5.2.2", "552 5.2.2 over quota", "full"),
        ("5.7.1", "550 5.7.1 message rejected as spam", "policy"),
        ("5.7.26", "550 5.7.26 unauthenticated", "policy"),
        ("5.7.515", "550 5.7.515 Access denied", "policy"),
        ("5.0.0", "554 blocked by reputation", "policy"),
    ],
)
def test_reasons(status, words, verdict):
    [report] = read(
        dsn(
            f"Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: {status}\n"
            f"Diagnostic-Code: smtp; {words}"
        )
    )
    assert verdict_of(report) == verdict


@given(st.binary(max_size=2000))
def test_any_bytes_have_a_verdict(raw):
    assert classify(raw).verdict in ("bounce", "delay", "autoreply", "other")


@given(st.integers(0, 700), st.integers(0, 60), st.binary(max_size=60))
def test_a_damaged_report_raises_nothing(start, length, instead):
    raw = dsn(FAILED)
    classify(raw[:start] + instead + raw[start + length :])
