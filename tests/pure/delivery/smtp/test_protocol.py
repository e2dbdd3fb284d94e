"""Conversations: what the server says, what the client answers, what became of each envelope."""

import pytest

from esp.delivery.smtp.envelope import Envelope, Outcome
from esp.delivery.smtp.introduction import Terms
from tests.pure.delivery.smtp.talk import BODY, GROUP, OK3, PIPELINING, Talk


@pytest.mark.standard("SMTP-04")
@pytest.mark.standard("SMTP-12")
@pytest.mark.standard("SMTP-22")
def test_the_next_group_leaves_with_the_dot() -> None:
    talk = Talk(3, Terms("me.example", max_messages=3))
    assert talk.ready() == GROUP % 1
    assert talk.hear(OK3) == BODY % 1 + b".\r\n" + GROUP % 2
    assert talk.fates() == {}
    assert talk.hear(b"250 one\r\n" + OK3) == BODY % 2 + b".\r\n" + GROUP % 3
    assert talk.fates() == {1: ("sent", 250, "dot")}
    assert talk.hear(b"250 two\r\n" + OK3) == BODY % 3 + b".\r\n"
    # The connection is used up.
    assert talk.hear(b"250 three\r\n") == b"QUIT\r\n"
    assert talk.hear(b"221 bye\r\n") == b""
    assert talk.session.closed
    assert set(talk.fates().values()) == {("sent", 250, "dot")}


@pytest.mark.standard("SMTP-19")
def test_step_by_step_without_pipelining() -> None:
    talk = Talk(2)
    assert talk.ready(b"250 hi\r\n") == b"MAIL FROM:<a@x.org>\r\n"
    talk.play(
        (b"250 ok\r\n", b"RCPT TO:<1@y.org>\r\n"),
        (b"250 ok\r\n", b"DATA\r\n"),
        (b"354 go\r\n", BODY % 1 + b".\r\n"),
        (b"250 one\r\n", b"MAIL FROM:<a@x.org>\r\n"),
        (b"250 ok\r\n", b"RCPT TO:<2@y.org>\r\n"),
        (b"550 5.1.1 no\r\n", b"RSET\r\n"),
        (b"250 ok\r\n", b""),
    )
    assert talk.session.idle
    assert talk.fates() == {1: ("sent", 250, "dot"), 2: ("failed", 550, "rcpt")}


def test_an_idle_session_begins_when_asked() -> None:
    talk = Talk(0)
    assert talk.ready() == b""
    assert talk.session.idle
    assert not talk.session.begin()
    talk.waiting.append(Envelope(1, "a@x.org", "1@y.org", BODY % 1))
    assert talk.session.begin()
    assert talk.said() == GROUP % 1
    assert not talk.session.idle


# What the server answers to the pipelined group of envelope 1, what the client says then (an
# envelope 2 is waiting), and what became of envelope 1.
GROUP_REPLIES = {
    "sender deferred": (
        b"450 4.7.1 later\r\n503 no\r\n503 no\r\n",
        b"RSET\r\n" + GROUP % 2,
        ("deferred", 450, "mail"),
    ),
    "sender refused": (
        b"550 no\r\n503 no\r\n503 no\r\n",
        b"RSET\r\n" + GROUP % 2,
        ("failed", 550, "mail"),
    ),
    "recipient refused": (
        b"250 ok\r\n550 no\r\n503 no\r\n",
        b"RSET\r\n" + GROUP % 2,
        ("failed", 550, "rcpt"),
    ),
    "recipient deferred, 554": (
        b"250 ok\r\n452 full\r\n554 no recipients\r\n",
        b"RSET\r\n" + GROUP % 2,
        ("deferred", 452, "rcpt"),
    ),
    "recipient refused, 354 all the same": (
        b"250 ok\r\n550 no\r\n354 go\r\n",
        b".\r\n" + GROUP % 2,
        ("failed", 550, "rcpt"),
    ),
    "DATA deferred": (
        b"250 ok\r\n250 ok\r\n451 later\r\n",
        b"RSET\r\n" + GROUP % 2,
        ("deferred", 451, "data"),
    ),
    "DATA refused": (
        b"250 ok\r\n251 ok\r\n554 no\r\n",
        b"RSET\r\n" + GROUP % 2,
        ("failed", 554, "data"),
    ),
}


@pytest.mark.standard("SMTP-10")
@pytest.mark.standard("SMTP-11")
@pytest.mark.parametrize("name", GROUP_REPLIES)
def test_a_group_that_is_not_taken(name: str) -> None:
    replies, then, fate = GROUP_REPLIES[name]
    talk = Talk(2)
    talk.ready()
    assert talk.hear(replies) == then
    assert talk.fates() == {1: fate}
    # And the connection is in step: the next message goes through.
    assert talk.hear(b"250 ok\r\n" + OK3) == BODY % 2 + b".\r\n"
    assert talk.hear(b"250 ok\r\n") == b""
    assert talk.fates() == {1: fate, 2: ("sent", 250, "dot")}


BREAKS = {
    "354 to MAIL": b"354 go\r\n",
    "354 to RCPT": b"250 ok\r\n354 go\r\n",
    "250 to DATA": b"250 ok\r\n250 ok\r\n250 ok\r\n",
    "malformed": b"hello\r\n",
    "too long": b"250 " + b"x" * 100_000,
    "torn": b"250 ok\r\n250-",
}


@pytest.mark.parametrize("name", BREAKS)
def test_nonsense_before_the_dot_defers(name: str) -> None:
    talk = Talk(2)
    talk.ready()
    assert talk.hear(BREAKS[name]) == b""
    talk.session.lost()
    assert talk.session.closed
    [(kind, _, stage)] = talk.fates().values()
    assert kind == "deferred"
    assert stage in ("mail", "rcpt", "data")


def test_no_dot_where_a_recipient_stands_without_a_sender() -> None:
    talk = Talk(1)
    talk.ready()
    assert talk.hear(b"450 later\r\n250 ok\r\n354 go\r\n") == b""
    assert talk.session.closed
    assert talk.fates() == {1: ("deferred", 450, "mail")}


AFTER_DOT = {
    "closed": (b"", ("deferred", 0, "lost")),
    "malformed": (b"okay\r\n", ("deferred", 0, "lost")),
    "different codes": (b"250-a\r\n550 b\r\n", ("deferred", 0, "lost")),
    "354": (b"354 go\r\n", ("deferred", 0, "lost")),
    "421": (b"421 4.3.2 bye\r\n", ("deferred", 421, "dot")),
    "450": (b"450 later\r\n", ("deferred", 450, "dot")),
    "554": (b"554 spam\r\n", ("failed", 554, "dot")),
    "250": (b"250 ok\r\n", ("sent", 250, "dot")),
}


@pytest.mark.standard("SMTP-12")
@pytest.mark.standard("THR-06")
@pytest.mark.parametrize("name", AFTER_DOT)
def test_after_the_dot(name: str) -> None:
    octets, fate = AFTER_DOT[name]
    talk = Talk(2)
    talk.ready()
    talk.hear(OK3)
    talk.hear(octets)
    talk.session.lost()
    fates = talk.fates()
    assert fates[1] == fate
    assert talk.settled[1].uncertain == (fate[2] == "lost")
    # The one begun behind it was never sent.
    kind, code, stage = fates[2]
    assert (kind, stage) == ("deferred", "mail")
    assert code in (0, 421)


@pytest.mark.parametrize(("unsent", "stage"), [(1, "lost"), (len(GROUP % 2), "lost"), (99, "data")])
def test_a_loss_is_uncertain_only_once_the_dot_has_left(unsent: int, stage: str) -> None:
    talk = Talk(2)
    talk.ready()
    talk.hear(OK3)
    talk.session.lost(unsent=unsent)
    assert talk.settled[1].stage == stage


def test_an_answer_before_the_message_has_left() -> None:
    for reply, fate in (
        (b"552 too much\r\n", ("failed", 552, "dot")),
        (b"250 ok\r\n", ("deferred", 0, "data")),
    ):
        talk = Talk(1)
        talk.ready()
        talk.hear(OK3)
        assert talk.hear(reply, unsent=10) == b""
        assert talk.session.closed
        assert talk.fates() == {1: fate}


def test_replies_to_what_was_not_asked() -> None:
    talk = Talk(1)
    talk.ready()
    assert talk.hear(OK3 + b"250 ok\r\n") == b""
    assert talk.session.closed
    assert talk.fates() == {1: ("deferred", 0, "data")}


@pytest.mark.standard("THR-06")
@pytest.mark.parametrize("place", range(5))
def test_421_anywhere(place: int) -> None:
    replies = [b"220 hi\r\n", PIPELINING, b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]
    talk = Talk(2)
    for reply in replies[:place]:
        talk.hear(reply)
    talk.hear(b"421 4.7.0 later\r\n")
    assert talk.session.closed
    if place < 2:
        assert talk.taken == []
        assert talk.session.failure is not None
        assert talk.session.failure.code == 421
        assert talk.session.failure.stage == ("greeting", "ehlo")[place]
    else:
        stage = ("mail", "rcpt", "data")[place - 2]
        assert talk.settled == {1: Outcome("deferred", 421, "4.7.0", "later", stage)}  # type: ignore[arg-type]
    assert not talk.session.productive


def test_421_while_idle_is_no_failure() -> None:
    talk = Talk(0)
    talk.ready()
    talk.hear(b"421 idle too long\r\n")
    assert talk.session.closed
    assert talk.session.failure is None


def test_local_refusals_do_not_use_the_connection() -> None:
    talk = Talk(2)
    talk.waiting[0].rcpt = "evil\r\nRSET@y.org"
    assert talk.ready() == GROUP % 2
    assert talk.fates() == {1: ("failed", 0, "mail")}
    assert not talk.session.productive
