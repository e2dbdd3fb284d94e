"""Who comes in, and how often."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from esp.accounts import api_keys
from esp.accounts.models import AuditEntry
from esp.entrypoints.api.rates import Rates
from esp.runtime import Runtime
from tests.doors.api.program import Program, in_account, problem


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer esp_aaaaaaaa_" + "b" * 40,
        "Bearer é\x01",
        "Bearer " + "x" * 5000,
    ],
)
def test_without_a_key_nothing_opens(program: Program, header):
    headers = {} if header is None else {"Authorization": header}

    answer = program.client.get("/api/v1/lists", headers=headers)

    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_opens_its_account(program: Program):
    answer = program.get("account")

    assert answer.json["id"] == program.account_id
    assert answer.json["key_name"] == "shop"


def test_a_revoked_key_opens_nothing(program: Program, runtime: Runtime, clock):
    with in_account(runtime, program) as session:
        made = api_keys.create_key(session, program.account_id, "till")
    till = replace(program, key=made.key)
    assert till.get("account").status_code == 200

    with in_account(runtime, program) as session:
        api_keys.revoke_key(session, program.account_id, made.id, clock())

    problem(till.get("account"), 401)


def test_a_key_is_used_only_so_often(program: Program, runtime: Runtime, clock):
    url = runtime.settings.redis_url
    program.app.extensions["esp-rates"] = Rates(url, per_minute=2)
    clock.forward(seconds=15)
    assert [program.get("account").status_code for _ in range(2)] == [200, 200]

    answer = program.get("account")

    problem(answer, 429)
    assert answer.headers["Retry-After"] == "45"
    clock.forward(seconds=45)
    assert program.get("account").status_code == 200


def test_without_valkey_nobody_is_counted(program: Program):
    program.app.extensions["esp-rates"] = Rates("redis://127.0.0.1:1/0", per_minute=0)

    assert program.get("account").status_code == 200


def test_what_a_program_does_is_in_the_log(program: Program, runtime: Runtime):
    made = program.made("lists", {"name": "News"})
    program.patch(f"lists/{made['id']}", {"name": "Good news"})
    program.delete(f"lists/{made['id']}")

    with in_account(runtime, program) as session:
        entries = session.execute(select(AuditEntry.actor, AuditEntry.action)).all()
    assert [tuple(entry) for entry in entries] == [
        ("api:shop", "list.create"),
        ("api:shop", "list.change"),
        ("api:shop", "list.delete"),
    ]
