"""Tables of stored files."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from esp.accounts.models import OfAccount
from esp.db import AccountId, CreatedAt, Table


class File(OfAccount, Table):
    """A file's name and kind; its bytes are in chunks."""

    __tablename__ = "files"
    __table_args__ = (
        CheckConstraint("kind IN ('contacts', 'picture')", name="kind"),
        UniqueConstraint("account_id", "public_key"),
        Index("ix_files_account_id_kind_id", "account_id", "kind", "id"),
    )

    kind: Mapped[str]
    name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int] = mapped_column(server_default="0")
    # Unguessable part of a picture's public address; NULL for what is private.
    public_key: Mapped[str | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    created_at: Mapped[CreatedAt]


class FileChunk(Table):
    """One megabyte of a file, or its shorter end."""

    __tablename__ = "file_chunks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "file_id"], ["files.account_id", "files.id"], ondelete="CASCADE"
        ),
    )

    account_id: Mapped[AccountId]
    file_id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)
