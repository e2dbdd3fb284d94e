"""Reads where a broadcast's links lead, and what a copy was filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from esp.contacts.merge import COLUMNS, contact_data
from esp.delivery.frozen import FrozenContent, thaw_content, thaw_settings
from esp.delivery.models import Dispatch, Link
from esp.delivery.plan import PlanRecipient, PlanSettings

_PERSON = text(
    f"SELECT r.email AS mailed_to, {', '.join(f'c.{name}' for name in COLUMNS)}"  # noqa: S608  # names of our own columns
    " FROM recipients r LEFT JOIN contacts c ON c.account_id = :account AND c.id = r.contact_id"
    " WHERE r.account_id = :account AND r.broadcast_id = :broadcast AND r.seq = :seq"
)


def targets_of(session: Session, account_id: int, broadcast_id: int) -> dict[int, str]:
    """The targets of a broadcast's links by their numbers; merge tags not filled."""
    rows = session.execute(
        select(Link.number, Link.target).where(
            Link.account_id == account_id, Link.broadcast_id == broadcast_id
        )
    )
    return {row.number: row.target for row in rows}


def frozen_message(
    session: Session, account_id: int, broadcast_id: int
) -> tuple[FrozenContent, PlanSettings, dict[str, Any]] | None:
    """What the broadcast says, its settings, and what merge tags reach besides the contact."""
    found = session.execute(
        select(Dispatch.content, Dispatch.settings).where(
            Dispatch.account_id == account_id, Dispatch.broadcast_id == broadcast_id
        )
    ).first()
    if found is None:
        return None
    settings, data = thaw_settings(found.settings)
    return thaw_content(found.content), settings, data


def recipient_of(
    session: Session, account_id: int, broadcast_id: int, seq: int, data: Mapping[str, Any]
) -> PlanRecipient | None:
    """Whom a copy is filled for, as the person is now; None for a copy that nobody knows."""
    row = (
        session.execute(_PERSON, {"account": account_id, "broadcast": broadcast_id, "seq": seq})
        .mappings()
        .first()
    )
    if row is None:
        return None
    contact = contact_data(dict(row))
    name = str(contact["name"])
    return PlanRecipient(seq, row["mailed_to"], name, {**data, "contact": contact}, False)
