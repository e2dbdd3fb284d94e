"""Whether receivers can tell that a broadcast is from whom it says (DMARC alignment)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from esp import addresses
from esp.accounts.models import Account
from esp.broadcasts.models import Broadcast
from esp.config import DIRECT, is_loopback
from esp.content.problems import Problem
from esp.errors import N_, Refused
from esp.senders import sending_domains, standing
from esp.senders.models import Transport
from esp.senders.standing import Standing

OPEN = ("scheduled", "preparing", "sending", "paused", "held")
# Of the latest broadcasts, whose senders are offered again.
_LATEST = 200

NO_DOMAIN = N_(
    "Receivers can't tell that mail from %(domain)s is yours. Add %(domain)s under Sending domains"
    " and publish its records."
)
NOT_SIGNED = N_(
    "The DKIM record of %(domain)s is not found in DNS. Publish it as the page Sending domains"
    " shows, then check it there."
)
STRICT = N_(
    "The DMARC record of %(above)s wants each name to sign for itself. Add %(domain)s under"
    " Sending domains too."
)
NO_POLICY = N_(
    "%(domain)s has no DMARC record. Large receivers ask for one from everybody who sends much."
)


@dataclass(frozen=True, slots=True)
class _Way:
    """How mail leaves: `is_trial` if only to this machine, `is_own` by a relay of the account."""

    is_trial: bool
    is_own: bool


def problems(
    session: Session, account_id: int, from_address: str, transport_id: int | None, smtp_url: str
) -> list[Problem]:
    """What is wrong with the sender (DMARC-01); nothing while mail stays in the local mailbox.

    `smtp_url`: by what mail leaves that has no transport. A server on this machine may be a trial,
    so that it is only a warning there.
    """
    way = _way(session, account_id, transport_id, smtp_url)
    domain = addresses.domain_of(addresses.check(from_address).normalized or "")
    if way is None or not domain:
        return []
    found = standing.standing(session, account_id, domain)
    values = {"domain": addresses.display_domain(domain)}
    text = _unaligned(found, way)
    if text:
        kind = "warning" if way.is_trial else "error"
        values["above"] = addresses.display_domain(found.name)
        return [Problem(kind, "unaligned-sender", text, values=values)]  # type: ignore[arg-type]  # one of the two
    if not found.has_policy:
        return [Problem("warning", "no-policy", NO_POLICY, values=values)]
    return []


def _unaligned(found: Standing, way: _Way) -> str:
    if not found.name:
        return NO_DOMAIN
    if found.is_strict:
        return STRICT
    # On the word of somebody who has no relay of their own, another's name would be for the taking.
    if found.is_signed or (found.is_signed_by_relay and way.is_own):
        return ""
    return NOT_SIGNED


def _way(session: Session, account_id: int, transport_id: int | None, smtp_url: str) -> _Way | None:
    if transport_id is None:
        if smtp_url == DIRECT:
            return _Way(is_trial=False, is_own=False)
        host = urlsplit(smtp_url).hostname
        return _Way(is_loopback(host), is_own=False) if host else None
    transport = session.get(Transport, (account_id, transport_id))
    if transport is None:
        return None
    if transport.kind == "direct":
        return _Way(is_trial=False, is_own=False)
    return _Way(is_loopback(transport.host), is_own=True)


@dataclass(frozen=True, slots=True)
class Sender:
    """An address to send from; `works` if its domain is ready for it."""

    address: str
    works: bool


def senders(session: Session, account_id: int) -> Sequence[Sender]:
    """What may stand as sender: those used before and one of each domain, those that work first."""
    used = session.scalars(
        select(Broadcast.from_address)
        .where(Broadcast.account_id == account_id, Broadcast.from_address != "")
        .order_by(Broadcast.id.desc())
        .limit(_LATEST)
    )
    known = dict.fromkeys((session.get_one(Account, account_id).from_address, *used))
    known.pop("", None)
    domains = {addresses.domain_of(address) for address in known}
    for row in sending_domains.domains(session, account_id):
        if row.name not in domains:
            known[f"news@{row.name}"] = None
            domains.add(row.name)
    working = standing.works(session, account_id, domains)
    found = [Sender(address, addresses.domain_of(address) in working) for address in known]
    return sorted(found, key=lambda sender: not sender.works)


def remove_domain(session: Session, account_id: int, domain_id: int) -> str:
    """Forget a sending domain and return its name; Refused while a broadcast goes out from it."""
    row = sending_domains.domain(session, account_id, domain_id)
    suffix = row.name.replace("_", r"\_").replace("%", r"\%")
    for name, address in session.execute(
        select(Broadcast.name, Broadcast.from_address)
        .where(
            Broadcast.account_id == account_id,
            Broadcast.state.in_(OPEN),
            or_(
                Broadcast.from_address.like(f"%@{suffix}"),
                Broadcast.from_address.like(f"%.{suffix}"),
            ),
        )
        .order_by(Broadcast.id)
    ):
        used = sending_domains.of_address(session, account_id, addresses.domain_of(address))
        if used is not None and used.id == domain_id:
            raise Refused(
                N_(
                    "“%(name)s” goes out from this domain. Wait until it is sent, or cancel it,"
                    " then remove the domain."
                ),
                name=name,
            )
    return sending_domains.delete_domain(session, account_id, domain_id)
