"""Tokens say who they are for, in either case, and cannot be made or changed by anybody else."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.tokens import (
    MAX_ID,
    MAX_LENGTH,
    Keyring,
    RecipientRef,
    RecipientSigner,
    read,
    read_recipient_token,
    recipient_token,
    sign,
)

OLD, NEW, FOREIGN = b"old-" * 8, b"new-" * 8, b"foreign-" * 4
KEYS = Keyring((NEW, OLD))
NOW = 1_700_000_000

ids = st.integers(0, MAX_ID)
values = st.lists(st.integers(-(2**70), 2**70) | st.text(max_size=40), max_size=5).map(tuple)


@given(ids, ids, ids)
def test_recipient_token_round_trips_in_either_case(
    account_id: int, broadcast_id: int, seq: int
) -> None:
    token = recipient_token(KEYS, account_id, broadcast_id, seq)
    ref = RecipientRef(account_id, broadcast_id, seq)
    assert read_recipient_token(KEYS, token) == ref
    assert read_recipient_token(KEYS, token.upper()) == ref
    assert RecipientSigner(KEYS, account_id, broadcast_id).token(seq) == token


@pytest.mark.standard("DSN-07")
def test_the_longest_recipient_token_fits_a_local_part() -> None:
    token = recipient_token(KEYS, MAX_ID, MAX_ID, MAX_ID)
    assert len(token) == MAX_LENGTH
    assert len(f"b+{token}") <= 64
    assert set(token) <= set(string.digits + string.ascii_lowercase)


@pytest.mark.standard("DSN-07")
@pytest.mark.standard("LIST-05")
@given(ids, ids, ids, st.integers(0, 10_000), st.integers(1, 31))
def test_a_changed_character_makes_a_recipient_token_worthless(
    account_id: int, broadcast_id: int, seq: int, place: int, step: int
) -> None:
    token = recipient_token(KEYS, account_id, broadcast_id, seq)
    assert read_recipient_token(KEYS, _changed(token, place, step)) is None


@given(st.text(max_size=100) | st.text("0123456789abcdefghijklmnopqrstuv", max_size=70))
def test_garbage_is_no_token(text: str) -> None:
    assert read_recipient_token(KEYS, text) is None
    assert read(KEYS, "reset", text, NOW) is None


def test_every_cut_and_every_longer_token_fails() -> None:
    token = recipient_token(KEYS, 7, 12, 345)
    for end in range(len(token)):
        assert read_recipient_token(KEYS, token[:end]) is None
    for extra in ("0", "\n", " ", "=", "v" * 5000):
        assert read_recipient_token(KEYS, token + extra) is None


def test_rotation_keeps_old_tokens_working_until_the_key_is_gone() -> None:
    before = Keyring((OLD,))
    mailed = recipient_token(before, 1, 2, 3)
    linked = sign(before, "confirm", (1, "x"), None)
    assert read_recipient_token(KEYS, mailed) == (1, 2, 3)
    assert read(KEYS, "confirm", linked, NOW) == (1, "x")
    assert read_recipient_token(Keyring((NEW,)), recipient_token(KEYS, 1, 2, 3)) == (1, 2, 3)
    assert read_recipient_token(Keyring((NEW,)), mailed) is None
    assert read_recipient_token(Keyring((FOREIGN,)), mailed) is None


def test_keys_that_share_an_id_are_all_tried() -> None:
    many = tuple(f"key number {n:06}".encode() for n in range(600))
    for key in many[:3] + many[-3:]:
        assert read_recipient_token(Keyring(many), recipient_token(Keyring((key,)), 1, 2, 3))


@pytest.mark.parametrize("keys", [(), (b"short",)])
def test_a_keyring_needs_real_keys(keys: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="key"):
        Keyring(keys)


@pytest.mark.parametrize(
    ("account_id", "broadcast_id", "seq"), [(-1, 0, 0), (0, MAX_ID + 1, 0), (0, 0, -1)]
)
def test_ids_outside_the_range_are_refused(account_id: int, broadcast_id: int, seq: int) -> None:
    with pytest.raises(ValueError, match="not a"):
        recipient_token(KEYS, account_id, broadcast_id, seq)


@given(values)
def test_purpose_token_round_trips_in_either_case(payload: tuple[int | str, ...]) -> None:
    token = sign(KEYS, "confirm", payload, None)
    assert read(KEYS, "confirm", token, NOW) == payload
    assert read(KEYS, "confirm", token.upper(), NOW) == payload
    assert token.isalnum()


@given(values, st.integers(0, 10_000), st.integers(1, 31))
def test_a_changed_character_makes_a_purpose_token_worthless(
    payload: tuple[int | str, ...], place: int, step: int
) -> None:
    token = sign(KEYS, "confirm", payload, NOW + 60)
    assert read(KEYS, "confirm", _changed(token, place, step), NOW) is None


def test_purposes_are_not_interchangeable() -> None:
    token = sign(KEYS, "preferences", (1, 2), None)
    assert read(KEYS, "preferences", token, NOW) == (1, 2)
    for other in ("reset", "preference", "preferences\0", "", "preferences/"):
        assert read(KEYS, other, token, NOW) is None
    assert read_recipient_token(KEYS, token) is None
    assert read(KEYS, "reset", recipient_token(KEYS, 1, 2, 3), NOW) is None


@pytest.mark.parametrize(
    ("expires_at", "read_at", "works"),
    [(NOW, NOW - 1, True), (NOW, NOW, False), (NOW, NOW + 1, False), (0, NOW, False)],
)
def test_a_purpose_token_expires(expires_at: int, read_at: int, works: bool) -> None:
    token = sign(KEYS, "reset", (5,), expires_at)
    assert (read(KEYS, "reset", token, read_at) == (5,)) is works


def test_a_system_mail_token_with_two_large_ids_fits_a_local_part() -> None:
    assert len("s+" + sign(KEYS, "mail", (MAX_ID, MAX_ID), None)) <= 64


def _changed(token: str, place: int, step: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuv"
    place %= len(token)
    other = digits[(digits.index(token[place]) + step) % 32]
    return token[:place] + other + token[place + 1 :]
