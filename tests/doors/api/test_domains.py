"""Sending domains over the API."""

from __future__ import annotations

import pytest

from esp.entrypoints.tasks import domains as task
from esp.runtime import Runtime
from tests.dns import FakeDns
from tests.doors.api.program import Program, places, problem


@pytest.fixture
def domain(program: Program) -> dict:
    return program.made("domains", {"name": "Acme.Example"})


def test_a_new_domain_comes_with_the_records_to_publish(program: Program, domain: dict):
    assert (domain["name"], domain["is_signed"], domain["is_being_checked"]) == (
        "acme.example",
        False,
        True,
    )
    by_part = {record["part"].partition(":")[0]: record for record in domain["records"]}
    assert by_part["dmarc"]["value"] == "v=DMARC1; p=none"
    key = by_part["dkim"]
    assert key["type"] == "TXT"
    assert key["state"] is None
    assert "".join(key["strings"]) == key["value"]
    assert program.get(f"domains/{domain['id']}").json == domain
    [listed] = program.get("domains").json["data"]
    assert listed == {name: value for name, value in domain.items() if name != "records"}


@pytest.mark.standard("DMARC-01")
def test_what_cannot_be_added(program: Program, domain: dict):
    for name in ("gmail.com", "", "acme"):
        assert places(program.post("domains", {"name": name})) == ["name"]
    problem(program.post("domains", {"name": "acme.example"}), 409)


def test_a_check_is_asked_for_and_answered_later(
    runtime: Runtime, program: Program, domain: dict, clock
):
    with FakeDns({"_dmarc.acme.example": {"TXT": ['"v=DMARC1; p=maybe"']}}) as dns:
        settings = runtime.settings.model_copy(update={"dns": (dns.nameserver,)})
        object.__setattr__(runtime, "settings", settings)
        task.run(runtime, program.account_id)

    seen = program.get(f"domains/{domain['id']}").json
    assert not seen["is_being_checked"]
    policy = next(one for one in seen["records"] if one["part"] == "dmarc")
    assert (policy["state"], policy["found"]) == ("wrong", ["v=DMARC1; p=maybe"])
    assert policy["text"] == "Its p= must be none, quarantine or reject."
    clock.forward(seconds=10)
    assert program.post(f"domains/{domain['id']}/check").json["is_being_checked"]


def test_hosts_are_changed_and_keys_made(program: Program, domain: dict):
    address = f"domains/{domain['id']}"
    changed = program.patch(address, {"tracking_host": "", "is_signed_by_relay": True}).json
    assert (changed["tracking_host"], changed["return_path_host"]) == ("", "bounces.acme.example")
    assert changed["is_signed_by_relay"]
    assert places(program.patch(address, {"tracking_host": "x.example"})) == ["tracking_host"]
    # One waits to be seen already.
    keys = [one["part"] for one in program.post(f"{address}/rotate").json["records"]]
    assert len([part for part in keys if part.startswith("dkim:")]) == 1


def test_a_domain_is_removed_unless_it_is_in_use(program: Program, domain: dict):
    news = program.made("lists", {"name": "News"})["id"]
    program.made("contacts", {"email": "ayu@customers.example", "list_ids": [news]})
    body = {"subject": "Hi", "text": "Hello", "footer": True, "list_ids": [news]}
    broadcast = program.made("broadcasts", body)["id"]
    send_at = {"send_at": "2026-12-24T08:00:00+07:00"}
    assert program.post(f"broadcasts/{broadcast}/schedule", send_at).status_code == 200

    problem(program.delete(f"domains/{domain['id']}"), 409)

    program.post(f"broadcasts/{broadcast}/cancel")
    assert program.delete(f"domains/{domain['id']}").status_code == 204
    problem(program.get(f"domains/{domain['id']}"), 404)
