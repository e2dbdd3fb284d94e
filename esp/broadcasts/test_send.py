"""Sends a draft to a few addresses, filled as for one person, before it goes to everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from esp import addresses
from esp.accounts.models import Account
from esp.broadcasts.message import content_of, plan_settings, transport_of
from esp.broadcasts.models import Broadcast
from esp.broadcasts.preview import data_for
from esp.config import Settings
from esp.delivery import notices
from esp.delivery.plan import PlanRecipient, compile_plan
from esp.errors import N_, Invalid, Refused
from esp.suppression.models import Suppression
from esp.tokens import Keyring, recipient_token

MOST_ADDRESSES = 5
PREFIX = "[Test] "
# No recipient has this number: what its links do changes nothing.
SEQ = 0


def send_test(
    session: Session,
    settings: Settings,
    keyring: Keyring,
    broadcast: Broadcast,
    to: Sequence[str],
    contact: dict[str, Any],
    now: datetime,
) -> list[str]:
    """Queue a copy for each address and return them; wake `send` after the commit.

    `contact` is whose data fills it (see `preview.person`). Refused while the message has errors,
    Invalid for addresses that can't be written to.
    """
    emails = _checked(session, broadcast.account_id, to)
    account = session.get_one(Account, broadcast.account_id)
    content = content_of(broadcast, account, measured=False)
    if content.errors:
        raise Refused(content.errors[0].text, **content.errors[0].values)
    if not addresses.check(broadcast.from_address).valid:
        raise Refused(N_("The sender's address is missing or wrong."))
    content = replace(content, subject=PREFIX + content.subject)
    plan = compile_plan(content, plan_settings(session, settings, broadcast, account))
    data = data_for(session, broadcast, account, contact, now)
    token = recipient_token(keyring, account.id, broadcast.id, SEQ)
    origin = notices.Origin.of(settings, keyring, broadcast.from_name)
    for email in emails:
        reserved = notices.reserve(
            session, account.id, origin, "test", email, transport_of(session, broadcast), now
        )
        reader = PlanRecipient(SEQ, email, str(contact["name"]), data, track_opens=False)
        message = plan.fill(reader, now, token)
        notices.put(session, account.id, reserved, _with_own_id(message, token, reserved.token))
    return emails


def _with_own_id(message: bytes, token: str, own: str) -> bytes:
    # A mailbox shows one of two messages with the same Message-ID.
    return message.replace(f"Message-ID: <{token}@".encode(), f"Message-ID: <{own}@".encode(), 1)


def _checked(session: Session, account_id: int, to: Sequence[str]) -> list[str]:
    written = [address.strip() for address in to if address.strip()]
    if not written:
        raise Invalid(N_("Write an address."), "to")
    if len(written) > MOST_ADDRESSES:
        raise Invalid(N_("A test goes to %(most)s addresses at most."), "to", most=MOST_ADDRESSES)
    emails = []
    for address in written:
        found = addresses.check(address).normalized
        if found is None:
            raise Invalid(N_("“%(address)s” is not an address."), "to", address=address)
        emails.append(found)
    barred = session.scalar(
        select(Suppression.email).where(
            Suppression.account_id == account_id, Suppression.email.in_(emails)
        )
    )
    if barred:
        raise Invalid(N_("%(address)s is suppressed: nobody mails it."), "to", address=barred)
    return list(dict.fromkeys(emails))
