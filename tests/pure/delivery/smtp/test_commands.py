"""Commands: only what was announced, nothing smuggled, bodies that can't end early."""

import base64
import itertools
import smtplib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.delivery.smtp import commands
from esp.delivery.smtp.commands import Auth, Capabilities
from esp.delivery.smtp.envelope import Envelope
from esp.delivery.smtp.introduction import Terms
from esp.delivery.smtp.protocol import Session
from esp.delivery.smtp.replies import Reply

ALL = Capabilities(
    pipelining=True, smtputf8=True, eight_bit=True, dsn=True, size_announced=True, size=1000
)


def envelope(mail_from: str = "a@x.org", rcpt: str = "b@y.org", data: bytes = b"x\r\n") -> Envelope:
    return Envelope("key", mail_from, rcpt, data, envid="k=1+2")


def test_capabilities() -> None:
    lines = b"x greets|PIPELINING|size 1000|DSN|AUTH PLAIN LOGIN|AUTH=CRAM-MD5|STARTTLS|\xff|"
    assert commands.read_capabilities(Reply(250, tuple(lines.split(b"|")))) == Capabilities(
        pipelining=True,
        starttls=True,
        dsn=True,
        size_announced=True,
        size=1000,
        auth=frozenset({"PLAIN", "LOGIN", "CRAM-MD5"}),
    )
    assert commands.read_capabilities(Reply(250, (b"PIPELINING",))) == Capabilities()


@pytest.mark.parametrize("size", [b"SIZE", b"SIZE x", b"SIZE -1", b"SIZE 0", b"SIZE " + b"9" * 99])
def test_a_size_that_says_nothing_is_no_limit(size: bytes) -> None:
    can = commands.read_capabilities(Reply(250, (b"hi", size)))
    assert (can.size_announced, can.size) == (True, 0)


@pytest.mark.standard("SMTP-19")
@pytest.mark.standard("DSN-01")
@pytest.mark.standard("DSN-02")
def test_parameters_only_where_announced() -> None:
    assert commands.mail_and_rcpt(envelope(), Capabilities(), dsn=True) == (
        b"MAIL FROM:<a@x.org>\r\n",
        b"RCPT TO:<b@y.org>\r\n",
    )
    assert commands.mail_and_rcpt(envelope(), ALL, dsn=False) == (
        b"MAIL FROM:<a@x.org> SIZE=3\r\n",
        b"RCPT TO:<b@y.org>\r\n",
    )
    assert commands.mail_and_rcpt(envelope(rcpt="b+c=d@y.org"), ALL, dsn=True) == (
        b"MAIL FROM:<a@x.org> SIZE=3 RET=HDRS ENVID=k+3D1+2B2\r\n",
        b"RCPT TO:<b+c=d@y.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;b+2Bc+3Dd@y.org\r\n",
    )


@pytest.mark.standard("SMTP-06")
@pytest.mark.parametrize("character", ["x", "ö", "=", "+"])
def test_commands_are_no_longer_than_they_may_be(character: str) -> None:
    longest = character * (248 // len(character.encode())) + "@y.org"
    sent = Envelope("key", longest, longest, b"x" * 9_999_999, envid="=" * 33)
    can = replace(ALL, size=0)
    assert commands.refuse_locally(sent, can) is None
    for line in commands.mail_and_rcpt(sent, can, dsn=False):
        # RFC 1870 §3 and RFC 6531 §3.6 add 26, 10 and 16 octets to MAIL.
        assert len(line) <= commands.MAX_COMMAND
    for line in commands.mail_and_rcpt(sent, can, dsn=True):
        # RFC 3461 §4: 500 more for RCPT, 100 of ENVID and some words for MAIL.
        assert len(line) <= commands.MAX_COMMAND + 500
    hello = Session(Terms("h" * 255), lambda: None, lambda _one, _outcome: None)
    hello.receive(b"220 hi\r\n")
    assert len(hello.out[0]) <= commands.MAX_COMMAND


REFUSED = {
    "a line break": (envelope(rcpt="b@y.org\r\nRSET"), "5.1.3"),
    "a bracket": (envelope(rcpt="b@y.org> SIZE=1"), "5.1.3"),
    "nobody": (envelope(rcpt=""), "5.1.3"),
    "half a character": (envelope(rcpt="\ud800@y.org"), "5.1.3"),
    "too long": (envelope(rcpt="b@" + "y" * 253), "5.1.3"),
    "a sender's line break": (envelope(mail_from="a\n@x.org"), "5.1.7"),
    "too large": (envelope(data=b"x" * 999 + b"\r\n"), "5.3.4"),
}


@pytest.mark.standard("SMTP-20")
@pytest.mark.parametrize("name", REFUSED)
def test_refused_without_asking(name: str) -> None:
    refused, status = REFUSED[name]
    outcome = commands.refuse_locally(refused, ALL)
    assert outcome is not None
    assert (outcome.kind, outcome.code, outcome.enhanced) == ("failed", 0, status)


HEADER = "Subject: ö\r\n\r\nx\r\n".encode()
BODY = "Subject: o\n\nö\r\n".encode()

# What of an envelope may be international, and whether it needs the extension.
INTERNATIONAL = {
    "nothing": (envelope(), False),
    "nobody": (envelope(mail_from=""), False),
    "the recipient": (envelope(rcpt="ö@y.org"), True),
    "the sender": (envelope(mail_from="ö@x.org"), True),
    "a header": (Envelope("key", "a@x.org", "b@y.org", HEADER, stuffed=False), True),
    "the body alone": (Envelope("key", "a@x.org", "b@y.org", BODY, stuffed=False), False),
    "a domain alone": (envelope(mail_from="a@ö.example", rcpt="b@ö.example"), False),
}


@pytest.mark.standard("SMTP-19")
@pytest.mark.standard("EAI-01")
@pytest.mark.standard("EAI-02")
@pytest.mark.parametrize("name", INTERNATIONAL)
def test_only_what_is_international_needs_smtputf8(name: str) -> None:
    sent, needs = INTERNATIONAL[name]
    mail, _ = commands.mail_and_rcpt(sent, ALL, dsn=False)
    assert mail.endswith(b" BODY=8BITMIME SMTPUTF8\r\n") == needs
    assert (b"SMTPUTF8" in mail) == needs
    old = Capabilities(smtputf8=True)
    assert commands.mail_and_rcpt(sent, old, dsn=False)[0].endswith(b"> SMTPUTF8\r\n") == needs
    assert commands.refuse_locally(sent, ALL) is None
    outcome = commands.refuse_locally(sent, Capabilities(eight_bit=True))
    assert (outcome is not None) == needs
    if outcome is not None:
        assert (outcome.kind, outcome.code, outcome.enhanced) == ("failed", 0, "5.6.7")


@pytest.mark.standard("EAI-02")
@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("b@müller.example", b"<b@xn--mller-kva.example>"),
        ("b@MÜLLER.example", b"<b@xn--mller-kva.example>"),
        ("bö@müller.example", "<bö@xn--mller-kva.example>".encode()),
        ("bö@y.org", "<bö@y.org>".encode()),
    ],
)
def test_domains_are_sent_as_a_labels(address: str, path: bytes) -> None:
    commands_sent = commands.mail_and_rcpt(envelope(address, address), ALL, dsn=True)
    assert [line.split(b":", 1)[1].split()[0] for line in commands_sent] == [path, path]


@pytest.mark.standard("SMTP-01")
@pytest.mark.standard("SMTP-03")
@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b" "])).map(b"".join))
def test_an_unsafe_body_becomes_what_smtplib_sends(data: bytes) -> None:
    sent = commands.body(Envelope("key", "a@x.org", "b@y.org", data, stuffed=False))
    # Nor is there an end for a receiver that takes bare line ends for whole ones (smuggling).
    for first, last in itertools.product((b"\r\n", b"\n", b"\r"), repeat=2):
        assert first + b"." + last not in first + sent
    assert sent.replace(b"\r\n", b"").count(b"\r") == 0
    assert sent.replace(b"\r\n", b"").count(b"\n") == 0
    reference = smtplib._quote_periods(smtplib._fix_eols(data.decode()).encode())  # type: ignore[attr-defined]
    assert sent == (reference if reference.endswith(b"\r\n") else reference + b"\r\n")


def test_a_safe_body_is_not_copied() -> None:
    safe = envelope()
    assert commands.body(safe) is safe.data


def test_credentials() -> None:
    auth = Auth("me", "secret")
    plain = base64.b64encode(b"\0me\0secret")
    both = frozenset({"LOGIN", "PLAIN"})
    assert commands.auth_steps(auth, both) == [b"AUTH PLAIN " + plain + b"\r\n"]
    assert commands.auth_steps(auth, frozenset({"LOGIN"})) == [
        b"AUTH LOGIN\r\n",
        base64.b64encode(b"me") + b"\r\n",
        base64.b64encode(b"secret") + b"\r\n",
    ]
    assert commands.auth_steps(auth, frozenset({"GSSAPI"})) == []
    assert "secret" not in repr(auth)


def test_long_credentials_get_a_line_of_their_own() -> None:
    first, second = commands.auth_steps(Auth("me", "s" * 600), frozenset({"PLAIN"}))
    assert first == b"AUTH PLAIN\r\n"
    assert base64.b64decode(second) == b"\0me\0" + b"s" * 600
