"""A request sent again with its idempotency key does nothing again, and gets the same answer."""

from __future__ import annotations

import pytest

from tests.doors.api.program import Program, problem

KEY = {"Idempotency-Key": "order-1042"}


def test_the_second_answer_is_the_first(program: Program):
    first = program.post("lists", {"name": "News"}, headers=KEY)
    second = program.post("lists", {"name": "News"}, headers=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json == first.json
    assert second.headers["Location"] == first.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(program.get("lists").json["data"]) == 1


def test_another_request_with_the_same_key_is_refused(program: Program):
    program.post("lists", {"name": "News"}, headers=KEY)

    problem(program.post("lists", {"name": "Offers"}, headers=KEY), 409)
    problem(program.post("contacts", {"email": "a@b.example"}, headers=KEY), 409)


def test_what_failed_may_be_tried_again(program: Program):
    problem(program.post("lists", {"name": ""}, headers=KEY), 422)

    assert program.post("lists", {"name": "News"}, headers=KEY).status_code == 201


def test_a_key_is_of_one_account(program: Program, stranger: Program):
    mine = program.post("lists", {"name": "News"}, headers=KEY).json
    theirs = stranger.post("lists", {"name": "News"}, headers=KEY).json

    assert mine["id"] != theirs["id"]


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none(program: Program, key):
    problem(program.post("lists", {"name": "News"}, headers={"Idempotency-Key": key}), 422)
