"""`esp domain check`: what DNS says of a sending domain, as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from esp.entrypoints.cli import main
from esp.runtime import Runtime
from esp.senders import dkim_keys, sending_domains
from esp.senders.dkim_records import record
from esp.senders.dns_checks import KEY_LOST
from esp.senders.models import DkimKey
from tests.dns import FakeDns
from tests.factories import make_account


@pytest.fixture
def account_id(runtime: Runtime) -> int:
    with runtime.transaction(None) as session:
        made = make_account(session)
        sending_domains.add_domain(session, made, "acme.example", runtime.cipher, runtime.clock())
        return made


@pytest.fixture
def run(runtime: Runtime) -> Callable[..., Result]:
    def running(dns: FakeDns, *arguments: str) -> Result:
        settings = runtime.settings
        env = {
            "ESP_DATA_DIR": str(settings.data_dir),
            "ESP_DATABASE_URL": settings.database_url,
            "ESP_REDIS_URL": settings.redis_url,
            "ESP_SECRET_KEY": settings.secret_key,
            "ESP_DNS": dns.nameserver,
        }
        return CliRunner().invoke(main, ["domain", "check", *arguments], env=env)

    return running


def lines(result: Result) -> dict[str, dict]:
    return {
        row["part"].partition(":")[0]: row for row in map(json.loads, result.stdout.splitlines())
    }


@pytest.mark.standard("DKIM-09")
def test_dns_is_compared_with_the_private_key(runtime, account_id, run):
    with runtime.transaction(account_id) as session:
        row = sending_domains.domains(session, account_id)[0]
        key = dkim_keys.keys_of(session, account_id, row.id)[0]
        told = record(key.selector, "acme.example", key.algorithm, key.public_key)
    zones = {
        told.name: {"TXT": [" ".join(f'"{piece}"' for piece in told.strings)]},
        "_dmarc.acme.example": {"TXT": ['"v=DMARC1; p=none"']},
    }
    with FakeDns(zones) as dns:
        right = run(dns, "Acme.example")
        assert right.exit_code == 0, right.output
        assert {part: row["state"] for part, row in lines(right).items()} == {
            "dkim": "working",
            "dmarc": "working",
            "return_path": "unused",
            "spf": "unused",
            "tracking": "unused",
        }
        assert lines(right)["dkim"]["records"] == [
            {"name": told.name, "type": "TXT", "value": told.value}
        ]
        with runtime.transaction(account_id) as session:
            session.execute(update(DkimKey).values(private_key="lost"))
        lost = run(dns, "acme.example")

    assert lost.exit_code == 1
    assert (lines(lost)["dkim"]["state"], lines(lost)["dkim"]["text"]) == ("wrong", KEY_LOST)


def test_what_is_missing_is_told_by_the_status(account_id, run):
    with FakeDns({}) as dns:
        result = run(dns, "acme.example")

    assert result.exit_code == 1
    assert lines(result)["dkim"]["state"] == "missing"


def test_a_domain_that_nobody_has(account_id, run):
    with FakeDns({}) as dns:
        assert run(dns, "other.example").exit_code == 1
        assert run(dns, "not a domain").exit_code == 1
    assert dns.asked == []
