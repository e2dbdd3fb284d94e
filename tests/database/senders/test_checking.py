"""The task that asks a real name server about a sending domain."""

from __future__ import annotations

import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from esp.entrypoints.tasks import domains as task
from esp.runtime import Runtime
from esp.senders import dkim_keys, domain_checks, look_up, records, sending_domains
from tests.dns import SERVFAIL, TIMEOUT, FakeDns
from tests.factories import make_account


class Answering(BaseHTTPRequestHandler):
    """Our web server, as far as a probe can tell."""

    def do_GET(self) -> None:
        self.send_response(200)
        right = self.path == look_up.PROBE_PATH and self.headers["Host"] == "links.acme.example"
        self.send_header("Content-Type", "image/gif" if right else "text/html")
        self.end_headers()

    def log_message(self, *_args: Any) -> None: ...


@pytest.fixture
def web():
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def dns():
    zones = {
        "in.esp.example": {"MX": ["10 mx.esp.example."]},
        "esp.example": {"A": ["127.0.0.1"]},
    }
    with FakeDns(zones) as server:
        yield server


@pytest.fixture
def outside(runtime: Runtime, dns: FakeDns) -> Runtime:
    """An installation that the world knows."""
    changes = {
        "dns": (dns.nameserver,),
        "bounce_domain": "in.esp.example",
        "base_url": "https://esp.example",
    }
    object.__setattr__(runtime, "settings", runtime.settings.model_copy(update=changes))
    return runtime


@pytest.fixture
def acme(outside: Runtime) -> tuple[int, int]:
    with outside.transaction(None) as session:
        account_id = make_account(session)
        row = sending_domains.add_domain(
            session, account_id, "acme.example", outside.cipher, outside.clock()
        )
        return account_id, row.id


def publish(runtime: Runtime, dns: FakeDns, acme: tuple[int, int]) -> None:
    """What the page tells to publish."""
    with runtime.transaction(acme[0]) as session:
        row = sending_domains.domain(session, *acme)
        told = records.records(domain_checks.setup_of(session, runtime.settings, row))
    zone: dict[str, dict[str, list[str]]] = {}
    for one in told:
        pieces = one.strings or (one.value,)
        value = " ".join(f'"{piece}"' for piece in pieces) if one.kind == "TXT" else one.value
        zone.setdefault(one.name, {})[one.kind] = [value]
    for name, answers in zone.items():
        dns[name] = answers


def states(runtime: Runtime, acme: tuple[int, int]) -> dict[str, str]:
    with runtime.transaction(acme[0]) as session:
        row = sending_domains.domain(session, *acme)
        return {part.partition(":")[0]: one["state"] for part, one in row.findings.items()}


def test_from_nothing_to_a_key_that_signs(outside, dns, acme, clock):
    task.run(outside, acme[0])
    assert set(states(outside, acme).values()) == {"missing"}

    publish(outside, dns, acme)
    clock.forward(minutes=2)
    task.run(outside, acme[0])
    # What DNS said of the servers for what comes back is what is told from now on.
    publish(outside, dns, acme)
    clock.forward(minutes=2)
    task.run(outside, acme[0])

    found = states(outside, acme)
    # Nothing serves https://esp.example here.
    assert found.pop("tracking") in ("unknown", "wrong")
    assert set(found.values()) == {"working"}
    with outside.transaction(acme[0]) as session:
        assert [key.state for key in dkim_keys.keys_of(session, *acme)] == ["active"]


def test_silence_is_told_apart_from_nothing(outside, dns, acme):
    dns["_dmarc.acme.example"] = SERVFAIL

    task.run(outside, acme[0])

    assert states(outside, acme)["dmarc"] == "unknown"
    assert states(outside, acme)["dkim"] == "missing"


def test_no_check_is_made_before_its_time(outside, dns, acme, clock):
    task.run(outside, acme[0])
    asked = len(dns.asked)
    task.run(outside, acme[0])
    assert len(dns.asked) == asked
    clock.forward(minutes=1)
    task.run(outside, acme[0])
    assert len(dns.asked) > asked


def test_what_a_zone_says_is_text_and_short(dns):
    dns["acme.example"] = {"TXT": ['"a\\000\\007<b>\\255"', *(f'"{n}"' for n in range(80))]}
    with look_up.asking((dns.nameserver,)) as ask:
        answer = ask("acme.example", "TXT")
        assert ask("a" * 70 + ".example", "TXT").failed
    assert len(answer.values) == look_up.MOST_VALUES
    assert all(value.isprintable() for value in answer.values)
    assert any("<b>" in value for value in answer.values)


def test_no_question_and_no_check_lasts_for_ever(dns):
    dns["slow.example"] = TIMEOUT
    with look_up.asking((dns.nameserver,), question=0.2) as ask:
        assert ask("slow.example", "TXT").failed
    asked = len(dns.asked)
    with look_up.asking((dns.nameserver,), check=0.0) as ask:
        assert ask("esp.example", "A").failed
    assert len(dns.asked) == asked


class TestProbe:
    def test_our_server_answers_under_the_name(self, web):
        assert look_up.serves(web, "links.acme.example") is True
        assert look_up.serves(web, "links.other.example") is False

    def test_a_server_without_a_certificate_for_the_name_does_not(self, web):
        assert look_up.serves(web.replace("http:", "https:"), "links.acme.example") is False

    def test_what_cannot_be_reached_is_not_known(self):
        assert look_up.serves("http://127.0.0.1:1", "links.acme.example") is None


def test_the_ticker_finds_domains_that_are_due(outside, acme, clock):
    from sqlalchemy import text

    due = text("SELECT accounts_with_due('domains', :now)")
    with outside.transaction(None) as session:
        assert session.scalars(due, {"now": clock() - timedelta(seconds=1)}).all() == []
        assert session.scalars(due, {"now": clock()}).all() == [acme[0]]
