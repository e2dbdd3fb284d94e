"""(pure) Whom mail to a return path is about: a recipient of a broadcast, or a single message."""

from __future__ import annotations

from dataclasses import dataclass

from esp.delivery.plan import urls
from esp.tokens import Keyring, RecipientRef, read, read_recipient_token, sign

_PURPOSE = "notice"


@dataclass(frozen=True, slots=True)
class NoticeRef:
    """One single message of an account."""

    account_id: int
    notice_id: int


def notice_token(keyring: Keyring, account_id: int, notice_id: int) -> str:
    """Short enough for a local part, and for the Message-ID too."""
    return sign(keyring, _PURPOSE, (account_id, notice_id), None)


def whose(keyring: Keyring, address: str) -> RecipientRef | NoticeRef | None:
    """What the return path says, if we signed it."""
    found = urls.read_local_part(address.partition("@")[0])
    if found is None or found[0] != "bounce":
        return None
    recipient = read_recipient_token(keyring, found[1])
    if recipient is not None:
        return recipient
    payload = read(keyring, _PURPOSE, found[1], now=0)
    if payload is None or len(payload) != 2:
        return None
    account_id, notice_id = payload
    if not isinstance(account_id, int) or not isinstance(notice_id, int):
        return None
    return NoticeRef(account_id, notice_id)
