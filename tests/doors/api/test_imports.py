"""Contact files over the API."""

from __future__ import annotations

import io
import json

import pytest

from esp.entrypoints.tasks import imports as task
from esp.runtime import Runtime
from tests.doors.api.program import Program, places, problem

FILE = b"E-mail,Given name\nayu@customers.example,Ayu\nnobody,Budi\n"


def send(program: Program, file: bytes | None = FILE, headers=None, **form):
    if file is not None:
        form["file"] = (io.BytesIO(file), "customers.csv")
    kind = "multipart/form-data"
    return program.post("imports", data=form, content_type=kind, headers=headers or {})


def test_a_file_comes_in(program: Program, runtime: Runtime):
    news = program.made("lists", {"name": "News"})["id"]
    mapping = {"columns": {"E-mail": "email", "Given name": "first_name"}}

    answer = send(program, list_id=news, mapping=json.dumps(mapping), update_existing="false")

    assert answer.status_code == 202
    where = answer.headers["Location"]
    assert (answer.json["state"], answer.json["size"]) == ("waiting", len(FILE))
    assert answer.json["mapping"]["columns"] == ["email", "first_name"]
    task.run(runtime, program.account_id)
    done = program.get(where).json
    assert (done["state"], done["created"], done["subscribed"], done["rejected"]) == (
        "finished",
        1,
        1,
        1,
    )
    contact = program.get("contacts", email="ayu@customers.example").json["data"][0]
    assert contact["first_name"] == "Ayu"
    assert contact["subscriptions"][0]["list_id"] == news
    refused = program.get(f"{where}/rejections")
    assert refused.mimetype == "text/csv"
    lines = refused.data.decode("utf-8-sig").splitlines()
    assert lines[0] == "Row,Reason,E-mail,Given name"
    assert lines[1].startswith("3,")
    assert [row["id"] for row in program.get("imports").json["data"]] == [done["id"]]
    problem(program.post(f"{where}/cancel"), 409)


def test_the_columns_are_guessed(program: Program, runtime: Runtime):
    answer = send(program)

    assert answer.json["mapping"]["columns"] == ["email", "first_name"]
    assert program.post(f"imports/{answer.json['id']}/cancel").json["state"] == "cancelled"


def test_a_file_sent_twice_with_one_key_comes_in_once(program: Program):
    key = {"Idempotency-Key": "customers-of-november"}

    first, second = send(program, headers=key), send(program, headers=key)

    assert first.json["id"] == second.json["id"]
    assert second.headers["Location"] == first.headers["Location"]
    problem(send(program, FILE + b"x@y.example,X\n", headers=key), 409)


@pytest.mark.parametrize(
    ("file", "form", "place"),
    [
        (None, {}, "file"),
        (b"", {}, "file"),
        (b"%PDF-1.7", {}, "file"),
        (FILE, {"mapping": "{"}, "mapping"),
        (FILE, {"mapping": "[]"}, "mapping"),
        (FILE, {"mapping": '{"columns": {"Nothing": "email"}}'}, "mapping"),
        (FILE, {"mapping": '{"columns": ["email", "email"]}'}, "mapping"),
        (FILE, {"mapping": '{"columns": ["field:unknown", "email"]}'}, "mapping"),
        (FILE, {"list_id": "999"}, "list_id"),
        (FILE, {"list_id": "News"}, "list_id"),
        (FILE, {"update_existing": "perhaps"}, "update_existing"),
        (FILE, {"colour": "red"}, "colour"),
        (FILE, {"source": "a\0b"}, ""),
    ],
)
def test_a_file_that_is_refused(program: Program, file, form, place):
    assert place in places(send(program, file, **form))
    assert program.get("imports").json["data"] == []


def test_columns_that_nobody_can_guess(program: Program):
    problem(send(program, b"a,b\n1,2\n"), 422)


def test_a_file_is_sent_as_multipart(program: Program):
    problem(program.post("imports", {"file": "a@b.example"}), 415)
