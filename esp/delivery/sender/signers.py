"""The DKIM signers of a process: keys are loaded once and looked up again twice a minute."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from esp.delivery.dkim import Signer
from esp.delivery.dkim.canonical import relaxed_field, split
from esp.delivery.notices import Due
from esp.errors import Invalid
from esp.secrets import Cipher
from esp.senders.dkim_keys import signing_keys
from esp.senders.dkim_records import SigningKey

log = logging.getLogger(__name__)

_FRESH_SECONDS = 30.0
_MOST = 10_000
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Signers:
    """What signs, by account and domain of the From address."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._looked_up: dict[tuple[int, str], tuple[float, tuple[SigningKey, ...]]] = {}
        self._loaded: dict[tuple[SigningKey, ...], Signer] = {}

    def of(self, session: Session, account_id: int, from_domain: str) -> Signer | None:
        """None: the domain has no key, its mail goes unsigned. Invalid for a key that is no key."""
        place, now = (account_id, from_domain), time.monotonic()
        until, keys = self._looked_up.get(place, (0.0, ()))
        if now >= until:
            keys = signing_keys(session, account_id, from_domain, self._cipher)
            if len(self._looked_up) >= _MOST:
                self._looked_up.clear()
                self._loaded.clear()
            self._looked_up[place] = (now + _FRESH_SECONDS, keys)
        if not keys:
            return None
        if keys not in self._loaded:
            self._loaded[keys] = Signer(keys)
        return self._loaded[keys]

    def signed(self, session: Session, due: Due, now: datetime) -> Due:
        """The notice with its signatures; as it is where nothing can sign for its From."""
        message = _LINE_END.sub(b"\r\n", due.message)
        try:
            signer = self.of(session, due.account_id, from_domain(message))
        except Invalid as error:
            # Rather a reset without a signature than none.
            log.error("Notice %s of account %s goes unsigned: %s", due.id, due.account_id, error)
            return due
        return due if signer is None else replace(due, message=signer.sign(message, now))


def from_domain(message: bytes) -> str:
    """The domain of the address in From; empty if there is none."""
    for field in split(message)[0]:
        name, relaxed = relaxed_field(field)
        if name == b"from":
            return relaxed.rpartition(b"@")[2].rstrip(b">\r\n").decode("utf-8", "replace").lower()
    return ""
