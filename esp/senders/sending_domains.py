"""The domains an account writes from: added, checked in DNS, used for mail, removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from esp import addresses
from esp.config import is_loopback
from esp.errors import N_, Conflict, Invalid, NotFound
from esp.secrets import Cipher
from esp.senders import dkim_keys
from esp.senders.models import SendingDomain
from esp.senders.providers import KNOWN

# Their owners publish p=reject or quarantine: mail from elsewhere in their name is refused.
FREE_MAIL = frozenset(domain for domains in KNOWN.values() for domain in domains.split())
FREE_MAIL_REFUSED = N_("Mail in the name of a free mail provider is refused. Use your own domain.")
RETURN_PATH, TRACKING = "bounces", "links"
MOST_DOMAINS = 200


@dataclass(frozen=True)
class Changes:
    """What a person may say of a domain; empty hosts are not used."""

    return_path_host: str
    tracking_host: str
    is_signed_by_relay: bool = False


def add_domain(
    session: Session, account_id: int, name: str, cipher: Cipher, now: datetime
) -> SendingDomain:
    """A domain with an RSA key, checked soon; Invalid or Conflict at its name."""
    name = domain_name(name)
    if name in FREE_MAIL:
        raise Invalid(FREE_MAIL_REFUSED, "name")
    count = session.scalar(
        select(func.count())
        .select_from(SendingDomain)
        .where(SendingDomain.account_id == account_id)
    )
    if (count or 0) >= MOST_DOMAINS:
        raise Invalid(N_("There are %(most)s domains already."), "name", most=MOST_DOMAINS)
    made = SendingDomain(
        account_id=account_id,
        name=name,
        return_path_host=f"{RETURN_PATH}.{name}",
        tracking_host=f"{TRACKING}.{name}",
        findings={},
        next_check_at=now,
        asked_at=now,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        raise Conflict(N_("This domain is there already.")) from None
    dkim_keys.create_key(session, account_id, made.id, "rsa", cipher, now)
    return made


def domain_name(typed: str, place: str = "name") -> str:
    """A domain as A-labels in small letters; Invalid if it is none."""
    typed = typed.strip().rstrip(".")
    found = addresses.check(f"a@{typed}") if typed and "@" not in typed else None
    if found is None or found.normalized is None:
        raise Invalid(N_("Write a domain, for example acme.example."), place)
    name = addresses.domain_of(found.normalized)
    # Room for a selector or a host before it.
    if len(name) > 200 or is_loopback(name):
        raise Invalid(N_("Write a domain, for example acme.example."), place)
    return name


def domains(session: Session, account_id: int) -> Sequence[SendingDomain]:
    """The account's domains by name."""
    return session.scalars(
        select(SendingDomain)
        .where(SendingDomain.account_id == account_id)
        .order_by(SendingDomain.name)
    ).all()


def domain(session: Session, account_id: int, domain_id: int) -> SendingDomain:
    """One domain; NotFound if the account has no such one."""
    found = session.scalar(
        select(SendingDomain)
        .where(SendingDomain.account_id == account_id, SendingDomain.id == domain_id)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound()
    return found


def above(name: str) -> list[str]:
    """The name and those above it, the nearest first, but for the last label."""
    labels = name.lower().rstrip(".").split(".")
    return [".".join(labels[at:]) for at in range(len(labels) - 1)]


def of_address(session: Session, account_id: int, from_domain: str) -> SendingDomain | None:
    """The domain itself, else the nearest one above it."""
    return session.scalars(
        select(SendingDomain)
        .where(SendingDomain.account_id == account_id, SendingDomain.name.in_(above(from_domain)))
        .order_by(func.length(SendingDomain.name).desc())
        .limit(1)
    ).first()


def change_domain(
    session: Session, account_id: int, domain_id: int, changes: Changes, now: datetime
) -> None:
    """Put `changes` in place; Invalid at the wrong field. What changed is checked anew."""
    row = domain(session, account_id, domain_id)
    hosts = {
        place: _host(getattr(changes, place), row.name, place)
        for place in ("return_path_host", "tracking_host")
    }
    if hosts["tracking_host"] and hosts["tracking_host"] == hosts["return_path_host"]:
        raise Invalid(N_("The return path and the links need hosts of their own."), "tracking_host")
    findings = dict(row.findings)
    if hosts["return_path_host"] != row.return_path_host:
        findings.pop("return_path", None)
        findings.pop("spf", None)
    if hosts["tracking_host"] != row.tracking_host:
        findings.pop("tracking", None)
    session.execute(
        update(SendingDomain)
        .where(SendingDomain.account_id == account_id, SendingDomain.id == domain_id)
        .values(
            **hosts,
            findings=findings,
            is_signed_by_relay=changes.is_signed_by_relay,
            next_check_at=now,
            asked_at=now,
        )
    )


def delete_domain(session: Session, account_id: int, domain_id: int) -> str:
    """Forget a domain and its keys and return its name; see `broadcasts.alignment` for callers."""
    name: str | None = session.scalar(
        delete(SendingDomain)
        .where(SendingDomain.account_id == account_id, SendingDomain.id == domain_id)
        .returning(SendingDomain.name)
    )
    if name is None:
        raise NotFound()
    return name


def _host(typed: str, name: str, place: str) -> str:
    if not typed.strip():
        return ""
    host = domain_name(typed, place)
    if not host.endswith(f".{name}"):
        raise Invalid(N_("Write a name below %(domain)s."), place, domain=name)
    return host
