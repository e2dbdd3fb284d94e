"""Keys of programs, the answers they may ask for again, and the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from esp.accounts import api_keys, audit, idempotency, queries
from esp.accounts.idempotency import Answer
from esp.accounts.models import ApiKey, AuditEntry
from esp.db import enter_account
from esp.errors import Conflict, Invalid, NotFound
from tests.factories import make_account

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def nowhere(session) -> None:
    session.execute(text("SELECT set_config('esp.account_id', '', true)"))


def test_a_key_opens_its_account(session, account_id):
    made = api_keys.create_key(session, account_id, " The  shop ")
    make_account(session)
    nowhere(session)
    use = api_keys.open_with_key(session, made.key, NOW)
    assert use == (account_id, made.id, "The shop")
    assert queries.account(session, account_id).id == account_id


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1],
        lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"),
        lambda key: key.upper(),
        lambda key: key + "\n",
        lambda key: key.replace("esp_", "xxx_"),
        lambda key: "",
        lambda key: "esp_\x00",
    ],
)
def test_anything_else_opens_nothing(session, account_id, spoil):
    key = api_keys.create_key(session, account_id, "shop").key
    nowhere(session)
    assert api_keys.open_with_key(session, spoil(key), NOW) is None


def test_only_the_hash_is_kept(session, account_id):
    made = api_keys.create_key(session, account_id, "shop")
    row = session.execute(select(ApiKey.__table__)).one()
    secret = made.key.rpartition("_")[2]
    assert made.key == f"esp_{made.prefix}_{secret}"
    assert not any(secret in str(value) for value in row)
    assert len(row.key_hash) == 32


def test_a_revoked_key_opens_nothing_and_stays_revoked(session, account_id):
    made = api_keys.create_key(session, account_id, "shop")
    assert api_keys.revoke_key(session, account_id, made.id, NOW) == "shop"
    with pytest.raises(NotFound):
        api_keys.revoke_key(session, account_id, made.id, NOW)
    assert queries.keys(session, account_id) == []
    assert api_keys.open_with_key(session, made.key, NOW) is None


def test_the_last_use_is_noted_once_a_minute(session, account_id):
    key = api_keys.create_key(session, account_id, "shop").key
    noted = []
    for seconds in (0, 30, 59, 60, 90):
        api_keys.open_with_key(session, key, NOW + timedelta(seconds=seconds))
        noted.append(session.scalars(select(ApiKey.last_used_at)).one())
    assert [(at - NOW).seconds for at in noted] == [0, 0, 0, 60, 60]


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_a_key_has_a_name(session, account_id, name):
    with pytest.raises(Invalid):
        api_keys.create_key(session, account_id, name)


def test_an_answer_is_given_again(session, account_id):
    assert idempotency.replay(session, account_id, "k1", b"one") is None
    idempotency.remember(session, account_id, "k1", b"one", Answer(202, '{"id": 7}'), NOW)
    assert idempotency.replay(session, account_id, "k1", b"one") == (202, '{"id": 7}')
    with pytest.raises(Conflict):
        idempotency.replay(session, account_id, "k1", b"other")
    with pytest.raises(Invalid):
        idempotency.replay(session, account_id, "x" * 256, b"one")


def test_an_answer_belongs_to_its_account_and_is_forgotten(session, account_id):
    idempotency.remember(session, account_id, "k1", b"one", Answer(200, "{}"), NOW)
    assert idempotency.forget(session, account_id, NOW) == 0
    other = make_account(session)
    assert idempotency.replay(session, other, "k1", b"other") is None
    enter_account(session, account_id)
    assert idempotency.forget(session, account_id, NOW + timedelta(days=1)) == 1


def test_the_log_pages_from_the_newest(session, account_id):
    for number in range(5):
        session.add(
            AuditEntry(
                account_id=account_id,
                at=NOW + timedelta(minutes=number // 2),
                actor="ani@acme.example",
                action="list.create",
                subject=f"List {number}",
            )
        )
        session.flush()
    first = queries.audit_page(session, account_id, limit=3)
    rest = queries.audit_page(session, account_id, after=(first[-1].at, first[-1].id))
    assert [e.subject for e in (*first, *rest)] == [f"List {n}" for n in (4, 3, 2, 1, 0)]


def test_what_was_done_stays_written(session, account_id):
    audit.record(session, account_id, "ani@acme.example", "key.create", "shop", {"prefix": "x"})
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text("DELETE FROM audit_entries"))
