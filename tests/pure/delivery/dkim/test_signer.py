"""What is signed verifies elsewhere, and nothing that matters is left unsigned."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esp.delivery.dkim import Signer
from esp.delivery.dkim.canonical import relaxed_body, relaxed_field, split
from esp.delivery.dkim.signer import signing
from esp.delivery.plan.headers import mailbox, unstructured
from esp.senders.dkim_records import public_part
from tests.pure.delivery.dkim import rfc8463
from tests.pure.delivery.plan.plans import SETTINGS, Prepared, filled
from tests.signatures import both_keys, records, signatures, verified

NOW = datetime(2026, 11, 22, 9, 30, 5, 250_000, tzinfo=UTC)
KEYS = both_keys()
DNS = records(*KEYS)
SIGNER = Signer(KEYS)
HEAD = b"From: a@acme.example\r\nTo: b@c.example\r\nSubject: Hello\r\nDate: now\r\n"

LINES = st.lists(
    st.sampled_from(
        [b"", b".", b"..", b" ", b"\t", b"  a\t b  ", b"x" * 998, b"From b", b"=20", b"a=\t"]
    )
    | st.binary(max_size=20).map(lambda line: line.translate(None, b"\r\n")),
    max_size=8,
)
BODIES = st.tuples(LINES, st.sampled_from([b"", b"\r\n", b"\r\n" * 4])).map(
    lambda pieces: b"\r\n".join(pieces[0]) + pieces[1]
)


def sign(message: bytes) -> bytes:
    return SIGNER.sign(message, NOW)


def signed_names(message: bytes) -> list[str]:
    return signatures(sign(message))[0]["h"].split(":")


@pytest.mark.standard("DKIM-07")
@pytest.mark.standard("DKIM-04")
@given(BODIES)
@example(b"")
@example(b"\r\n")
@example(b"no end of line")
@example(b"a \r\n\r\n\r\n")
@example(b" \r\n \r\n")
def test_any_body_verifies_as_a_server_takes_it(body: bytes) -> None:
    message = HEAD + b"\r\n" + body
    signed = sign(message)
    assert signed.endswith(message)
    # DATA ends every message with a line end.
    taken = signed if signed.endswith(b"\r\n") else signed + b"\r\n"
    assert verified(taken, DNS) == [True, True]


@pytest.mark.standard("DKIM-07")
@given(st.text(max_size=200), st.text(max_size=80))
@example("Grüße — 😀 " * 9, 'O"Neil, Ana')
@example("  two  spaces\tand a tab ", "")
def test_any_subject_and_name_verify(subject: str, name: str) -> None:
    message = b"\r\n".join(
        [
            mailbox("From", name, "a@acme.example"),
            b"To: b@c.example",
            unstructured("Subject", subject),
            b"",
            b"Hello",
            b"",
        ]
    )
    assert verified(sign(message), DNS) == [True, True]


@pytest.mark.standard("DKIM-07")
@pytest.mark.parametrize(
    "field",
    [
        b"Subject: \xc3\xa4 raw UTF-8",
        b"SUBJECT:\t folded\r\n\tand\r\n  again \t",
        b"Subject:",
        b"Subject:\r\n at the next line",
        b"Subject: one\r\nSubject: two\r\nsubject: three",
        b"X" * 60 + b": " + b"y" * 900,
    ],
)
def test_unusual_fields_verify(field: bytes) -> None:
    assert verified(sign(HEAD + field + b"\r\n\r\nHello\r\n"), DNS) == [True, True]


@pytest.mark.standard("DKIM-05")
@pytest.mark.standard("DKIM-06")
@pytest.mark.parametrize("html", [None, "<p>  Hello {{ contact.first_name }}\t.</p>\n\n.\nFrom x"])
def test_a_copy_of_a_broadcast_equals_its_relaxed_form(html: str | None) -> None:
    message = filled(Prepared(text="Hello\n\n.\n  you  \n\n\n", html=html))
    body = split(message)[1]
    assert relaxed_body(body) is body
    signed = SIGNER.sign(message, NOW, is_relaxed=True)
    assert signed == SIGNER.sign(message, NOW)
    assert signed.isascii()
    assert verified(signed, DNS) == [True, True]
    assert verified(signed[:-3] + b"!\r\n", DNS) == [False, False]


@pytest.mark.standard("DKIM-01")
@pytest.mark.standard("DKIM-04")
@pytest.mark.standard("DKIM-05")
def test_two_signatures_without_a_length_and_with_their_time() -> None:
    first, second = signatures(sign(HEAD + b"\r\nHello\r\n"))
    assert (first["a"], first["s"]) == ("rsa-sha256", "s1")
    assert (second["a"], second["s"]) == ("ed25519-sha256", "e1")
    for found in (first, second):
        assert set(found) == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}
        assert found["c"] == "relaxed/relaxed"
        assert found["d"] == "acme.example"
        assert found["t"] == str(int(NOW.timestamp()))


@pytest.mark.standard("DKIM-02")
@pytest.mark.standard("LIST-04")
def test_all_that_a_reader_or_a_provider_goes_by_is_signed() -> None:
    settings = replace(SETTINGS, reply_to="answers@example.com", language="id")
    message = filled(settings=settings).replace(
        b"MIME-Version:",
        b"Cc: c@c.example\r\nIn-Reply-To: <x@y>\r\nReferences: <x@y>\r\nReceived: by z\r\n"
        b"Return-Path: <r@z>\r\nMIME-Version:",
    )
    names = signed_names(message)
    assert set(names) == {
        *("from", "reply-to", "subject", "date", "to", "cc", "message-id", "mime-version"),
        *("content-type", "in-reply-to", "references", "feedback-id"),
        *("list-id", "list-unsubscribe", "list-unsubscribe-post"),
    }
    assert verified(sign(message), DNS) == [True, True]


@pytest.mark.standard("DKIM-02")
@pytest.mark.standard("LIST-04")
@pytest.mark.parametrize(
    "name",
    ["From", "Subject", "Feedback-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Message-ID"],
)
def test_a_changed_field_breaks_both_signatures(name: str) -> None:
    signed = sign(filled())
    place = b"\r\n" + name.encode() + b": "
    assert signed.count(place) == 1
    assert verified(signed.replace(place, place + b"x"), DNS) == [False, False]


@pytest.mark.standard("DKIM-03")
@pytest.mark.parametrize("name", ["From", "To", "Subject", "Date", "Reply-To", "List-Unsubscribe"])
def test_a_second_field_of_a_name_breaks_both_signatures(name: str) -> None:
    message = filled()
    head, _, _ = message.lower().partition(b"\r\n\r\n")
    present = head.count(b"\r\n" + name.lower().encode() + b":") + head.startswith(
        name.lower().encode()
    )
    assert signed_names(message).count(name.lower()) == present + 1
    signed = sign(message)
    for added in (
        name.encode() + b": evil\r\n" + signed,
        signed.replace(b"\r\nMIME-Version:", b"\r\n" + name.encode() + b": evil\r\nMIME-Version:"),
    ):
        assert verified(added, DNS) == [False, False]


def test_lines_of_a_signature_are_short() -> None:
    signed = sign(filled())
    head = signed.partition(b"Date:")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))


def test_a_key_that_is_not_published_does_not_verify() -> None:
    assert verified(sign(HEAD + b"\r\nHello\r\n"), records(KEYS[1])) == [False, True]


@pytest.mark.standard("DKIM-04")
def test_the_example_of_rfc_8463_is_reproduced() -> None:
    fields, body = split(rfc8463.MESSAGE)
    assert public_part(rfc8463.ED25519) == rfc8463.ED25519_PUBLIC
    ours = dict(relaxed_field(field) for field in fields)
    hashed = [b"from", b"to", b"subject", b"date", b"message-id"]
    for field, key, expected in zip(
        fields, (rfc8463.ED25519, rfc8463.RSA), signatures(rfc8463.MESSAGE), strict=False
    ):
        assert base64.b64encode(sha256(relaxed_body(body)).digest()).decode() == expected["bh"]
        unsigned = field[: field.index(b" b=") + 3]
        own = relaxed_field(unsigned)[1].removesuffix(b"\r\n")
        digest = sha256(b"".join([*(ours[name] for name in hashed), own])).digest()
        assert base64.b64encode(signing(key)(digest)).decode() == expected["b"]
