"""What goes wrong is told as a problem document, and never more than that."""

from __future__ import annotations

import pytest

from tests.doors.api.program import Program, places, problem

NUL = "a\0b"


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "nothing",
        '{"name": NaN}',
        r'{"name": "\ud800"}',
        "[" * 20_000 + "]" * 20_000,
        '{"a":' * 20_000 + "1" + "}" * 20_000,
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_not_json(program: Program, body):
    answer = program.post("lists", data=body, content_type="application/json")

    problem(answer, 400)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "News", "colour": "red"}, "colour"),
        ({"name": "News", "is_public": "yes"}, "is_public"),
        ({"name": NUL}, ""),
        ({NUL: "x", "name": "News"}, ""),
        ([], ""),
        ("News", ""),
        (7, ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(program: Program, body, place):
    assert place in places(program.post("lists", body))


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "not one"}, "cursor"),
        ({"cursor": "éé"}, "cursor"),
        ({"cursor": "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"}, "cursor"),
        ({"list_id": 10**30}, "list_id"),
        ({"list_id": -1}, "list_id"),
        ({"state": "gone"}, "state"),
        ({"q": NUL}, ""),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_query(program: Program, query, place):
    assert place in places(program.get("contacts", **query))


def test_another_content_type(program: Program):
    answer = program.post("lists", data="name=News", content_type="text/plain")

    problem(answer, 415)


def test_a_body_that_is_too_large(program: Program):
    answer = program.post("lists", data=b" " * 21 * 1024 * 1024, content_type="application/json")

    problem(answer, 413)


@pytest.mark.parametrize(
    "address",
    [
        "nothing",
        "lists/1000000",
        "lists/0",
        "lists/-1",
        "lists/one",
        "lists/99999999999999999999999",
        "lists/1/nothing",
    ],
)
def test_an_address_of_nothing(program: Program, address):
    problem(program.get(address), 404)


def test_a_wrong_method_says_which_are_right(program: Program):
    answer = program.call("PUT", "lists")

    problem(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_a_fault_of_ours_tells_nothing_of_itself(program: Program):
    def broken():
        raise RuntimeError("the secret is 1234")

    program.app.add_url_rule("/api/v1/broken", view_func=broken)

    answer = program.get("broken")

    problem(answer, 500)
    assert "1234" not in answer.text


def test_what_failed_is_undone(program: Program):
    answer = program.post("broadcasts", {"subject": "Hello", "list_ids": [999]})

    problem(answer, 422)
    assert program.get("broadcasts").json["data"] == []
