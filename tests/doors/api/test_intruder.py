"""A key of another account gets 404 for every id of the first: each address with an id is tried."""

from __future__ import annotations

import io
import re

import pytest

from esp.runtime import Runtime
from tests.doors.api.program import Program, problem

# What a program would send there; without an entry, an empty body.
BODIES = {
    "lists": {"name": "Mine now"},
    "contacts": {"first_name": "Mine"},
    "fields": {"label": "Mine"},
    "templates": {"subject": "Mine"},
    "broadcasts": {"subject": "Mine"},
    "test": {"to": ["me@acme.example"]},
}
BODY = "<p>Hello {{ account.postal_address }} <a href='{{ unsubscribe_url }}'>Leave</a></p>"


@pytest.fixture
def objects(program: Program) -> dict[str, int]:
    """One of each thing that an address may name, by the name of its parameter."""
    news = program.made("lists", {"name": "News"})["id"]
    contact = {"email": "ayu@customers.example", "list_ids": [news]}
    file = (io.BytesIO(b"email\na@b.example\n"), "customers.csv")
    imported = program.post("imports", data={"file": file}, content_type="multipart/form-data")
    broadcast = {"subject": "Hello", "html": BODY, "list_ids": [news]}
    return {
        "list_id": news,
        "contact_id": program.made("contacts", contact)["id"],
        "field_id": program.made("fields", {"label": "Shoe size"})["id"],
        "suppression_id": program.made("suppressions", {"email": "x@customers.example"})["id"],
        "template_id": program.made("templates", {"name": "Monthly", "html": BODY})["id"],
        "broadcast_id": program.made("broadcasts", broadcast)["id"],
        "import_id": imported.json["id"],
        "domain_id": program.made("domains", {"name": "acme.example"})["id"],
    }


def test_no_address_opens_what_is_anothers(
    program: Program, stranger: Program, objects: dict[str, int], runtime: Runtime
):
    let_in, tried = [], set()
    for rule in program.app.url_map.iter_rules():
        if not rule.arguments:
            continue
        # A KeyError here: give `objects` one of the new kind.
        path = re.sub(r"<id:(\w+)>", lambda found: str(objects[found[1]]), rule.rule)
        assert "<" not in path, rule.rule
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            last = path.rpartition("/")[2]
            body = BODIES.get(last, BODIES.get(path.split("/")[3], {}) if last.isdigit() else {})
            query = {"email": "ayu@customers.example"} if last == "why" else {}
            answer = stranger.call(
                method, path, None if method == "GET" else body, query_string=query
            )
            tried.add((method, rule.rule))
            if answer.status_code != 404:
                let_in.append((method, path, answer.status_code, answer.text))
            else:
                problem(answer, 404)

    assert let_in == []
    assert len(tried) > 30
    for parameter, number in objects.items():
        address = f"{parameter.removesuffix('_id')}s/{number}"
        assert program.get(address).status_code == 200, address


def test_nothing_of_anothers_can_be_named_in_a_body(
    program: Program, stranger: Program, objects: dict[str, int]
):
    theirs = stranger.made("broadcasts", {"name": "Theirs"})["id"]
    person = stranger.made("contacts", {"email": "own@customers.example"})["id"]
    test = {"to": ["me@acme.example"], "contact_id": objects["contact_id"]}
    file = (io.BytesIO(b"email\na@b.example\n"), "customers.csv")
    form = {"file": file, "list_id": str(objects["list_id"])}

    for answer in (
        stranger.post("broadcasts", {"template_id": objects["template_id"]}),
        stranger.post("broadcasts", {"list_ids": [objects["list_id"]]}),
        stranger.patch(f"broadcasts/{theirs}", {"exclude_list_ids": [objects["list_id"]]}),
        stranger.post(f"broadcasts/{theirs}/test", test),
        stranger.post("contacts", {"email": "n@b.example", "list_ids": [objects["list_id"]]}),
        stranger.patch(f"contacts/{person}", {"lists": [{"list_id": objects["list_id"]}]}),
        stranger.post("imports", data=form, content_type="multipart/form-data"),
    ):
        problem(answer, 422)


def test_collections_hold_nothing_of_anothers(
    program: Program, stranger: Program, objects: dict[str, int]
):
    for name in (
        "lists",
        "contacts",
        "fields",
        "suppressions",
        "templates",
        "broadcasts",
        "domains",
    ):
        assert stranger.get(name).json == {"data": [], "next_cursor": None}
    assert stranger.get("imports").json["data"] == []
    found = stranger.get("contacts", list_id=objects["list_id"]).json
    assert found["data"] == []


def test_every_address_needs_a_key(program: Program):
    opened = []
    for rule in program.app.url_map.iter_rules():
        path = re.sub(r"<id:\w+>", "1", rule.rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            if program.client.open(path, method=method).status_code != 401:
                opened.append((method, path))

    assert sorted(opened) == [
        ("GET", "/api/"),
        ("GET", "/api/v1/docs"),
        ("GET", "/api/v1/openapi.json"),
    ]
