"""What a sending domain may be used for, as the last check of its records left it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from esp.senders import dmarc, sending_domains
from esp.senders.models import DkimKey, SendingDomain
from esp.senders.sending_domains import above, of_address


@dataclass(frozen=True, slots=True)
class Standing:
    """`name` is empty if the account has no domain for the address; hosts, unless they work.

    `is_signed`: DNS proves that the account's key signs for it. `is_strict`: the address is below
    the domain, whose policy asks that the very same name signs.
    """

    name: str = ""
    is_signed: bool = False
    is_signed_by_relay: bool = False
    is_strict: bool = False
    has_policy: bool = False
    return_path_host: str = ""
    tracking_host: str = ""


def standing(session: Session, account_id: int, from_domain: str) -> Standing:
    """Of mail from `from_domain` (A-labels)."""
    row = of_address(session, account_id, from_domain)
    if row is None:
        return Standing()
    return _of(row, from_domain, is_signed=is_signed(session, row))


def works(session: Session, account_id: int, domains: Iterable[str]) -> set[str]:
    """Of these names, those that the account may send from."""
    rows = sending_domains.domains(session, account_id)
    by_name, by_key = {row.name: row for row in rows}, signed(session, account_id, rows)
    found = set()
    for domain in domains:
        row = next((by_name[name] for name in above(domain) if name in by_name), None)
        if row is None:
            continue
        one = _of(row, domain, is_signed=row.id in by_key)
        if not one.is_strict and (one.is_signed or one.is_signed_by_relay):
            found.add(domain)
    return found


def _of(row: SendingDomain, from_domain: str, *, is_signed: bool) -> Standing:
    returns = usable(row, "return_path") and usable(row, "spf")
    return Standing(
        name=row.name,
        is_signed=is_signed,
        is_signed_by_relay=row.is_signed_by_relay,
        is_strict=row.name != from_domain and _is_strict(row),
        has_policy=usable(row, "dmarc"),
        return_path_host=row.return_path_host if returns else "",
        tracking_host=row.tracking_host if usable(row, "tracking") else "",
    )


def is_signed(session: Session, row: SendingDomain) -> bool:
    """Whether an RSA key signs whose record was not missed at the last check."""
    return row.id in signed(session, row.account_id, [row])


def signed(session: Session, account_id: int, rows: Collection[SendingDomain]) -> set[int]:
    """Of these domains, the numbers of those whose mail is signed."""
    keys = session.execute(
        select(DkimKey.sending_domain_id, DkimKey.selector).where(
            DkimKey.account_id == account_id,
            DkimKey.sending_domain_id.in_([row.id for row in rows]),
            DkimKey.state == "active",
            DkimKey.algorithm == "rsa",
        )
    ).all()
    by_id = {row.id: row for row in rows}
    return {
        domain_id
        for domain_id, selector in keys
        if state_of(by_id[domain_id], f"dkim:{selector}") not in ("missing", "wrong")
    }


def usable(row: SendingDomain, part: str) -> bool:
    """Whether mail may rely on a part."""
    return bool(row.findings.get(part, {}).get("usable"))


def state_of(row: SendingDomain, part: str) -> str:
    """What the last check said of a part; empty: there was none."""
    return str(row.findings.get(part, {}).get("state", ""))


def _is_strict(row: SendingDomain) -> bool:
    found = row.findings.get("dmarc", {}).get("found") or ("",)
    policy = dmarc.parse(str(found[0]))
    return policy is not None and policy.adkim == "s"
