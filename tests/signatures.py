"""DKIM keys of tests, and an independent verifier of what they sign."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from esp.senders.dkim_records import PrivateKey, SigningKey, load, public_part, record

Records = Mapping[str, str]


@cache
def rsa_key() -> bytes:
    return der(rsa.generate_private_key(public_exponent=65537, key_size=2048))


@cache
def ed25519_key() -> bytes:
    return der(Ed25519PrivateKey.generate())


def der(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def both_keys(domain: str = "acme.example") -> tuple[SigningKey, SigningKey]:
    return (
        SigningKey(domain, "s1", "rsa", rsa_key()),
        SigningKey(domain, "e1", "ed25519", ed25519_key()),
    )


def records(*keys: SigningKey) -> dict[str, str]:
    """What DNS says when the keys' records are published."""
    found = {}
    for key in keys:
        public = public_part(load(key.algorithm, key.private_key))
        shown = record(key.selector, key.domain, key.algorithm, public)
        found[shown.name] = shown.value
    return found


def signatures(message: bytes) -> list[dict[str, str]]:
    """The tags of each DKIM-Signature, from the top."""
    head = message.partition(b"\r\n\r\n")[0].decode()
    fields = re.findall(r"^DKIM-Signature:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", head, re.MULTILINE)
    found = []
    for field in fields:
        pairs = (tag.partition("=") for tag in "".join(field.split()).split(";"))
        found.append({name: value for name, _, value in pairs})
    return found


def verified(message: bytes, published: Records) -> list[bool]:
    """What dkimpy says of each signature, from the top."""

    def ask(name: bytes, timeout: float = 5) -> bytes | None:
        found = published.get(name.decode().rstrip("."))
        return None if found is None else found.encode()

    checked = dkim.DKIM(message)
    return [_passes(checked, n, ask) for n in range(len(signatures(message)))]


def _passes(checked: dkim.DKIM, n: int, ask: Callable[..., bytes | None]) -> bool:
    try:
        return bool(checked.verify(idx=n, dnsfunc=ask))
    except dkim.ValidationError:
        return False
