"""Whatever was sent can be read in the mailbox."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.mailbox.reading import has_pixel, read, without_pixel


def letter(**headers: str) -> bytes:
    message = EmailMessage()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Halo, Ani")
    message.add_alternative("<p>Halo, Ani</p>", subtype="html")
    return message.as_bytes()


def test_its_parts_and_headers_are_decoded():
    found = read(letter(Subject="Selamat pagi, Ayu – ☕", From="Kopi <a@kopi.example>"))
    assert found.header("subject") == "Selamat pagi, Ayu – ☕"
    assert (found.html or "").strip() == "<p>Halo, Ani</p>"
    assert (found.text or "").strip() == "Halo, Ani"
    assert [name for name, _ in found.headers][:2] == ["Subject", "From"]


def test_a_part_that_is_not_there_is_none():
    found = read(b"Subject: Hello\r\n\r\nText only\r\n")
    assert found.html is None
    assert (found.text or "").strip() == "Text only"
    assert found.source == "Subject: Hello\n\nText only\n"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"List_Unsubscribe": "<https://x.example/u/1>"}, None),
        (
            {
                "List_Unsubscribe": "<mailto:u@x.example>, <https://x.example/u/1>",
                "List_Unsubscribe_Post": "List-Unsubscribe=One-Click",
            },
            "https://x.example/u/1",
        ),
        (
            {
                "List_Unsubscribe": "<mailto:u@x.example>",
                "List_Unsubscribe_Post": "List-Unsubscribe=One-Click",
            },
            None,
        ),
    ],
)
def test_one_click_needs_both_headers_and_an_https_address(headers, expected):
    assert read(letter(**headers)).one_click == expected


@given(st.binary(max_size=400))
def test_nothing_is_too_broken_to_be_shown(raw):
    read(raw)
    read(b"Content-Type: text/html; charset=unknown-9\r\nSubject: =?x?q?=?=\r\n\r\n" + raw)
    read(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + raw)


@pytest.mark.parametrize(
    ("html", "rest"),
    [
        ('<p>a</p><img src="https://t.x.example/o/ab-c.gif" alt=""><p>b</p>', "<p>a</p><p>b</p>"),
        ('<img alt="" width=1 src="http://127.0.0.1:8000/o/abc.gif">', ""),
        ('<img src="https://x.example/media/k/o.gif">', None),
        ('<img src="https://x.example/pictures/logo.gif"><a href="/o/abc.gif">o</a>', None),
        ("<p>no picture</p>", None),
    ],
)
def test_our_pixel_alone_can_be_left_out(html: str, rest: str | None):
    assert has_pixel(html) is (rest is not None)
    assert without_pixel(html) == (html if rest is None else rest)
