"""Runs migrations one transaction each, with time-outs and under a lock: a live system survives."""

from __future__ import annotations

import re

from alembic import context
from sqlalchemy import Connection, text

from esp.models import Table

# Any two starts of the same installation agree on this number.
LOCK = 7_274_113
PARTITION = re.compile(r"^(recipients|events)_p\d+$")


def include_object(_object: object, name: str | None, type_: str, *_rest: object) -> bool:
    """Partitions are made while running, so they are in no model."""
    return not (type_ == "table" and name and PARTITION.match(name))


def run(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    connection.execute(text("SET lock_timeout = '4s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        transaction_per_migration=True,
        include_object=include_object,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
    connection.commit()


run(context.config.attributes["connection"])
