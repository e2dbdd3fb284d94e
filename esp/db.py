"""The database: table class, engine, and the transaction that row-level security hangs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import (
    BigInteger,
    DateTime,
    Engine,
    Identity,
    MetaData,
    Text,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, sessionmaker
from sqlalchemy.sql import func

Id = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
# No foreign key to accounts: such rows have one to their parent, and a second slows bulk inserts.
AccountId = Annotated[int, mapped_column(BigInteger, primary_key=True, autoincrement=False)]
CreatedAt = Annotated[datetime, mapped_column(server_default=func.now())]


class Table(DeclarativeBase):
    """Every table of the product; constraint names follow from the columns."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        int: BigInteger,
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


# When the other end is gone without a word, it is noticed in seconds, not after hours.
LINE: dict[str, Any] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_LINE_OF_SERVER = (
    "SELECT set_config('tcp_keepalives_idle', '10', false),"
    " set_config('tcp_keepalives_interval', '5', false),"
    " set_config('tcp_keepalives_count', '3', false),"
    " set_config('tcp_user_timeout', '15000', false)"
)


def connect(url: str, *, size: int = 5, **options: Any) -> Engine:
    """An engine whose connections stay few and are checked before use."""
    engine = create_engine(
        url,
        pool_size=size,
        max_overflow=size,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args={**LINE, "application_name": "esp"},
        **options,
    )
    if make_url(url).host:
        # The locks of a machine that is lost in mid-transaction would stand in everybody's way.
        event.listen(engine, "connect", _watch_line)
    return engine


def _watch_line(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LINE_OF_SERVER)
    connection.commit()


def enter_account(session: Session, account_id: int) -> None:
    """From here to the end of the transaction the session sees the rows of `account_id` only."""
    # Said many times a second, so without the detour over a statement object.
    session.connection().exec_driver_sql(
        "SELECT set_config('esp.account_id', %(account)s, true)", {"account": str(account_id)}
    )


@contextmanager
def transaction(sessions: sessionmaker[Session], account_id: int | None) -> Iterator[Session]:
    """One transaction: committed when the block ends, rolled back when it raises.

    `account_id` None sees no tenant's row; `enter_account` may name one later.
    """
    with sessions() as session, session.begin():
        if account_id is not None:
            enter_account(session, account_id)
        yield session
