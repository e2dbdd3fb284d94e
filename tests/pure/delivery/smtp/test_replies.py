"""Replies: what is read, where the bounds are, and what a reply means."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.delivery.smtp.envelope import Outcome
from esp.delivery.smtp.replies import MAX_LINE, MAX_LINES, MAX_TEXT, Reply, ReplyReader, classify

READ = {
    "one line": (b"250 ok\r\n", [Reply(250, (b"ok",))]),
    "no text": (b"250\r\n", [Reply(250, (b"",))]),
    "a bare LF": (b"250 ok\n", [Reply(250, (b"ok",))]),
    "several lines": (b"250-a\r\n250-b\r\n250 c\r\n", [Reply(250, (b"a", b"b", b"c"))]),
    "an empty last line": (b"250-a\r\n250\r\n", [Reply(250, (b"a", b""))]),
    "two replies": (b"250 a\r\n354 b\r\n", [Reply(250, (b"a",)), Reply(354, (b"b",))]),
    "a line of 512 octets": (b"250 " + b"x" * 506 + b"\r\n", [Reply(250, (b"x" * 506,))]),
}

BROKEN = {
    "no code": b"hello\r\n",
    "a code out of range": b"150 ok\r\n",
    "another mark": b"250+ok\r\n",
    "letters in the code": b"2x0 ok\r\n",
    "an empty line": b"\r\n",
    "different codes": b"250-a\r\n550 b\r\n",
    "a line too long": b"250 " + b"x" * MAX_LINE + b"\r\n",
    "a line that never ends": b"250 " + b"x" * MAX_LINE,
    "too many lines": b"250-x\r\n" * (MAX_LINES + 1),
}


@pytest.mark.standard("SMTP-06")
@pytest.mark.parametrize("name", READ)
def test_read(name: str) -> None:
    octets, replies = READ[name]
    reader = ReplyReader()
    assert reader.feed(octets) == replies
    assert not reader.broken
    assert not reader.pending


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    reader = ReplyReader()
    assert reader.feed(b"220 hi\r\n" + BROKEN[name]) == [Reply(220, (b"hi",))]
    assert reader.broken
    assert reader.feed(b"250 ok\r\n") == []


LINES = st.sampled_from(
    [*(octets for octets, _ in READ.values()), *BROKEN.values(), b"421 4.7.0 bye\r\n"]
)


@given(st.lists(LINES | st.binary(max_size=40), max_size=6), st.data())
def test_any_chunking_reads_the_same(parts: list[bytes], data: st.DataObject) -> None:
    octets = b"".join(parts)
    whole = ReplyReader()
    expected = whole.feed(octets)
    torn = ReplyReader()
    found: list[Reply] = []
    cuts = data.draw(st.lists(st.integers(0, len(octets)), max_size=12))
    places = [0, *sorted(cuts), len(octets)]
    for start, end in pairwise(places):
        found += torn.feed(octets[start:end])
    assert found == expected
    assert torn.broken == whole.broken


MEANINGS = {
    b"250 2.0.0 queued as X": ("sent", 250, "2.0.0", "queued as X"),
    b"250 ok": ("sent", 250, "", "ok"),
    b"299 odd": ("sent", 299, "", "odd"),
    b"450 4.2.1 slow": ("deferred", 450, "4.2.1", "slow"),
    b"499 odd": ("deferred", 499, "", "odd"),
    b"550 5.1.1 unknown": ("failed", 550, "5.1.1", "unknown"),
    b"599 odd": ("failed", 599, "", "odd"),
    # The enhanced code never overrides the class.
    b"550 4.2.2 full": ("failed", 550, "", "4.2.2 full"),
    b"450 5.1.1 unknown": ("deferred", 450, "", "5.1.1 unknown"),
    b"550 5.7.1": ("failed", 550, "5.7.1", ""),
    b"550 5.7.1000 odd": ("failed", 550, "", "5.7.1000 odd"),
    b"550-5.7.26 first\r\n550 5.7.26 second": ("failed", 550, "5.7.26", "first second"),
    b"452 too many recipients": ("deferred", 452, "", "too many recipients"),
    b"552 5.5.3 Too many recipients": ("deferred", 552, "5.5.3", "Too many recipients"),
    b"552 5.2.2 full": ("failed", 552, "5.2.2", "full"),
    b"550 a\0b\x1b[31m\xff": ("failed", 550, "", "a b [31m\ufffd"),
    b"354 go on": ("deferred", 354, "", "go on"),
}


@pytest.mark.standard("SMTP-07")
@pytest.mark.standard("SMTP-10")
@pytest.mark.parametrize("octets", MEANINGS)
def test_meaning(octets: bytes) -> None:
    [reply] = ReplyReader().feed(octets + b"\r\n")
    assert classify(reply, "rcpt") == Outcome(*MEANINGS[octets], stage="rcpt")


def test_the_text_is_bounded() -> None:
    lines = tuple([b"x" * MAX_LINE] * MAX_LINES)
    assert len(classify(Reply(550, lines), "dot").text) <= MAX_TEXT
