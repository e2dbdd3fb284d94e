"""Quoted-printable decodes to what went in, and no server or verifier has a reason to touch it."""

from __future__ import annotations

import quopri

import dkim.canonicalization
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esp.delivery.plan.quoted import Writer, encode_value

# Much of what is awkward, so that it comes together.
awkward = st.lists(
    st.sampled_from(
        [
            ".",
            "..",
            "From ",
            "F",
            " ",
            "  ",
            "\t",
            "\n",
            "\r\n",
            "\r",
            "=",
            "=20",
            "ä",
            "\U0001f600",
        ]
    )
    | st.text(max_size=8)
    | st.sampled_from("a. ").map(lambda letter: letter * 80),
    max_size=30,
).map("".join)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("Ana", b"Ana"),
        ("", b""),
        ("ana@example.com", b"ana@example.com"),
        ("a=b", b"a=3Db"),
        (".", b"=2E"),
        ("a.\n.b", b"a.\r\n=2Eb"),
        ("From here", b"=46rom here"),
        ("Fromage", b"Fromage"),
        ("a  b", b"a =20b"),
        ("end ", b"end=20"),
        ("a\tb", b"a=09b"),
        ("a\rb\r\nc", b"a\r\nb\r\nc"),
        ("ä", b"=C3=A4"),
        ("\ud800", b"?"),
    ],
)
def test_values(value: str, encoded: bytes) -> None:
    assert encode_value(value) == encoded


@pytest.mark.standard("FMT-07")
@pytest.mark.standard("SMTP-01")
@pytest.mark.standard("SMTP-02")
@pytest.mark.standard("SMTP-03")
@given(awkward)
@example("x" * 73)
@example("." + "x" * 72)
@example("From " + "x" * 68)
@example("ä" * 200)
@example("x" * 71 + "=")
def test_a_value_between_soft_breaks(value: str) -> None:
    _assert_kept_by_everybody(encode_value(value) + b"=\r\nend\r\n", value + "end")


@pytest.mark.standard("FMT-07")
@pytest.mark.standard("SMTP-01")
@pytest.mark.standard("SMTP-03")
@given(st.lists(awkward | st.none() | st.just(7), max_size=8), awkward)
def test_any_mixture_of_text_slots_and_tokens(layout: list[str | int | None], value: str) -> None:
    writer, meant = Writer(), ""
    for piece in layout:
        if piece is None:
            writer.slot(("value", 0))
            meant += value
        elif isinstance(piece, str):
            writer.text(piece)
            meant += piece
        else:
            # A token follows the text of its address, never a line end or a space.
            writer.text("/u/")
            writer.token(("token", 0))
            meant += "/u/" + "t" * 62
    writer.text("end\n")
    values = {("value", 0): encode_value(value), ("token", 0): b"t" * 62}
    encoded = b"".join(
        part if isinstance(part, bytes) else values[part] for part in writer.finish()
    )
    _assert_kept_by_everybody(encoded, meant + "end", crlf_joins="\r" in meant)


def _assert_kept_by_everybody(encoded: bytes, meant: str, crlf_joins: bool = False) -> None:
    assert encoded.isascii()
    assert encoded.endswith(b"\r\n")
    lines = encoded.split(b"\r\n")
    for line in lines:
        assert b"\r" not in line
        assert b"\n" not in line
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
    assert dkim.canonicalization.Relaxed.canonicalize_body(encoded) == encoded
    decoded = quopri.decodestring(encoded).decode().replace("\r\n", "\n").removesuffix("\n")
    meant = meant.encode("utf-8", "replace").decode()
    wanted = meant.replace("\r\n", "\n").replace("\r", "\n")
    if crlf_joins:
        # A CR at the end of one piece and an LF at the beginning of the next may count as two.
        decoded, wanted = decoded.replace("\n", ""), wanted.replace("\n", "")
    assert decoded == wanted
