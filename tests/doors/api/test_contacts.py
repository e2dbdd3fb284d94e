"""Lists, contacts, fields and suppressions over the API."""

from __future__ import annotations

import pytest

from tests.doors.api.program import Program, places, problem


def test_a_list_from_beginning_to_end(program: Program):
    answer = program.post("lists", {"name": " News ", "consent_text": "I want it."})
    made = answer.json

    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/lists/{made['id']}"
    assert made["name"] == "News"
    assert made["contacts"] == {"subscribed": 0, "pending": 0, "unsubscribed": 0}
    assert made["sign_up_url"].startswith("http://127.0.0.1:8000/subscribe/")
    assert made["created_at"].endswith("Z")

    changed = program.patch(f"lists/{made['id']}", {"description": "Once a month"}).json
    assert (changed["name"], changed["consent_text"]) == ("News", "I want it.")
    assert changed["description"] == "Once a month"

    away = program.patch(f"lists/{made['id']}", {"archived": True}).json
    assert away["archived_at"]
    assert program.get("lists").json["data"] == []
    assert [row["id"] for row in program.get("lists", archived="true").json["data"]] == [made["id"]]
    assert program.patch(f"lists/{made['id']}", {"archived": False}).json["archived_at"] is None

    assert program.delete(f"lists/{made['id']}").status_code == 204
    problem(program.get(f"lists/{made['id']}"), 404)


def test_a_contact_is_made_once_and_changed_after_that(program: Program):
    body = {"email": "Ayu@Customers.Example", "external_id": "C-1", "first_name": "Ayu"}
    first = program.post("contacts", body)
    second = program.post("contacts", {"email": "ayu@customers.example", "last_name": "Lestari"})
    third = program.post("contacts", {"external_id": "C-1", "birth_date": "1990-04-30"})

    assert [answer.status_code for answer in (first, second, third)] == [201, 200, 200]
    assert first.json["id"] == second.json["id"] == third.json["id"]
    kept = program.get(f"contacts/{first.json['id']}").json
    assert kept["email"] == "ayu@customers.example"
    assert (kept["first_name"], kept["last_name"]) == ("Ayu", "Lestari")
    assert kept["birth_date"] == "1990-04-30"


def test_a_contact_with_its_lists_and_fields(program: Program):
    news, offers = (program.made("lists", {"name": name})["id"] for name in ("News", "Offers"))
    program.made("fields", {"label": "Shoe size", "type": "number"})
    made = program.made(
        "contacts",
        {
            "email": "ayu@customers.example",
            "fields": {"shoe_size": 39},
            "lists": [{"list_id": news}],
            "list_ids": [offers],
        },
    )

    assert made["fields"] == {"shoe_size": 39}
    assert [(s["list_id"], s["state"]) for s in made["subscriptions"]] == [
        (news, "subscribed"),
        (offers, "subscribed"),
    ]
    changed = program.patch(
        f"contacts/{made['id']}",
        {"fields": {"shoe_size": None}, "lists": [{"list_id": news, "state": "unsubscribed"}]},
    ).json
    assert changed["fields"] == {}
    assert [s["state"] for s in changed["subscriptions"]] == ["unsubscribed", "subscribed"]
    assert program.get(f"lists/{news}").json["contacts"]["unsubscribed"] == 1


@pytest.mark.standard("LAW-06")
def test_a_program_brings_nobody_back(program: Program):
    news = program.made("lists", {"name": "News"})["id"]
    body = {"email": "ayu@customers.example", "list_ids": [news]}
    made = program.made("contacts", body)
    left = program.post(f"contacts/{made['id']}/unsubscribe", {"list_ids": [news]})
    assert left.json["subscriptions"][0]["state"] == "unsubscribed"
    assert left.json["suppressed"] is False

    again = program.made("contacts", body)

    assert again["subscriptions"][0]["state"] == "unsubscribed"


def test_a_list_that_is_not_there_is_a_fault_of_the_body(program: Program):
    made = program.made("contacts", {"email": "ayu@customers.example"})
    for answer in (
        program.post(f"contacts/{made['id']}/unsubscribe", {"list_ids": [999]}),
        program.patch(
            f"contacts/{made['id']}", {"lists": [{"list_id": 999, "state": "unsubscribed"}]}
        ),
    ):
        assert answer.status_code == 422, answer.json
        (error,) = answer.json["errors"]
        assert "There is no such list." in error.values()


def test_unsubscribing_from_everything_suppresses(program: Program):
    news = program.made("lists", {"name": "News"})["id"]
    made = program.made("contacts", {"email": "ayu@customers.example", "list_ids": [news]})

    left = program.post(f"contacts/{made['id']}/unsubscribe").json

    assert left["suppressed"] is True
    assert left["subscriptions"][0]["state"] == "unsubscribed"
    found = program.get("suppressions", email="AYU@customers.example").json["data"]
    assert [row["reason"] for row in found] == ["unsubscribe"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": None, "first_name": "Ayu"}, "email"),
        ({"email": "a@b.example", "birth_date": "tomorrow"}, "birth_date"),
        ({"email": "a@b.example", "time_zone": "Mars/Base"}, "time_zone"),
        ({"email": "a@b.example", "fields": {"unknown": 1}}, "fields.unknown"),
        ({"email": "a@b.example", "list_ids": [999]}, "lists"),
        ({"email": "a@b.example", "list_ids": [2**70]}, "list_ids.0"),
        ({"email": "a@b.example", "list_ids": list(range(1, 1002))}, "list_ids"),
        ({"email": "a@b.example", "lists": [{"list_id": 1, "state": "pending"}]}, "lists.0.state"),
        ({"email": "a@b.example", "first_name": "x\0"}, ""),
    ],
)
def test_a_contact_that_is_refused(program: Program, body, place):
    assert place in places(program.post("contacts", body))
    assert program.get("contacts").json["data"] == []


def test_two_contacts_never_share_an_address(program: Program):
    program.made("contacts", {"email": "one@customers.example"})
    two = program.made("contacts", {"email": "two@customers.example"})

    answer = program.patch(f"contacts/{two['id']}", {"email": "one@customers.example"})

    assert problem(answer, 409)["errors"][0]["place"] == "email"


def test_contacts_are_found(program: Program):
    news = program.made("lists", {"name": "News"})["id"]
    ayu = program.made(
        "contacts",
        {"email": "ayu@customers.example", "external_id": "7", "list_ids": [news]},
    )["id"]
    budi = program.made("contacts", {"email": "budi@customers.example", "last_name": "Santoso"})[
        "id"
    ]

    def found(**query):
        return [row["id"] for row in program.get("contacts", **query).json["data"]]

    assert found() == [budi, ayu]
    assert found(email="AYU@customers.example") == [ayu]
    assert found(external_id="7") == [ayu]
    assert found(list_id=news) == [ayu]
    assert found(list_id=news, state="unsubscribed") == []
    assert found(email="ayu@customers.example", list_id=news, state="subscribed") == [ayu]
    assert found(email="ayu@customers.example", state="pending") == []
    assert found(state="subscribed") == [ayu]
    assert found(q="sant") == [budi]
    assert found(q="bu") == [budi]
    assert found(q="%") == []
    problem(program.get("contacts", q="b", email="b@c.example"), 422)


def test_pages_hold_everything_once(program: Program):
    made = [program.made("contacts", {"external_id": str(n)})["id"] for n in range(7)]

    seen, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = program.get("contacts", **query).json
        assert len(page["data"]) <= 3
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("address", "bodies"),
    [
        ("lists", [{"name": str(n)} for n in range(5)]),
        ("fields", [{"label": f"Field {n}"} for n in range(5)]),
        ("suppressions", [{"email": f"p{n}@customers.example"} for n in range(5)]),
        ("templates", [{"name": str(n), "html": "<p>Hello</p>"} for n in range(5)]),
        ("broadcasts", [{"name": str(n)} for n in range(5)]),
    ],
)
def test_every_collection_has_pages(program: Program, address, bodies):
    made = {program.made(address, body)["id"] for body in bodies}

    first = program.get(address, limit=3).json
    second = program.get(address, limit=3, cursor=first["next_cursor"]).json

    assert (len(first["data"]), len(second["data"])) == (3, 2)
    assert {row["id"] for row in first["data"] + second["data"]} == made
    assert second["next_cursor"] is None


def test_a_contact_is_deleted(program: Program):
    made = program.made("contacts", {"email": "ayu@customers.example"})

    assert program.delete(f"contacts/{made['id']}").status_code == 204
    problem(program.get(f"contacts/{made['id']}"), 404)


def test_a_field_from_beginning_to_end(program: Program):
    made = program.made("fields", {"label": "Colour", "type": "choice", "choices": ["red", "blue"]})
    assert (made["key"], made["choices"]) == ("colour", ["red", "blue"])
    problem(program.post("fields", {"label": "Colour"}), 409)

    changed = program.patch(f"fields/{made['id']}", {"choices": ["green"]}).json
    assert (changed["label"], changed["choices"]) == ("Colour", ["green"])

    assert program.delete(f"fields/{made['id']}").status_code == 204
    problem(program.get(f"fields/{made['id']}"), 404)


def test_an_address_is_suppressed_and_lifted(program: Program):
    body = {"email": "Ayu@customers.example", "evidence": "asked on the phone"}
    first, second = program.post("suppressions", body), program.post("suppressions", body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert first.json["reason"] == "manual"
    assert first.json["actor"] == "api:shop"
    assert places(program.post("suppressions", {"email": "nobody"})) == ["email"]

    where = f"suppressions/{first.json['id']}"
    assert program.get(where).json["evidence"] == "asked on the phone"
    assert program.delete(where).status_code == 204
    problem(program.get(where), 404)
    problem(program.delete(where), 404)
