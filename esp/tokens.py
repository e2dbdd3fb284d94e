"""(pure) Stateless signed tokens: one per recipient of a broadcast, one per purpose for the rest.

All characters are base-32 digits (0-9, a-v), so a token may stand in a local part that somebody's
server has turned to upper case. The signature is made over the characters themselves: no second
spelling of a token is ever valid.

    recipient token   key(2) length(1) account length(1) broadcast seq(hex, 1-16) mac(16)
    purpose token     key(2) base32(expiry, values) mac(16)
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

MAX_ID = 2**63 - 1
MAX_LENGTH = 62
"""A recipient token has at most this many characters: `b+` and it fill a local part of 64."""

_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_MAC_LENGTH = 16
# Each byte of the MAC gives its low five bits as one character: 80 bits in one C call.
_MAC_TABLE = bytes(_DIGITS[byte & 31].encode()[0] for byte in range(256))
_MAX_PURPOSE_TOKEN = 4000
_WELL_FORMED = re.compile(r"[0-9a-v]+", re.ASCII).fullmatch
_HEX = re.compile(r"0|[1-9a-f][0-9a-f]{0,15}").fullmatch

Value = int | str


class RecipientRef(NamedTuple):
    """One copy of one broadcast."""

    account_id: int
    broadcast_id: int
    seq: int


class Keyring:
    """Secret keys, 16 bytes or more: the first signs, all verify, so old mails keep working."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("a keyring needs a key")
        if any(len(key) < 16 for key in keys):
            raise ValueError("a key needs 16 bytes or more")
        self._signing = _key_id(keys[0])
        self._keys: dict[str, tuple[bytes, ...]] = {}
        for key in keys:
            # Two keys may share an id: both are tried.
            known = self._keys.get(_key_id(key), ())
            self._keys[_key_id(key)] = (*known, _derived(key))

    @property
    def signing(self) -> tuple[str, bytes]:
        """The id and the derived bytes of the key that signs."""
        return self._signing, self._keys[self._signing][0]

    def candidates(self, key_id: str) -> tuple[bytes, ...]:
        return self._keys.get(key_id, ())


class RecipientSigner:
    """Makes the tokens of one broadcast; `token` takes about a microsecond."""

    def __init__(self, keyring: Keyring, account_id: int, broadcast_id: int) -> None:
        key_id, key = keyring.signing
        self._prefix = key_id + _counted(account_id) + _counted(broadcast_id)
        self._keyed = blake2b(key=key, digest_size=_MAC_LENGTH, person=b"esp-recipient")
        self._keyed.update(self._prefix.encode())

    def token(self, seq: int) -> str:
        digits = f"{seq:x}"
        if seq < 0 or len(digits) > 16:
            raise ValueError(f"not a sequence number: {seq}")
        mac = self._keyed.copy()
        mac.update(digits.encode())
        return f"{self._prefix}{digits}{mac.digest().translate(_MAC_TABLE).decode()}"


def recipient_token(keyring: Keyring, account_id: int, broadcast_id: int, seq: int) -> str:
    return RecipientSigner(keyring, account_id, broadcast_id).token(seq)


def read_recipient_token(keyring: Keyring, token: str) -> RecipientRef | None:
    """What the token says, in either case; None for anything that we did not sign."""
    payload = _verified(keyring, token, b"esp-recipient", MAX_LENGTH, "")
    if payload is None:
        return None
    account_id, rest = _take_counted(payload)
    broadcast_id, digits = _take_counted(rest)
    if account_id is None or broadcast_id is None or not _HEX(digits):
        return None
    return RecipientRef(account_id, broadcast_id, int(digits, 16))


def sign(keyring: Keyring, purpose: str, payload: tuple[Value, ...], expires_at: int | None) -> str:
    """A token that only `read` with the same purpose takes; `expires_at` in epoch seconds."""
    key_id, key = keyring.signing
    expiry = b"\0" if expires_at is None else _packed(expires_at)
    packed = expiry + b"".join(_packed(value) for value in payload)
    body = base64.b32hexencode(packed).rstrip(b"=").lower().decode()
    if len(body) > _MAX_PURPOSE_TOKEN - 2 - _MAC_LENGTH:
        raise ValueError("too much for one token")
    return key_id + body + _mac(key, b"esp-purpose", _scoped(purpose, key_id + body))


def read(keyring: Keyring, purpose: str, token: str, now: int) -> tuple[Value, ...] | None:
    """The payload, in either case of the token; None if forged, expired or for something else."""
    body = _verified(keyring, token, b"esp-purpose", _MAX_PURPOSE_TOKEN, purpose)
    if body is None:
        return None
    try:
        packed = base64.b32hexdecode(body.upper() + "=" * (-len(body) % 8))
        expiry, *payload = _unpacked(packed)
    except (binascii.Error, ValueError):
        return None
    if expiry is not None and (not isinstance(expiry, int) or expiry <= now):
        return None
    return tuple(value for value in payload if value is not None)


def _key_id(key: bytes) -> str:
    (number,) = blake2b(key, digest_size=1, person=b"esp-key-id").digest()
    return _DIGITS[number >> 5] + _DIGITS[number & 31]


def _derived(key: bytes) -> bytes:
    return blake2b(key, digest_size=32, person=b"esp-token-key").digest()


def _mac(key: bytes, person: bytes, text: str) -> str:
    mac = blake2b(text.encode(), key=key, digest_size=_MAC_LENGTH, person=person)
    return mac.digest().translate(_MAC_TABLE).decode()


def _scoped(purpose: str, text: str) -> str:
    # The text holds base-32 digits only, so the last NUL always ends the purpose.
    return f"{purpose}\0{text}" if purpose else text


def _verified(
    keyring: Keyring, token: str, person: bytes, longest: int, purpose: str
) -> str | None:
    """What stands between key id and MAC, in lower case, if one of our keys made the MAC."""
    if not 2 + _MAC_LENGTH < len(token) <= longest or not token.isascii():
        return None
    token = token.lower()
    if not _WELL_FORMED(token):
        return None
    signed, mac = token[:-_MAC_LENGTH], token[-_MAC_LENGTH:]
    text = _scoped(purpose, signed)
    for key in keyring.candidates(token[:2]):
        if compare_digest(mac, _mac(key, person, text)):
            return signed[2:]
    return None


def _counted(number: int) -> str:
    """Base-32 digits behind a digit that counts them."""
    if not 0 <= number <= MAX_ID:
        raise ValueError(f"not an id: {number}")
    digits = ""
    rest = number
    while rest:
        digits = _DIGITS[rest & 31] + digits
        rest >>= 5
    return _DIGITS[len(digits)] + digits


def _take_counted(text: str) -> tuple[int | None, str]:
    if not text:
        return None, ""
    end = 1 + int(text[0], 32)
    digits = text[1:end]
    if len(digits) < end - 1 or len(digits) > 13:
        return None, ""
    return int(digits or "0", 32), text[end:]


def _packed(value: Value) -> bytes:
    """A header (length twice, plus one for text) as a varint, then the bytes."""
    if isinstance(value, str):
        raw, kind = value.encode(), 1
    else:
        raw, kind = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True), 0
    header, rest = bytearray(), len(raw) * 2 + kind
    while rest > 127:
        header.append(rest & 127 | 128)
        rest >>= 7
    header.append(rest)
    return bytes(header) + raw


def _unpacked(packed: bytes) -> list[Value | None]:
    """The values; None stands for an empty number, which is how "never" is written."""
    values: list[Value | None] = []
    at = 0
    while at < len(packed):
        header = shift = 0
        while packed[at] & 128:
            header |= (packed[at] & 127) << shift
            shift += 7
            at += 1
        header |= packed[at] << shift
        raw = packed[at + 1 : at + 1 + header // 2]
        at += 1 + header // 2
        if header & 1:
            values.append(raw.decode())
        else:
            values.append(int.from_bytes(raw, "big", signed=True) if raw else None)
    return values
