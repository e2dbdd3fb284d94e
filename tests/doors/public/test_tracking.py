"""Pixel and clicks."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from esp import journal
from esp.delivery import shipping
from esp.delivery.facts import HITS, encode_hit
from esp.entrypoints.public.hits import Hits
from esp.runtime import Runtime
from esp.tokens import recipient_token


def until(condition, seconds: float = 10):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def counts(ask):
    return lambda: dict(ask("SELECT name, count FROM broadcast_counts"))


@pytest.mark.standard("TRK-06")
@pytest.mark.parametrize("path", ["{token}.gif", "unknown.gif", "", "{token}", "%00.gif", "a/b/c"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_the_pixel_is_always_a_picture(door, sent, path, method):
    answer = door.open("/o/" + path.format(token=sent.token), method=method)
    assert answer.status_code == 200
    assert answer.content_type == "image/gif"
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    assert answer.data[:6] == (b"" if method == "HEAD" else b"GIF89a")


@pytest.mark.standard("TRK-01")
def test_a_click_goes_to_the_target_of_the_mail(door, sent):
    answer = door.get(f"/c/{sent.token}/0")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "https://acme.example/sale?a=1&b=2"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.standard("TRK-01")
@pytest.mark.parametrize(
    "path",
    [
        "{token}/99",
        "{token}/-1",
        "{token}/0x0",
        "{token}/",
        "{token}",
        "{token}/0/https://evil.example",
        "{token}/https://evil.example",
        "{other}/0",
        "nothing/0",
        "{token}/٠",
        "{token}/000000000000000000000000",
    ],
)
def test_a_click_goes_nowhere_else(door, runtime, sent, path):
    other = recipient_token(runtime.keyring, sent.account_id + 1, sent.broadcast_id, 1)
    answer = door.get(
        "/c/" + path.format(token=sent.token, other=other) + "?url=https://evil.example"
    )
    assert answer.status_code == 404
    assert "Location" not in answer.headers
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://acme.example/",
        "//acme.example",
        "https://",
    ],
)
@pytest.mark.standard("TRK-01")
def test_only_web_addresses_are_followed(door, runtime, sent, target):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("UPDATE links SET target = :t WHERE number = 0"), {"t": target})
    assert door.get(f"/c/{sent.token}/0").status_code == 404


def test_merge_tags_are_filled_for_the_person(door, sent):
    answer = door.get(f"/c/{sent.token}/1")
    assert answer.headers["Location"] == ("https://acme.example/hi/Ana?to=ana%40customers.example")


def test_what_a_person_is_called_breaks_no_header(door, runtime, sent):
    with runtime.transaction(sent.account_id) as session:
        session.execute(
            text("UPDATE contacts SET first_name = :n"), {"n": "é\r\nSet-Cookie: a=b/@evil"}
        )
    answer = door.get(f"/c/{sent.token}/1")
    assert answer.headers["Location"].startswith(
        "https://acme.example/hi/%C3%A9%0D%0ASet-Cookie:%20a=b/@evil?to="
    )
    assert "Set-Cookie" not in answer.headers


@pytest.mark.standard("TRK-05")
def test_opens_and_clicks_are_stored_once_each(door, runtime, sent, counts, ask):
    for _ in range(3):
        door.get(f"/o/{sent.token}.gif", headers={"User-Agent": "Mozilla/5.0 (X11) Firefox"})
    door.get(f"/c/{sent.token}/0")
    # None of these is somebody who reads or follows a link.
    door.head(f"/o/{sent.token}.gif")
    door.post(f"/o/{sent.token}.gif")
    door.head(f"/c/{sent.token}/0")
    assert door.post(f"/c/{sent.token}/0").status_code == 405
    expected = {"opens": 3, "unique_opens": 1, "clicks": 1, "unique_clicks": 1}
    until(lambda: counts() == expected)
    shipping.ship_hits(runtime.transaction, runtime.journal_folder)
    assert counts() == expected
    assert ask("SELECT opens, clicks FROM recipients") == [(3, 1)]


def test_a_hit_is_in_the_database_soon(door, sent, counts):
    started = time.monotonic()
    door.get(f"/o/{sent.token}.gif")
    until(counts)
    assert time.monotonic() - started < 2


def test_test_mails_and_unknown_copies_do_not_count(door, runtime, sent, counts):
    for account_id, seq in ((sent.account_id, 0), (sent.account_id, 77), (99, 1)):
        token = recipient_token(runtime.keyring, account_id, sent.broadcast_id, seq)
        assert door.get(f"/o/{token}.gif").status_code == 200
    door.get(f"/o/{sent.token}.gif")
    until(lambda: counts() == {"opens": 1, "unique_opens": 1})


@pytest.mark.standard("TRK-08")
def test_neither_address_nor_agent_is_kept(door, sent, ask):
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Somebody/1.0"
    door.get(f"/o/{sent.token}.gif", headers={"User-Agent": agent, "X-Forwarded-For": "9.8.7.6"})
    [(kept,)] = until(lambda: ask("SELECT e::text FROM events e"))
    assert "Somebody" not in kept
    assert "9.8.7.6" not in kept


@pytest.mark.standard("TRK-07")
def test_who_withdrew_is_not_measured_by_old_mails_either(door, runtime, sent, counts, ask):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("UPDATE contacts SET tracking_consent = false"))
    door.get(f"/o/{sent.token}.gif")
    door.get(f"/c/{sent.token}/0")
    until(lambda: counts() == {"clicks": 1})
    assert ask("SELECT * FROM events") == []


def test_a_dead_process_loses_nothing(runtime: Runtime, sent, counts):

    dead = journal.Journal(runtime.journal_folder, HITS)
    at = datetime(2026, 11, 2, tzinfo=UTC)
    dead.append(encode_hit(sent.account_id, sent.broadcast_id, 1, None, at))
    dead.close()
    hits = Hits(runtime)
    until(lambda: counts() == {"opens": 1, "unique_opens": 1})
    until(lambda: not list(runtime.journal_folder.glob(f"{HITS}-*")))
    hits.close()


def test_with_the_disk_full_a_hit_goes_to_the_database_first(runtime, sent, counts):
    class Full:
        def append(self, fact: bytes) -> int:
            raise journal.JournalError

    hits = Hits(runtime)
    hits.close()
    hits._journal = Full()

    hits.note(encode_hit(sent.account_id, sent.broadcast_id, 1, None, runtime.clock()))
    assert counts() == {"opens": 1, "unique_opens": 1}


def test_with_the_database_away_known_links_go_on(runtime, cut_off, open_door, sent, counts):
    assert open_door(runtime).get(f"/c/{sent.token}/0").status_code == 302
    door = open_door(cut_off)
    # Another process of this host has seen the plain link; whose name to fill in nobody knows.
    assert door.get(f"/c/{sent.token}/0").headers["Location"].endswith("/sale?a=1&b=2")
    assert door.get(f"/c/{sent.token}/1").status_code == 503
    assert door.get(f"/o/{sent.token}.gif").status_code == 200
    other = recipient_token(runtime.keyring, sent.account_id, sent.broadcast_id + 5, 1)
    answer = door.get(f"/c/{other}/0")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    shipping.ship_hits(runtime.transaction, runtime.journal_folder)
    until(lambda: counts().get("clicks") == 2)
