"""Keeps messages to start from: create, save, duplicate, archive, restore."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from esp.content import ready_made
from esp.content.models import Template
from esp.errors import N_, Conflict, Invalid, NotFound, Refused

EDITABLE = ("name", "kind", "subject", "preheader", "body", "text")
KINDS = ("html", "mjml", "text")
LIMITS = {"name": 200, "subject": 500, "preheader": 500, "body": 2_000_000, "text": 500_000}
MOST = 2_000


def create(session: Session, account_id: int, values: Mapping[str, Any]) -> Template:
    """A new template of `values` (see EDITABLE); Invalid at what is wrong."""
    number = session.scalar(select(func.count()).where(Template.account_id == account_id)) or 0
    if number >= MOST:
        raise Refused(N_("An account has at most %(most)s templates."), most=MOST)
    start: dict[str, Any] = {"kind": "html"} | _checked({"name": "", **values})
    template = Template(account_id=account_id, **start)
    session.add(template)
    session.flush()
    return template


def from_ready_made(
    session: Session, account_id: int, folder: Path, language: str, name: str, title: str
) -> Template:
    """A template of the account's own, made of one that comes with the product."""
    found = ready_made.load(folder, language, name)
    return create(
        session,
        account_id,
        {
            "name": title,
            "kind": "mjml",
            "subject": found.subject,
            "preheader": found.preheader,
            "body": found.mjml,
        },
    )


def get(session: Session, account_id: int, template_id: int) -> Template:
    """NotFound when there is none in this account."""
    template = session.scalar(
        select(Template).where(Template.account_id == account_id, Template.id == template_id)
    )
    if template is None:
        raise NotFound(N_("There is no such template."))
    return template


def all_templates(session: Session, account_id: int, *, archived: bool = False) -> list[Template]:
    """Those in use, or those put away; the last changed first."""
    query = select(Template).where(
        Template.account_id == account_id,
        Template.archived_at.is_not(None) if archived else Template.archived_at.is_(None),
    )
    return list(session.scalars(query.order_by(Template.updated_at.desc(), Template.id.desc())))


def save(
    session: Session,
    account_id: int,
    template_id: int,
    values: Mapping[str, Any],
    *,
    version: int | None = None,
) -> Template:
    """Save what changed; Conflict when another save came after `version` was read."""
    template = get(session, account_id, template_id)
    conditions = [
        Template.account_id == account_id,
        Template.id == template_id,
        Template.archived_at.is_(None),
    ]
    if version is not None:
        conditions.append(Template.version == version)
    saved = session.scalar(
        update(Template)
        .where(*conditions)
        .values(**_checked(values), version=Template.version + 1, updated_at=func.now())
        .returning(Template.version)
    )
    session.refresh(template)
    if saved is None:
        if template.archived_at is not None:
            raise Refused(N_("The template is archived. Restore it first."))
        raise Conflict(N_("It was changed in another window. Reload to see that version."))
    return template


def duplicate(session: Session, account_id: int, template_id: int, name: str) -> Template:
    """A second one with the same message."""
    original = get(session, account_id, template_id)
    values = {key: getattr(original, key) for key in EDITABLE} | {"name": name}
    return create(session, account_id, values)


def archive(session: Session, account_id: int, template_id: int, now: datetime) -> None:
    """Put it away; nothing is lost, and broadcasts made of it stay as they are."""
    _put(session, account_id, template_id, now)


def restore(session: Session, account_id: int, template_id: int) -> None:
    """Take it into use again."""
    _put(session, account_id, template_id, None)


def remove(session: Session, account_id: int, template_id: int) -> None:
    """Delete it for good; broadcasts made of it stay as they are."""
    get(session, account_id, template_id)
    session.execute(
        delete(Template).where(Template.account_id == account_id, Template.id == template_id)
    )


def _put(session: Session, account_id: int, template_id: int, archived_at: datetime | None) -> None:
    get(session, account_id, template_id)
    session.execute(
        update(Template)
        .where(Template.account_id == account_id, Template.id == template_id)
        .values(archived_at=archived_at)
    )


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(values) - set(EDITABLE))
    if unknown:
        raise Invalid(N_("There is no field %(field)s."), unknown[0], field=unknown[0])
    for name, limit in LIMITS.items():
        value = values.get(name) or ""
        if len(value) > limit:
            raise Invalid(N_("This is longer than %(limit)s characters."), name, limit=limit)
        # PostgreSQL's text can't hold it.
        if "\0" in value:
            raise Invalid(N_("This contains a character that no text may contain."), name)
    if "name" in values and not values["name"].strip():
        raise Invalid(N_("Give it a name."), "name")
    if values.get("kind", "html") not in KINDS:
        raise Invalid(N_("The kind is html, mjml or text."), "kind")
    return dict(values)
