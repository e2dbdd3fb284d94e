"""Header lines parse back to what was meant, and nothing in a value begins another line."""

from __future__ import annotations

import re
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esp.delivery.plan.headers import clean, is_address, mailbox, unstructured
from tests.pure.delivery.plan.plans import parsed

names = st.text(max_size=120)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Ana", "To: Ana <a@example.com>"),
        ("", "To: a@example.com"),
        ("Souza, Ana", 'To: "Souza, Ana" <a@example.com>'),
        ('Ana "Nu" \\', 'To: "Ana \\"Nu\\" \\\\" <a@example.com>'),
        ("Dr. Ana", 'To: "Dr. Ana" <a@example.com>'),
        ("=?utf-8?q?fake?=", "To: =?utf-8?b?PT91dGYtOD9xP2Zha2U/PQ==?= <a@example.com>"),
        ("Zoë", "To: =?utf-8?q?Zo=C3=AB?= <a@example.com>"),
        ("Ana\r\nBcc: x@example.com", 'To: "Ana Bcc: x@example.com" <a@example.com>'),
    ],
)
@pytest.mark.standard("FMT-04")
@pytest.mark.standard("FMT-06")
def test_display_names(name: str, line: str) -> None:
    assert mailbox("To", name, "a@example.com").decode() == line


@pytest.mark.standard("FMT-03")
@pytest.mark.standard("FMT-04")
@pytest.mark.standard("FMT-05")
@pytest.mark.standard("FMT-06")
@given(names)
@example("\U0001f600" * 40)
@example(",\r\n\0 " * 20)
@example('"' * 70)
@example("a" * 200)
def test_any_display_name_comes_back_and_leaves_the_address_alone(name: str) -> None:
    line = mailbox("To", name, "someone@example.com")
    _assert_well_folded(line)
    (address,) = parsed(line + b"\r\n\r\n")["To"].addresses
    assert address.addr_spec == "someone@example.com"
    shown = address.display_name
    if b"=?" in line:
        # The newer parser of the library puts a space between the encoded-words of a phrase.
        before, _, _ = line.decode().removeprefix("To: ").rpartition("<")
        shown = str(make_header(decode_header(before)))
    assert _squeezed(shown) == _squeezed(clean(name))


@pytest.mark.standard("FMT-03")
@pytest.mark.standard("FMT-05")
@given(names)
@example("An offer for you " * 20)
@example("x" * 1200)
@example("日本語のとても長い件名" * 12)
@example("a  b   c " * 30)
@example("=?utf-8?q?x?=")
def test_any_subject_comes_back(text: str) -> None:
    line = unstructured("Subject", text)
    _assert_well_folded(line)
    assert _squeezed(parsed(line + b"\r\n\r\n")["Subject"]) == _squeezed(clean(text))


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("a@example.com", True),
        ("a.b+c@xn--bcher-kva.example", True),
        ('"a b"@example.com', True),
        ("büro@example.com", False),
        ("a@bücher.example", False),
        ("a@example.com\r\nBcc: b@example.com", False),
        ("a@example.com>", False),
        ("a b@example.com", False),
        ('"a\r\nb"@example.com', False),
        ("a@b@example.com", False),
        ("a" * 260 + "@example.com", False),
        ("", False),
    ],
)
@pytest.mark.standard("FMT-04")
def test_which_addresses_stand_in_a_header(address: str, good: bool) -> None:
    assert is_address(address) is good


def _assert_well_folded(line: bytes) -> None:
    assert line.isascii()
    assert b"\0" not in line
    lines = line.decode().split("\r\n")
    assert all("\r" not in part and "\n" not in part for part in lines)
    for number, part in enumerate(lines):
        assert len(part) <= 78
        assert part.strip() or not number
        assert part.startswith(" ") == bool(number)
        words = re.findall(r"=\?utf-8\?[qb]\?[^ ?]*\?=", part)
        assert all(len(word) <= 75 for word in words)
        assert not words or len(part) <= 76


def _squeezed(text: str) -> str:
    return " ".join(text.split())
