"""(pure) What a DKIM key is in DNS: its record's name, its text, and whether an answer is it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)

from esp.errors import N_, Invalid

Algorithm = Literal["rsa", "ed25519"]
PrivateKey = RSAPrivateKey | Ed25519PrivateKey

ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)
RSA_BITS = 2048
# RFC 6376 §3.6.2.2, RFC 1035 §3.3: a record is one text, written in strings of this many octets.
STRING = 255


@dataclass(frozen=True, slots=True)
class TxtRecord:
    """`value` is the whole text; `strings` are its pieces, as some name servers want them."""

    name: str
    value: str
    strings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """All that signing needs; `private_key` as PKCS #8 in DER."""

    domain: str
    selector: str
    algorithm: Algorithm
    private_key: bytes


def load(algorithm: Algorithm, private_key: bytes) -> PrivateKey:
    """The key in a form that signs; Invalid if it is another kind or weaker than RFC 8301 asks."""
    try:
        found = load_der_private_key(private_key, password=None)
    except ValueError:
        raise Invalid(N_("This is not a key in the form that is kept.")) from None
    if algorithm == "rsa":
        if isinstance(found, RSAPrivateKey) and found.key_size >= 1024:
            return found
    elif algorithm == "ed25519":
        if isinstance(found, Ed25519PrivateKey):
            return found
    else:
        assert_never(algorithm)
    raise Invalid(N_("This is not a key in the form that is kept."))


def public_part(key: PrivateKey) -> str:
    """As in the record's p=: RFC 6376 §3.6.1 for RSA, RFC 8463 §4 for Ed25519."""
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        raw = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(raw).decode()


def record(selector: str, domain: str, algorithm: str, public: str) -> TxtRecord:
    """What to publish."""
    value = f"v=DKIM1; k={algorithm}; p={public}"
    pieces = tuple(value[at : at + STRING] for at in range(0, len(value), STRING))
    return TxtRecord(f"{selector}._domainkey.{domain}", value, pieces)


def tells(values: Sequence[str], algorithm: str, public: str) -> bool:
    """Whether an answer (the text of each TXT record, strings joined) publishes this very key.

    Every record must: with two of them a verifier takes either (RFC 6376 §3.6.2.2).
    """
    return bool(values) and all(_is_key(value, algorithm, public) for value in values)


def _is_key(value: str, algorithm: str, public: str) -> bool:
    tags = _tags(value)
    if tags is None or tags.get("v", "DKIM1") != "DKIM1":
        return False
    if "v" in tags and next(iter(tags)) != "v":
        return False
    hashes = _words(tags.get("h", "sha256"))
    services = _words(tags.get("s", "*"))
    return (
        tags.get("k", "rsa") == algorithm
        and "sha256" in hashes
        and bool({"*", "email"} & services)
        and _decoded(tags.get("p", "")) == _decoded(public) is not None
    )


def _tags(value: str) -> dict[str, str] | None:
    """Of a tag list (RFC 6376 §3.2), in its order; None if it is none."""
    tags: dict[str, str] = {}
    for piece in value.rstrip("; \t\r\n").split(";"):
        name, equals, content = piece.partition("=")
        name = name.strip()
        if not equals or not name or name in tags:
            return None
        tags[name] = content.strip()
    return tags


def _words(value: str) -> set[str]:
    return {word.strip() for word in value.split(":")}


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode("".join(value.split()), validate=True) or None
    except (binascii.Error, ValueError):
        return None
