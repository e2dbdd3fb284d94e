"""Checks of sending domains: whose turn it is, what they rest on, what is kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from esp.config import Settings, is_loopback
from esp.senders import dkim_keys, pools, transports
from esp.senders.dns_checks import UNKNOWN, Finding
from esp.senders.models import SendingDomain
from esp.senders.records import Key, Setup, Ways
from esp.senders.sending_domains import domain

# From a check to the next: while a person waits for the change, later, and when all is well.
_SOON = (
    (timedelta(minutes=15), timedelta(minutes=1)),
    (timedelta(hours=3), timedelta(minutes=5)),
    (timedelta(days=2), timedelta(minutes=30)),
)
_LATER = timedelta(hours=4)
_SILENT = timedelta(minutes=15)
# A task that died in the middle of a check left it to the next one.
_CHECK_LASTS = timedelta(minutes=2)
# What worked goes on being used while name servers are silent, for this long.
_GRACE = timedelta(days=3)


def ask_again(session: Session, account_id: int, domain_id: int, now: datetime) -> None:
    """A person wants to know now; wake the task `domains` after the commit."""
    domain(session, account_id, domain_id)
    session.execute(
        update(SendingDomain)
        .where(SendingDomain.account_id == account_id, SendingDomain.id == domain_id)
        .values(next_check_at=now, asked_at=now)
    )


def is_being_checked(row: SendingDomain, now: datetime) -> bool:
    """Whether an answer to a person's wish is on its way."""
    if row.asked_at is None or now - row.asked_at > _CHECK_LASTS:
        return False
    return row.checked_at is None or row.checked_at < row.asked_at


def claim_due(session: Session, account_id: int, now: datetime) -> int | None:
    """A domain whose check is due, now this caller's for some minutes; None: there is none."""
    due = (
        select(SendingDomain.id)
        .where(SendingDomain.account_id == account_id, SendingDomain.next_check_at <= now)
        .order_by(SendingDomain.next_check_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed: int | None = session.scalar(
        update(SendingDomain)
        .where(SendingDomain.account_id == account_id, SendingDomain.id == due)
        .values(next_check_at=now + _CHECK_LASTS)
        .returning(SendingDomain.id)
    )
    return claimed


def setup_of(session: Session, settings: Settings, row: SendingDomain) -> Setup:
    """All that the domain's records follow from."""
    keys = dkim_keys.keys_of(session, row.account_id, row.id)
    return Setup(
        name=row.name,
        keys=tuple(Key(k.selector, k.algorithm, k.public_key, k.state) for k in keys),
        return_path_host=row.return_path_host,
        tracking_host=row.tracking_host,
        ways=_ways(session, settings, row.account_id),
        bounce_domain=_reachable(settings.bounce_domain),
        tracking_target=_reachable(urlsplit(settings.public_tracking_url).hostname or ""),
        inbound_hosts=tuple(row.findings.get("return_path", {}).get("expected", ())),
    )


def _ways(session: Session, settings: Settings, account_id: int) -> Ways:
    """By which the account's mail may leave this machine."""
    own = transports.transports(session, account_id)
    relays = [one.host for one in own if one.kind == "relay"]
    if not any(one.is_default for one in own) and settings.smtp_url:
        relays.append(urlsplit(settings.smtp_url).hostname or "")
    sources = pools.sources(session, account_id).values()
    return Ways(
        tuple(dict.fromkeys(one.address for pool in sources for one in pool)),
        tuple(dict.fromkeys(host for host in relays if host and not is_loopback(host))),
    )


def _reachable(host: str) -> str:
    """The host, if the world can find it under this name."""
    try:
        ip_address(host)
    except ValueError:
        return "" if is_loopback(host) else host.lower()
    return ""


def keep_findings(
    session: Session,
    account_id: int,
    domain_id: int,
    found: Mapping[str, Finding],
    now: datetime,
) -> None:
    """Store what a check found that began at `now`, tell the keys, say when to look again."""
    row = session.scalar(
        select(SendingDomain)
        .where(SendingDomain.account_id == account_id, SendingDomain.id == domain_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        return
    for key in dkim_keys.keys_of(session, account_id, domain_id):
        state = found[part].state if (part := f"dkim:{key.selector}") in found else ""
        if key.state == "waiting" and state == "working":
            dkim_keys.mark_seen(session, account_id, key.id, now)
        elif key.state == "waiting" and state in ("missing", "wrong"):
            dkim_keys.mark_missing(session, account_id, key.id)
    findings = {part: _kept(one, row.findings.get(part, {}), now) for part, one in found.items()}
    # Of a wish that came while DNS was asked, the next check takes care.
    again = row.asked_at is not None and row.asked_at > now
    session.execute(
        update(SendingDomain)
        .where(SendingDomain.account_id == account_id, SendingDomain.id == domain_id)
        .values(
            findings=findings,
            checked_at=now,
            next_check_at=row.next_check_at if again else now + _pause(row, found, now),
        )
    )


def _kept(one: Finding, before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """With when it last worked, and whether mail may rely on it."""
    worked = now.isoformat() if one.state == "working" else before.get("worked_at", "")
    silent = one.state == "unknown" and bool(worked)
    usable = one.state == "working" or (silent and now - datetime.fromisoformat(worked) < _GRACE)
    expected = one.expected or tuple(before.get("expected", ()))
    return one.as_json() | {"worked_at": worked, "usable": usable, "expected": expected}


def _pause(row: SendingDomain, found: Mapping[str, Finding], now: datetime) -> timedelta:
    if all(one.state in ("working", "unused") for one in found.values()):
        return _LATER
    since = now - (row.asked_at or row.created_at)
    pause = next((pause for age, pause in _SOON if since < age), _LATER)
    # Silent name servers make for long checks, which others would have to wait for.
    return max(pause, _SILENT) if any(one.text == UNKNOWN for one in found.values()) else pause
