"""What is on its way, and forecasts, over the API."""

from __future__ import annotations

import pytest

from esp.delivery import batches, brakes
from esp.delivery.batches import Range
from esp.delivery.pacing.key import Key
from esp.delivery.tally import Tally
from esp.runtime import Runtime
from esp.senders import providers
from tests.doors.api.program import Program, problem
from tests.factories import make_broadcast, make_dispatch, make_recipient

BODY = "<p>Hello {{ account.postal_address }} <a href='{{ unsubscribe_url }}'>Leave</a></p>"


@pytest.fixture
def draft(program: Program) -> int:
    """To three people, one of whom is suppressed."""
    news = program.made("lists", {"name": "News"})["id"]
    for email in ("ayu@gmail.com", "budi@kopi.example", "citra@kopi.example"):
        program.made("contacts", {"email": email, "list_ids": [news]})
    program.made("suppressions", {"email": "budi@kopi.example"})
    broadcast = {"subject": "Hello", "html": BODY, "list_ids": [news], "rate_per_minute": 1}
    return int(program.made("broadcasts", broadcast)["id"])


def test_the_forecast_of_a_draft(program: Program, runtime: Runtime, draft: int):
    found = program.get(f"broadcasts/{draft}/forecast").json

    assert found["audience"] == {
        "matched": 3, "duplicates": 0, "pending": 0, "unsubscribed": 0, "no_address": 0,
        "suppressed": 1, "excluded": 0, "final": 2,
    }  # fmt: skip
    assert [(p["provider"], p["recipients"]) for p in found["providers"]] == [
        ("google", 1),
        ("other", 1),
    ]
    assert found["starts_at"] == "2026-11-02T09:00:00Z"
    # One a minute, as the broadcast wants it.
    assert (found["ends_at"], found["bound"]) == ("2026-11-02T09:02:00Z", "rate")
    assert found["is_direct"] is False


def test_a_scheduled_one_begins_at_its_time(program: Program, draft: int):
    when = {"send_at": "2026-11-05T08:00:00Z"}
    assert program.post(f"broadcasts/{draft}/schedule", when).status_code == 200

    found = program.get(f"broadcasts/{draft}/forecast").json

    assert (found["starts_at"], found["ends_at"]) == (
        "2026-11-05T08:00:00Z",
        "2026-11-05T08:02:00Z",
    )


def test_what_has_begun_is_foretold_no_more(program: Program, runtime: Runtime):
    with runtime.transaction(program.account_id) as session:
        broadcast_id = make_broadcast(session, program.account_id, state="sending")

    problem(program.get(f"broadcasts/{broadcast_id}/forecast"), 404)


def test_nothing_is_on_its_way(program: Program):
    assert program.get("delivery").json == {"broadcasts": [], "providers": [], "replies": []}


def test_what_is_on_its_way(program: Program, runtime: Runtime):
    account_id, now = program.account_id, runtime.clock()
    with runtime.transaction(account_id) as session:
        google = providers.provider_id(session, "google")
        broadcast_id = make_broadcast(
            session, account_id, name="November", state="sending", started_at=now
        )
        make_dispatch(session, account_id, broadcast_id)
        make_recipient(session, account_id, broadcast_id, 1, seq=1, provider_id=google)
        batches.add_batches(session, account_id, broadcast_id, [Range(1, 1, google)], now)
        brakes.hold(session, Key(account_id, 0, google))
        counted = Tally()
        counted.add(account_id, 0, google, "deferred", 421, "4.7.28 slow down, id 9", now)
        counted.flush(session)

    found = program.get("delivery").json

    [one], [line], [reply] = found["broadcasts"], found["providers"], found["replies"]
    assert (one["broadcast_id"], one["name"], one["waiting"]) == (broadcast_id, "November", 1)
    assert (line["provider"], line["pool_id"], line["waiting"]) == ("google", None, 1)
    assert line["last_hour"] == {"sent": 0, "deferred": 1, "failed": 0, "per_minute": 0}
    assert (line["standing"]["kind"], line["standing"]["reason"]) == ("held", "person")
    assert (reply["code"], reply["text"], reply["count"]) == (421, "4.7.28 slow down, id …", 1)
