"""The DKIM signers of a process: keys are loaded once and looked up again twice a minute."""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
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
_MOST = 500
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(slots=True)
class Seal:
    """What signs mail from one domain just now; None: it goes unsigned."""

    keys: tuple[SigningKey, ...] = ()
    signer: Signer | None = None
    until: float = 0.0


class Signers:
    """The seals of a process, by account and domain of the From address."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._seals: OrderedDict[tuple[int, str], Seal] = OrderedDict()

    def of(self, session: Session, account_id: int, from_domain: str) -> Seal:
        """In a transaction of the account; Invalid if a key can't be read."""
        place = (account_id, from_domain)
        seal = self._seals.setdefault(place, Seal())
        self._seals.move_to_end(place)
        if len(self._seals) > _MOST:
            self._seals.popitem(last=False)
        self._look(session, place, seal)
        return seal

    def look_again(self, session: Session, account_id: int) -> None:
        """Have the seals in use follow the account's keys."""
        for place, seal in self._seals.items():
            if place[0] == account_id:
                try:
                    self._look(session, place, seal)
                except Invalid as error:
                    log.error("The keys of %s can't be read: %s", place[1], error)

    def _look(self, session: Session, place: tuple[int, str], seal: Seal) -> None:
        now = time.monotonic()
        if now < seal.until:
            return
        keys = signing_keys(session, *place, self._cipher)
        if keys != seal.keys:
            seal.keys, seal.signer = keys, Signer(keys) if keys else None
        seal.until = now + _FRESH_SECONDS

    def signed(self, session: Session, due: Due, now: datetime) -> Due:
        """The notice with its signatures; as it is where nothing can sign for its From."""
        message = _LINE_END.sub(b"\r\n", due.message)
        try:
            signer = self.of(session, due.account_id, from_domain(message)).signer
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
