"""Tables of templates."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import func

from esp.accounts.models import OfAccount
from esp.db import CreatedAt, Table


class Template(OfAccount, Table):
    """A message to start from."""

    __tablename__ = "templates"
    __table_args__ = (CheckConstraint("kind IN ('html', 'mjml', 'text')", name="kind"),)

    name: Mapped[str]
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default="")
    preheader: Mapped[str] = mapped_column(server_default="")
    body: Mapped[str] = mapped_column(server_default="")
    text: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    archived_at: Mapped[datetime | None]
