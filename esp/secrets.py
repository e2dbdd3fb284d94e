"""(pure) Encryption of secrets at rest, with the installation's keys."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from esp.errors import N_, Invalid


class Cipher:
    """Encrypts with the first key, decrypts with any."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernet = MultiFernet([Fernet(_fernet_key(key)) for key in keys])

    def encrypt(self, text: str) -> str:
        """Empty stays empty."""
        return self._fernet.encrypt(text.encode()).decode() if text else ""

    def decrypt(self, text: str) -> str:
        """Invalid if the secret was encrypted with a key that is no longer known."""
        if not text:
            return ""
        try:
            return self._fernet.decrypt(text.encode()).decode()
        except InvalidToken:
            raise Invalid(
                N_("A stored secret can't be read: its key is not in ESP_OLD_SECRET_KEYS.")
            ) from None


def _fernet_key(key: str) -> bytes:
    return base64.urlsafe_b64encode(
        hashlib.blake2b(key.encode(), digest_size=32, person=b"esp secrets").digest()
    )


def derive(key: str, purpose: str) -> bytes:
    """32 bytes for one purpose, so that no key serves two."""
    return hashlib.blake2b(
        key.encode(), digest_size=32, person=purpose.encode()[:16].ljust(16, b"\0")
    ).digest()
