"""A contact file by page: upload, columns, start, progress, result, rejected lines."""

from __future__ import annotations

import io
import re

import pytest
from sqlalchemy import select

from esp.contacts import imports
from esp.contacts.models import Contact, Import, List, Subscription
from esp.entrypoints.tasks import imports as task
from esp.entrypoints.web import create_pages
from esp.files import store
from tests.doors.web.visitor import Visitor, colleague, company
from tests.factories import make_list

FILE = "Email;Vorname;Größe;Status\nani@a.example;Änni;42;active\nwrong;Budi;43;active\n"


@pytest.fixture
def acme(runtime):
    account_id, user_id = company(runtime)
    visitor = Visitor(create_pages(runtime))
    visitor.enter(runtime, user_id)
    return account_id, visitor


def uploaded(visitor, data: bytes = FILE.encode("cp1252"), name: str = "people.csv") -> str:
    """Path of the import's page."""
    answer = visitor.post("/a/acme/imports/new", {"file": (io.BytesIO(data), name)})
    assert answer.status_code == 303, answer.text
    return answer.location.partition("?")[0]


def chosen(page: str) -> dict[str, str]:
    """What the selects of the mapping's form say."""
    found = {}
    for name, inner in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        options = re.findall(r'<option value="([^"]*)"( selected)?', inner)
        picked = [value for value, selected in options if selected]
        found[name] = picked[0] if picked else options[0][0]
    return found


def the_import(runtime, account_id) -> Import:
    with runtime.transaction(account_id) as session:
        return session.scalars(select(Import)).one()


def test_the_whole_way_of_a_file(runtime, acme):
    account_id, visitor = acme
    assert "No imports yet" in visitor.get("/a/acme/imports").text
    path = uploaded(visitor)

    page = visitor.get(path).text
    form = chosen(page)
    assert (form["encoding"], form["delimiter"]) == ("cp1252", ";")
    assert form["column-0"] == "email"
    assert form["column-1"] == "first_name"
    assert form["column-2"] == "new:grosse:number"
    assert form["column-3"] == "status"
    assert "Änni" in page
    assert "The address has no @." in page

    form |= {"list": "new", "new_list": "Newcomers", "update": "1", "source": "shop"}
    assert visitor.post(f"{path}/start", form).status_code == 303
    assert 'hx-trigger="every 1s"' in visitor.get(path).text
    task.run(runtime, account_id)

    polled = visitor.get(f"{path}/progress", headers={"HX-Request": "true"})
    assert polled.headers["HX-Refresh"] == "true"
    result = visitor.get(path).text
    assert "Finished" in result
    assert "Newcomers" in result
    with runtime.transaction(account_id) as session:
        ani = session.scalars(select(Contact)).one()
        assert (ani.first_name, ani.fields) == ("Änni", {"grosse": 42})
        assert session.scalars(select(Subscription.state)).all() == ["subscribed"]
        assert session.scalars(select(List.name)).all() == ["Newcomers"]
    lines = visitor.get(f"{path}/rejected").data.decode("utf-8-sig").splitlines()
    assert lines == [
        "Row,Reason,Email,Vorname,Größe,Status",
        "3,The address has no @.,wrong,Budi,43,active",
    ]
    assert "people.csv" in visitor.get("/a/acme/imports").text


def test_the_preview_follows_the_choices(acme):
    _, visitor = acme
    path = uploaded(visitor)
    form = chosen(visitor.get(path).text)
    headers = {"HX-Request": "true"}
    part = visitor.post(f"{path}/preview", form | {"column-1": "city"}, headers=headers).text
    assert "City" in part
    assert "First name" not in part
    part = visitor.post(f"{path}/preview", form | {"column-0": "ignore"}, headers=headers).text
    assert "Say which column holds the address" in part


def test_another_reading_than_the_guess(acme):
    _, visitor = acme
    path = uploaded(visitor, "Email,Name\nani@a.example,Änni\n".encode())
    answer = visitor.post(f"{path}/reading", {"encoding": "cp1252", "delimiter": ","})
    page = visitor.get(answer.location).text
    assert "Ã„nni" in page
    assert chosen(page)["column-0"] == "email"
    answer = visitor.post(f"{path}/reading", {"encoding": "punycode", "delimiter": ","})
    assert "There is no such encoding." in answer.text


def test_a_mistake_keeps_the_form(runtime, acme):
    account_id, visitor = acme
    path = uploaded(visitor)
    form = chosen(visitor.get(path).text) | {"column-2": "city", "list": "new", "new_list": ""}
    answer = visitor.post(f"{path}/start", form)
    assert answer.status_code == 422
    assert "Give the new list a name." in answer.text
    assert chosen(answer.text)["column-2"] == "city"
    assert the_import(runtime, account_id).state == "mapping"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The file is empty."),
        (b"%PDF-1.7", "This is not a CSV or XLSX file."),
        (b"PK\x03\x04broken", "not an XLSX file that can be read"),
    ],
    ids=["empty", "pdf", "broken"],
)
def test_files_that_are_none_are_refused(acme, data, said):
    _, visitor = acme
    answer = visitor.post("/a/acme/imports/new", {"file": (io.BytesIO(data), "people.csv")})
    assert answer.status_code == 422
    assert said in answer.text


def test_nothing_chosen_is_said(acme):
    _, visitor = acme
    assert "Choose a file." in visitor.post("/a/acme/imports/new", {}).text


def test_cancelled_before_it_began(runtime, acme):
    account_id, visitor = acme
    path = uploaded(visitor)
    visitor.post(f"{path}/cancel")
    assert the_import(runtime, account_id).state == "cancelled"
    assert "cancelled" in visitor.get(path).text
    assert visitor.post(f"{path}/start", {"column-0": "email"}).status_code in (303, 409)
    assert the_import(runtime, account_id).state == "cancelled"


def test_a_file_that_breaks_later_fails_and_says_where(runtime, acme):
    account_id, visitor = acme
    data = b"email\n" + b"ani@a.example\n" * 300_000 + b"x" * 1_100_000
    with runtime.transaction(account_id) as session:
        file = store.keep(
            session, account_id, "contacts", "a.csv", "", io.BytesIO(data), limit=10**7
        )
        path = f"/a/acme/imports/{imports.create(session, account_id, file, 'ani').id}"
    visitor.post(f"{path}/start", chosen(visitor.get(path).text) | {"list": ""})
    task.run(runtime, account_id)
    assert the_import(runtime, account_id).state == "failed"
    page = visitor.get(path).text
    assert "A line is longer than one megabyte" in page
    assert f"{path}/again" in page


def test_a_viewer_sees_and_does_not_import(runtime, acme):
    account_id, visitor = acme
    path = uploaded(visitor)
    viewer = Visitor(create_pages(runtime))
    viewer.enter(runtime, colleague(runtime, account_id, "viewer"))
    assert viewer.get(path).status_code == 200
    assert viewer.get("/a/acme/imports/new").status_code == 403
    assert viewer.post(f"{path}/start").status_code == 403


def test_another_accounts_import_and_list_are_not_there(runtime, acme):
    account_id, visitor = acme
    path = uploaded(visitor)
    other, user_id = company(runtime, "other")
    with runtime.transaction(other) as session:
        list_id = make_list(session, other)
    form = chosen(visitor.get(path).text) | {"list": str(list_id)}
    assert visitor.post(f"{path}/start", form).status_code == 404
    stranger = Visitor(create_pages(runtime))
    stranger.enter(runtime, user_id)
    import_id = the_import(runtime, account_id).id
    for part in ("", "/progress", "/rejected"):
        assert stranger.get(f"/a/other/imports/{import_id}{part}").status_code == 404
    for part in ("/reading", "/preview", "/start", "/again", "/cancel"):
        assert stranger.post(f"/a/other/imports/{import_id}{part}").status_code == 404
