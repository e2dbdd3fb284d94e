"""Writes drafts: create, save, duplicate, delete, choose lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from esp.accounts.models import Account
from esp.broadcasts.models import Broadcast, BroadcastList
from esp.contacts.models import List
from esp.content.models import Template
from esp.errors import N_, Conflict, Invalid, NotFound, Refused

# What an author may write; everything else follows from moves.
EDITABLE = (
    "name",
    "kind",
    "subject",
    "preheader",
    "body",
    "text",
    "add_footer",
    "from_name",
    "from_address",
    "reply_to",
    "transport_id",
    "pool_id",
    "source_address",
    "rate_per_minute",
)
LIMITS = {"name": 200, "subject": 500, "preheader": 500, "body": 2_000_000, "text": 500_000}


def create(
    session: Session,
    account_id: int,
    values: Mapping[str, Any],
    *,
    user_id: int | None = None,
    template_id: int | None = None,
) -> Broadcast:
    """A new draft, from a template when one is named, with the account's sender."""
    account = session.get_one(Account, account_id)
    start: dict[str, Any] = {"from_name": account.from_name or account.name}
    start["from_address"] = account.from_address
    if template_id is not None:
        template = session.get(Template, (account_id, template_id))
        if template is None:
            raise NotFound(N_("There is no such template."))
        start |= {
            key: getattr(template, key) for key in ("kind", "subject", "preheader", "body", "text")
        }
    start |= _checked(values)
    start["name"] = start.get("name") or start.get("subject") or "…"
    broadcast = Broadcast(account_id=account_id, created_by_user_id=user_id, **start)
    session.add(broadcast)
    session.flush()
    return broadcast


def get(session: Session, account_id: int, broadcast_id: int) -> Broadcast:
    """NotFound when there is none in this account."""
    broadcast = session.get(Broadcast, (account_id, broadcast_id))
    if broadcast is None:
        raise NotFound(N_("There is no such broadcast."))
    return broadcast


def save(
    session: Session,
    account_id: int,
    broadcast_id: int,
    values: Mapping[str, Any],
    *,
    version: int | None = None,
) -> Broadcast:
    """Save what changed in a draft; Conflict when another save came after `version` was read."""
    broadcast = get(session, account_id, broadcast_id)
    conditions = [
        Broadcast.account_id == account_id,
        Broadcast.id == broadcast_id,
        Broadcast.state == "draft",
    ]
    if version is not None:
        conditions.append(Broadcast.version == version)
    changed = session.scalar(
        update(Broadcast)
        .where(*conditions)
        .values(**_checked(values), version=Broadcast.version + 1, updated_at=func.now())
        .returning(Broadcast.version)
    )
    session.refresh(broadcast)
    if changed is None:
        if broadcast.state != "draft":
            raise Refused(N_("Only a draft can be changed. Unschedule or duplicate it first."))
        raise Conflict(N_("It was changed in another window. Reload to see that version."))
    return broadcast


def set_lists(
    session: Session,
    account_id: int,
    broadcast_id: int,
    include: tuple[int, ...],
    exclude: tuple[int, ...] = (),
) -> None:
    """Choose the lists of a draft; a list on both sides is excluded. Invalid for unknown lists."""
    if get(session, account_id, broadcast_id).state != "draft":
        raise Refused(N_("Only a draft can be changed. Unschedule or duplicate it first."))
    sides = {**dict.fromkeys(include, "include"), **dict.fromkeys(exclude, "exclude")}
    known = set(
        session.scalars(
            select(List.id).where(
                List.account_id == account_id, List.id.in_(sides), List.archived_at.is_(None)
            )
        )
    )
    if known != set(sides):
        raise Invalid(N_("One of the lists does not exist or is archived."), "lists")
    session.execute(
        delete(BroadcastList).where(
            BroadcastList.account_id == account_id, BroadcastList.broadcast_id == broadcast_id
        )
    )
    if sides:
        session.execute(
            insert(BroadcastList),
            [
                {
                    "account_id": account_id,
                    "broadcast_id": broadcast_id,
                    "list_id": list_id,
                    "side": side,
                }
                for list_id, side in sides.items()
            ],
        )


def lists_of(session: Session, account_id: int, broadcast_id: int) -> tuple[list[int], list[int]]:
    """Numbers of the lists that are included and excluded."""
    rows = session.execute(
        select(BroadcastList.list_id, BroadcastList.side)
        .where(BroadcastList.account_id == account_id, BroadcastList.broadcast_id == broadcast_id)
        .order_by(BroadcastList.list_id)
    ).all()
    include = [list_id for list_id, side in rows if side == "include"]
    return include, [list_id for list_id, side in rows if side == "exclude"]


def duplicate(
    session: Session, account_id: int, broadcast_id: int, name: str, *, user_id: int | None = None
) -> Broadcast:
    """A new draft with the same message and the same lists, those archived meanwhile left out."""
    original = get(session, account_id, broadcast_id)
    values = {key: getattr(original, key) for key in EDITABLE} | {"name": name}
    copy = create(session, account_id, values, user_id=user_id)
    include, exclude = lists_of(session, account_id, broadcast_id)
    live = set(
        session.scalars(
            select(List.id).where(
                List.account_id == account_id,
                List.id.in_([*include, *exclude]),
                List.archived_at.is_(None),
            )
        )
    )
    set_lists(
        session,
        account_id,
        copy.id,
        tuple(i for i in include if i in live),
        tuple(i for i in exclude if i in live),
    )
    return copy


def discard(session: Session, account_id: int, broadcast_id: int) -> None:
    """Delete a draft; Refused once it has been scheduled, because its report is evidence."""
    get(session, account_id, broadcast_id)
    gone = session.scalar(
        delete(Broadcast)
        .where(
            Broadcast.account_id == account_id,
            Broadcast.id == broadcast_id,
            Broadcast.state == "draft",
        )
        .returning(Broadcast.id)
    )
    if gone is None:
        raise Refused(N_("Only a draft can be deleted."))


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(values) - set(EDITABLE)
    if unknown:
        raise Invalid(
            N_("There is no field %(field)s."), sorted(unknown)[0], field=sorted(unknown)[0]
        )
    for name, limit in LIMITS.items():
        if len(values.get(name) or "") > limit:
            raise Invalid(N_("This is longer than %(limit)s characters."), name, limit=limit)
    rate = values.get("rate_per_minute")
    if rate is not None and not 1 <= rate <= 1_000_000:
        raise Invalid(N_("The rate must be between 1 and 1,000,000 a minute."), "rate_per_minute")
    kind = values.get("kind", "html")
    if kind not in ("html", "mjml", "text"):
        raise Invalid(N_("The kind is html, mjml or text."), "kind")
    return dict(values)
