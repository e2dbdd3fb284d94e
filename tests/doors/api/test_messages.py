"""Templates and broadcasts over the API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from esp.delivery.models import Notice
from esp.entrypoints.tasks import broadcasts as task
from esp.runtime import Runtime
from tests.doors.api.program import Program, in_account, places, problem

BODY = (
    "<p>Hello {{ contact.first_name }}</p><p>{{ account.postal_address }}"
    " <a href='{{ unsubscribe_url }}'>Unsubscribe</a></p>"
)


@pytest.fixture
def news(program: Program) -> int:
    made = program.made("lists", {"name": "News"})["id"]
    for name in ("ayu", "budi", "citra"):
        program.made("contacts", {"email": f"{name}@customers.example", "list_ids": [made]})
    return made


def draft(program: Program, news: int, **more) -> dict:
    return program.made(
        "broadcasts", {"subject": "Hello", "html": BODY, "list_ids": [news], **more}
    )


def test_a_template_from_beginning_to_end(program: Program):
    made = program.made("templates", {"name": "Monthly", "subject": "News", "mjml": "<mjml/>"})
    assert (made["kind"], made["body"], made["version"]) == ("mjml", "<mjml/>", 1)
    assert "body" not in program.get("templates").json["data"][0]

    changed = program.patch(f"templates/{made['id']}", {"html": "<p>Hi</p>", "version": 1}).json
    assert (changed["kind"], changed["body"], changed["name"]) == ("html", "<p>Hi</p>", "Monthly")
    problem(program.patch(f"templates/{made['id']}", {"subject": "x", "version": 1}), 409)

    assert program.patch(f"templates/{made['id']}", {"archived": True}).json["archived_at"]
    assert program.get("templates").json["data"] == []
    problem(program.patch(f"templates/{made['id']}", {"subject": "x"}), 409)

    assert program.delete(f"templates/{made['id']}").status_code == 204
    problem(program.get(f"templates/{made['id']}"), 404)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"html": "<p>Hi</p>"}, ("html", "<p>Hi</p>", None)),
        ({"html": "<p>Hi</p>", "text": "Hi"}, ("html", "<p>Hi</p>", "Hi")),
        ({"mjml": "<mjml/>"}, ("mjml", "<mjml/>", None)),
        ({"text": "Hi"}, ("text", "Hi", None)),
        ({"kind": "text", "body": "Hi"}, ("text", "Hi", None)),
        ({"kind": "mjml", "body": "<mjml/>"}, ("mjml", "<mjml/>", None)),
        ({"body": "<p>Hi</p>"}, ("html", "<p>Hi</p>", None)),
        ({}, ("html", "", None)),
    ],
)
def test_a_message_is_given_in_one_of_its_forms(program: Program, body, kept):
    made = program.made("broadcasts", body)

    assert (made["kind"], made["body"], made["text"]) == kept


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"html": "a", "mjml": "b"}, ""),
        ({"html": "a", "kind": "text"}, ""),
        ({"kind": "pdf", "body": "a"}, "kind"),
        ({"list_ids": [999]}, "lists"),
        ({"template_id": 999}, "template_id"),
        ({"transport_id": 999}, "transport_id"),
        ({"rate_per_minute": 0}, "rate_per_minute"),
        ({"subject": None}, "subject"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_a_draft_that_is_refused(program: Program, body, place):
    assert place in places(program.post("broadcasts", body))


def test_a_draft_is_changed(program: Program, news: int):
    made = draft(program, news)
    assert (made["state"], made["from_address"]) == ("draft", "news@acme.example")

    changed = program.patch(
        f"broadcasts/{made['id']}",
        {"preheader": "Read this", "footer": True, "exclude_list_ids": [news], "list_ids": []},
    ).json

    assert (changed["subject"], changed["preheader"]) == ("Hello", "Read this")
    assert changed["footer"] is True
    assert (changed["list_ids"], changed["exclude_list_ids"]) == ([], [news])
    problem(program.patch(f"broadcasts/{made['id']}", {"subject": "x", "version": 1}), 409)
    assert program.delete(f"broadcasts/{made['id']}").status_code == 204
    problem(program.get(f"broadcasts/{made['id']}"), 404)


def test_a_draft_starts_from_a_template(program: Program):
    template = program.made("templates", {"name": "Monthly", "subject": "News", "html": BODY})

    made = program.made("broadcasts", {"template_id": template["id"], "text": "Hello"})

    assert (made["subject"], made["body"], made["text"]) == ("News", BODY, "Hello")


def test_all_that_keeps_it_from_being_sent_is_told(program: Program):
    made = program.made("broadcasts", {"html": "<p>Hello</p>"})

    told = problem(program.post(f"broadcasts/{made['id']}/schedule"), 409)

    assert {"no-subject", "no-list", "missing-footer"} <= {e["place"] for e in told["errors"]}


def test_it_is_scheduled_for_later_and_called_back(program: Program, news: int):
    made = draft(program, news)
    where = f"broadcasts/{made['id']}"

    scheduled = program.post(f"{where}/schedule", {"send_at": "2026-12-24T08:00:00+07:00"}).json

    assert (scheduled["state"], scheduled["send_at"]) == ("scheduled", "2026-12-24T01:00:00Z")
    problem(program.post(f"{where}/schedule"), 409)
    problem(program.patch(where, {"subject": "x"}), 409)
    problem(program.delete(where), 409)
    assert program.post(f"{where}/unschedule").json["state"] == "draft"


@pytest.mark.parametrize(
    "moment",
    [
        "2026-12-24T08:00:00",
        "tomorrow",
        1790000000,
        "2020-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_a_time_that_is_none(program: Program, news: int, moment):
    made = draft(program, news)

    assert places(program.post(f"broadcasts/{made['id']}/schedule", {"send_at": moment})) == [
        "send_at"
    ]


def test_sending_at_once(program: Program, runtime: Runtime, news: int, clock):
    clock.now = datetime.now(UTC)
    made = draft(program, news)
    where = f"broadcasts/{made['id']}"
    program.made("suppressions", {"email": "budi@customers.example"})

    assert program.post(f"{where}/schedule").json["state"] == "scheduled"
    task.run(runtime, program.account_id)

    assert program.get(where).json["state"] == "sending"
    rows = program.get(f"{where}/recipients").json["data"]
    assert [(row["email"], row["state"], row["reason"]) for row in rows] == [
        ("ayu@customers.example", "queued", None),
        ("citra@customers.example", "queued", None),
        ("budi@customers.example", "skipped", "suppressed"),
    ]
    first = program.get(f"{where}/recipients", limit=1).json
    second = program.get(f"{where}/recipients", limit=2, cursor=first["next_cursor"]).json
    assert first["data"] + second["data"] == rows
    assert program.get(f"{where}/recipients", state="skipped").json["data"] == rows[2:]
    assert program.get(f"{where}/recipients", email="cit").json["data"] == rows[1:2]
    why = program.get(f"{where}/recipients/why", email="BUDI@customers.example").json
    assert (why["code"], why["verdict"], why["suppressed"]) == ("skipped", "no", "manual")
    assert why["text"]
    assert program.get(f"{where}/recipients/why", email="x@y.example").json["code"] == "unknown"

    report = program.get(f"{where}/report").json
    assert (report["recipients"], report["queued"], report["skipped"]) == (3, 2, 1)
    delivered = report["rates"][0]
    assert (delivered["name"], delivered["count"], delivered["total"]) == ("delivered", 0, 0)
    assert delivered["share"] is None
    assert delivered["of"]

    assert program.post(f"{where}/pause").json["state"] == "paused"
    assert program.post(f"{where}/resume").json["state"] == "sending"
    problem(program.post(f"{where}/retry"), 409)
    assert program.post(f"{where}/cancel").json["state"] == "cancelled"
    copy = program.post(f"{where}/duplicate")
    assert (copy.status_code, copy.json["name"]) == (201, f"Copy of {made['name']}")
    assert copy.json["list_ids"] == [news]


def test_a_test_goes_out(program: Program, runtime: Runtime, news: int):
    made = draft(program, news)

    answer = program.post(f"broadcasts/{made['id']}/test", {"to": ["Me@acme.example"]})

    assert (answer.status_code, answer.json) == (202, {"to": ["me@acme.example"]})
    with in_account(runtime, program) as session:
        assert session.query(Notice.email).one() == ("me@acme.example",)
    for wrong in ({"to": []}, {"to": ["nobody"]}, {"to": ["me@acme.example"], "contact_id": 999}):
        problem(program.post(f"broadcasts/{made['id']}/test", wrong), 422)
