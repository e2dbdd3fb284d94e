"""Reads sums over all accounts, for whoever runs the installation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.delivery.overview import HOUR, Activity, recently

MOST_ACCOUNTS = 50


@dataclass(frozen=True, slots=True)
class ProviderSum:
    """What all accounts together have with a provider; the last four are of the last hour."""

    provider_id: int
    provider: str
    waiting: int
    deferred: int
    since: datetime | None
    activity: Activity


@dataclass(frozen=True, slots=True)
class AccountSum:
    """What one account has with all providers together."""

    name: str
    running: int
    waiting: int
    deferred: int
    activity: Activity


def sums_by_provider(session: Session, now: datetime) -> list[ProviderSum]:
    """Over all accounts, for whoever runs the installation; works in no account."""
    recent, minutes = recently(now)
    rows = session.execute(
        text("SELECT * FROM delivery_by_provider(:hour, :recent)"),
        {"hour": now - HOUR, "recent": recent},
    )
    return [
        ProviderSum(
            number, name, int(waiting), int(put_off), since,
            Activity(int(sent), int(deferred), int(failed), int(last) / minutes),
        )
        for number, name, waiting, put_off, since, sent, deferred, failed, last in rows
    ]  # fmt: skip


def sums_by_account(session: Session, now: datetime) -> list[AccountSum]:
    """The accounts with most to send; of none more than sums. Works in no account."""
    rows = session.execute(
        text("SELECT * FROM delivery_by_account(:hour, :most)"),
        {"hour": now - HOUR, "most": MOST_ACCOUNTS},
    )
    return [
        AccountSum(name, running, int(waiting), int(put_off), Activity(int(s), int(d), int(f)))
        for name, running, waiting, put_off, s, d, f in rows
    ]
