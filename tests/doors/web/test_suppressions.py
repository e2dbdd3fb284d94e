"""The suppression list by page."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from esp.accounts.models import AuditEntry
from esp.entrypoints.web import create_pages
from esp.suppression.models import Suppression
from esp.suppression.suppress import suppress
from tests.doors.web.visitor import Visitor, colleague, company


@pytest.fixture
def acme(runtime):
    account_id, user_id = company(runtime, email="ani@acme.example")
    visitor = Visitor(create_pages(runtime))
    visitor.enter(runtime, user_id)
    return account_id, visitor


def rows(runtime, account_id) -> list[Suppression]:
    with runtime.transaction(account_id) as session:
        return list(session.scalars(select(Suppression).order_by(Suppression.email)))


@pytest.mark.standard("LAW-11")
def test_many_are_added_at_once_with_reason_and_actor(runtime, acme):
    account_id, visitor = acme
    assert "Nobody is suppressed" in visitor.get("/a/acme/suppressions").text
    visitor.post(
        "/a/acme/suppressions",
        {"addresses": "B@b.example\nAda <a@a.example>; nonsense, b@b.example"},
    )
    found = rows(runtime, account_id)
    assert [one.email for one in found] == ["a@a.example", "b@b.example"]
    assert {(one.reason, one.actor, one.source) for one in found} == {
        ("manual", "ani@acme.example", "page")
    }
    page = visitor.get("/a/acme/suppressions").text
    assert "2 addresses are suppressed." in page
    assert "nonsense" in page


@pytest.mark.standard("LAW-11")
def test_lifting_is_logged_with_what_had_stopped_it(runtime, acme):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        suppress(session, account_id, "a@a.example", "bounce", evidence="550 no such user")
    (one,) = rows(runtime, account_id)
    visitor.post(f"/a/acme/suppressions/{one.id}/lift")
    assert rows(runtime, account_id) == []
    with runtime.transaction(account_id) as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "suppression.lift")
        ).one()
    assert (entry.actor, entry.subject) == ("ani@acme.example", "a@a.example")
    assert entry.detail["reason"] == "bounce"
    assert entry.detail["evidence"] == "550 no such user"


def test_an_editor_adds_but_does_not_lift(runtime, acme):
    account_id, _ = acme
    with runtime.transaction(account_id) as session:
        suppress(session, account_id, "a@a.example", "complaint")
    (one,) = rows(runtime, account_id)
    editor = Visitor(create_pages(runtime))
    editor.enter(runtime, colleague(runtime, account_id, "editor"))
    assert editor.post("/a/acme/suppressions", {"addresses": "b@b.example"}).status_code == 303
    assert editor.post(f"/a/acme/suppressions/{one.id}/lift").status_code == 403
    assert len(rows(runtime, account_id)) == 2


def test_nothing_typed_is_said_in_the_open_dialog(acme):
    _, visitor = acme
    answer = visitor.post("/a/acme/suppressions", {"addresses": " \n"})
    assert answer.status_code == 422
    assert "Write at least one address." in answer.text
    assert "data-open-now" in answer.text


def test_search_reason_and_download(runtime, acme):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        suppress(session, account_id, "citra@a.example", "bounce", evidence="=cmd()")
        suppress(session, account_id, "budi@b.example", "complaint")
    part = visitor.get("/a/acme/suppressions?q=citra", headers={"HX-Request": "true"}).text
    assert "citra@a.example" in part
    assert "budi@" not in part
    assert "citra@" not in visitor.get("/a/acme/suppressions?reason=complaint").text
    lines = visitor.get("/a/acme/suppressions/download").data.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Address,Reason")
    assert "'=cmd()" in lines[1]
    assert len(lines) == 3


def test_another_accounts_suppression_is_not_there(runtime, acme):
    _, visitor = acme
    other, _ = company(runtime, "other")
    with runtime.transaction(other) as session:
        suppress(session, other, "a@a.example", "manual")
    (one,) = rows(runtime, other)
    assert visitor.post(f"/a/acme/suppressions/{one.id}/lift").status_code == 404
    assert "a@a.example" not in visitor.get("/a/acme/suppressions").text
