"""Getting a connection ready: EHLO or HELO, STARTTLS, credentials."""

import pytest

from esp.delivery.smtp.commands import Auth
from esp.delivery.smtp.introduction import Terms, TlsMode
from tests.pure.delivery.smtp.talk import GROUP, PIPELINING, Talk

STARTTLS = b"250-hi\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"


@pytest.mark.standard("SMTP-04")
def test_helo_where_ehlo_is_unknown() -> None:
    Talk().play(
        (b"220 hi\r\n", b"EHLO me.example\r\n"),
        (b"502 what?\r\n", b"HELO me.example\r\n"),
        (b"250 hi\r\n", b"MAIL FROM:<a@x.org>\r\n"),
    )


@pytest.mark.standard("SMTP-18")
def test_starttls_forgets_what_was_said_before() -> None:
    talk = Talk(1, Terms("me.example", tls="starttls"))
    assert talk.ready(STARTTLS) == b"STARTTLS\r\n"
    assert talk.hear(b"220 go\r\n") == b""
    assert talk.session.wants_tls
    talk.session.tls_established()
    assert talk.said() == b"EHLO me.example\r\n"
    # No PIPELINING this time, and no second STARTTLS.
    assert talk.hear(b"250-hi\r\n250 STARTTLS\r\n") == b"MAIL FROM:<a@x.org>\r\n"


@pytest.mark.standard("SMTP-18")
@pytest.mark.parametrize("more", [b"250 injected\r\n", b"25"])
def test_nothing_may_follow_the_reply_to_starttls(more: bytes) -> None:
    talk = Talk(1, Terms("me.example", tls="starttls"))
    talk.ready(STARTTLS)
    assert talk.hear(b"220 go\r\n" + more) == b""
    assert talk.session.closed
    assert talk.session.failure is not None


@pytest.mark.standard("TLS-01")
@pytest.mark.parametrize(
    ("mode", "ehlo", "reply"),
    [
        ("starttls", PIPELINING, b""),
        ("starttls", STARTTLS, b"454 not now\r\n"),
        ("starttls-required", PIPELINING, b""),
        ("starttls-required", STARTTLS, b"454 not now\r\n"),
    ],
)
def test_without_tls(mode: TlsMode, ehlo: bytes, reply: bytes) -> None:
    talk = Talk(1, Terms("me.example", tls=mode))
    said = talk.ready(ehlo)
    if reply:
        said = talk.hear(reply)
    if mode == "starttls":
        assert said == GROUP % 1
    else:
        assert talk.session.failure is not None
        assert (talk.session.failure.kind, talk.session.failure.stage) == ("deferred", "tls")
        assert talk.taken == []


def test_credentials_only_under_tls() -> None:
    talk = Talk(1, Terms("me.example", auth=Auth("me", "secret")))
    assert talk.ready(STARTTLS) == b""
    assert talk.session.failure is not None
    assert talk.session.failure.stage == "auth"
    clear = Talk(1, Terms("me.example", auth=Auth("me", "secret", allow_clear=True)))
    assert clear.ready(STARTTLS).startswith(b"AUTH PLAIN ")
    secure = Talk(1, Terms("me.example", tls="tls", auth=Auth("me", "secret")), secure=True)
    assert secure.ready(STARTTLS).startswith(b"AUTH PLAIN ")
    assert secure.hear(b"235 ok\r\n") == GROUP % 1


@pytest.mark.parametrize(
    ("replies", "kind"),
    [(b"535 5.7.8 no\r\n", "failed"), (b"454 later\r\n", "deferred"), (b"334 \r\n", "deferred")],
)
def test_sign_in_refused(replies: bytes, kind: str) -> None:
    talk = Talk(1, Terms("me.example", auth=Auth("me", "secret", allow_clear=True)))
    talk.ready(STARTTLS)
    assert talk.hear(replies) == b""
    assert talk.session.failure is not None
    assert (talk.session.failure.kind, talk.session.failure.stage) == (kind, "auth")
