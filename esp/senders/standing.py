"""What a sending domain may be used for, as the last check of its records left it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from esp.senders import dkim_keys, dmarc
from esp.senders.models import SendingDomain
from esp.senders.sending_domains import of_address


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
    returns = usable(row, "return_path") and usable(row, "spf")
    return Standing(
        name=row.name,
        is_signed=is_signed(session, row),
        is_signed_by_relay=row.is_signed_by_relay,
        is_strict=row.name != from_domain and _is_strict(row),
        has_policy=usable(row, "dmarc"),
        return_path_host=row.return_path_host if returns else "",
        tracking_host=row.tracking_host if usable(row, "tracking") else "",
    )


def is_signed(session: Session, row: SendingDomain) -> bool:
    """Whether an RSA key signs whose record was not missed at the last check."""
    return any(
        key.state == "active"
        and key.algorithm == "rsa"
        and state_of(row, f"dkim:{key.selector}") not in ("missing", "wrong")
        for key in dkim_keys.keys_of(session, row.account_id, row.id)
    )


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
