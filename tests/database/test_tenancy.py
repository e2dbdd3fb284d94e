"""PostgreSQL itself keeps accounts apart."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from esp.contacts.models import Contact
from esp.db import enter_account
from esp.models import Table
from esp.places import migrations_folder
from esp.schema import check_ready
from tests.factories import make_account, make_contact


def test_a_query_without_any_filter_sees_one_account_only(session):
    first = make_account(session)
    make_contact(session, first, email="ani@first.example")
    second = make_account(session)
    make_contact(session, second, email="budi@second.example")

    assert session.scalars(select(Contact.email)).all() == ["budi@second.example"]
    enter_account(session, first)
    assert session.scalars(select(Contact.email)).all() == ["ani@first.example"]


def test_without_an_account_nothing_is_seen(session):
    make_contact(session, make_account(session))
    session.execute(text("SELECT set_config('esp.account_id', '', true)"))
    assert session.scalars(select(Contact.id)).all() == []


def test_a_row_cannot_be_written_into_another_account(session):
    first = make_account(session)
    make_account(session)
    with pytest.raises(ProgrammingError, match="row-level security"):
        make_contact(session, first)


def test_every_table_with_an_account_is_protected_and_no_partition_is_open(session):
    protected = set(
        session.scalars(text("SELECT tablename FROM pg_policies WHERE policyname = 'of_account'"))
    )
    tenant = {t.name for t in Table.metadata.sorted_tables if "account_id" in t.columns}
    assert protected == tenant | {"accounts"}
    open_partitions = session.scalars(
        text(
            "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
            " AND has_table_privilege(current_user, oid, 'SELECT')"
        )
    ).all()
    assert open_partitions == []


def test_the_application_role_is_held_by_row_level_security(runtime_engine):
    check_ready(runtime_engine, migrations_folder())
