"""Contacts by page: search, add, edit, lists, delete."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from esp.contacts import fields
from esp.contacts.models import Contact, Subscription
from esp.engagement.models import Event
from esp.entrypoints.web import create_pages
from esp.suppression.models import Suppression
from esp.suppression.suppress import suppress
from tests.doors.web.visitor import Visitor, colleague, company
from tests.factories import make_contact, make_list, subscribe


@pytest.fixture
def acme(runtime):
    """(account id, browser of its owner)."""
    account_id, user_id = company(runtime)
    visitor = Visitor(create_pages(runtime))
    visitor.enter(runtime, user_id)
    return account_id, visitor


def contacts(runtime, account_id) -> list[Contact]:
    with runtime.transaction(account_id) as session:
        return list(session.scalars(select(Contact).order_by(Contact.id)))


def test_an_empty_account_says_what_to_do_next(acme):
    _, visitor = acme
    page = visitor.get("/a/acme/contacts").text
    assert "No contacts yet" in page
    assert "/a/acme/imports/new" in page


def test_a_contact_is_added_with_own_fields_and_lists(runtime, acme):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        fields.add(session, account_id, "Shoe size", "number")
        fields.add(session, account_id, "Colour", "choice", ["red", "blue"])
        list_id = make_list(session, account_id)
    answer = visitor.post(
        "/a/acme/contacts/new",
        {
            "email": " ANI@Customers.example",
            "first_name": "Ani",
            "birth_date": "1990-02-03",
            "fields.shoe_size": "42",
            "fields.colour": "blue",
            "list": str(list_id),
        },
    )
    (contact,) = contacts(runtime, account_id)
    assert answer.status_code == 303
    assert answer.location == f"/a/acme/contacts/{contact.id}"
    assert (contact.email, contact.domain) == ("ani@customers.example", "customers.example")
    assert contact.fields == {"shoe_size": 42, "colour": "blue"}
    page = visitor.get(answer.location).text
    assert "Subscribed" in page
    assert 'value="1990-02-03"' in page


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": "nobody"}, "The address has no @."),
        ({"email": ""}, "Give an address or an identifier."),
        ({"email": "new@a.example", "birth_date": "soon"}, "A date cannot be read."),
        ({"email": "new@a.example", "fields.size": "large"}, "A number cannot be read."),
        ({"email": "TAKEN@a.example"}, "Another contact has this address."),
        ({"external_id": "7"}, "Another contact has this identifier."),
    ],
)
def test_mistakes_are_said_beside_what_was_typed(runtime, acme, form, said):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        fields.add(session, account_id, "Size", "number")
        make_contact(session, account_id, email="taken@a.example", external_id="7")
    answer = visitor.post("/a/acme/contacts/new", {"first_name": "Typed already", **form})
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="Typed already"' in answer.text
    assert len(contacts(runtime, account_id)) == 1


def test_searching_finds_beginnings_and_then_parts(runtime, acme):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        make_contact(session, account_id, email="ani@a.example", last_name="Lestari")
        make_contact(session, account_id, email="budi@b.example", company="PT Maju")
        make_contact(session, account_id, email="dewi@c.example", external_id="K-77")
    for words, found in {
        "ANI": "ani@",
        "lest": "ani@",
        "pt ma": "budi@",
        "b.example": "budi@",
        "K-77": "dewi@",
        "maju": "budi@",
        "%": None,
    }.items():
        part = visitor.get(
            "/a/acme/contacts", query_string={"q": words}, headers={"HX-Request": "true"}
        ).text
        assert "<html" not in part
        addresses = {one for one in ("ani@", "budi@", "dewi@") if one in part}
        assert addresses == ({found} if found else set()), words


def test_filters_by_list_and_state(runtime, acme):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        list_id = make_list(session, account_id)
        for name, state in (("here", "subscribed"), ("gone", "unsubscribed")):
            person = make_contact(session, account_id, email=f"{name}@a.example")
            subscribe(session, account_id, list_id, person, state)
        make_contact(session, account_id, email="hard@a.example")
        suppress(session, account_id, "hard@a.example", "bounce")

    def found(**query):
        page = visitor.get("/a/acme/contacts", query_string=query).text
        return {name for name in ("here", "gone", "hard") if f"{name}@a.example" in page}

    assert found(list=list_id) == {"here", "gone"}
    assert found(list=list_id, state="unsubscribed") == {"gone"}
    assert found(state="subscribed") == {"here"}
    assert found(state="suppressed") == {"hard"}
    assert found(list=list_id, q="he") == {"here"}


def test_many_contacts_come_page_by_page(runtime, acme):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        for number in range(60):
            make_contact(session, account_id, email=f"person{number:02}@a.example")
    first = visitor.get("/a/acme/contacts").text
    assert "person59@" in first
    assert "person09@" not in first
    with runtime.transaction(account_id) as session:
        last = session.scalars(select(Contact.id).order_by(Contact.id).offset(10).limit(1)).one()
    second = visitor.get(f"/a/acme/contacts?before={last}").text
    assert f"before={last}" in first
    assert "person09@" in second
    assert "person10@" not in second


@pytest.mark.standard("LAW-06")
def test_a_colleague_cannot_bring_back_who_left(runtime, acme):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        list_id = make_list(session, account_id)
        person = make_contact(session, account_id)
        subscribe(session, account_id, list_id, person)
    visitor.post(f"/a/acme/contacts/{person}/unsubscribe", {"list": str(list_id)})
    visitor.post(f"/a/acme/contacts/{person}/lists", {"list": str(list_id)})
    with runtime.transaction(account_id) as session:
        assert session.scalars(select(Subscription.state)).all() == ["unsubscribed"]
        assert session.scalars(select(Event.kind)).all() == ["unsubscribed"]
    page = visitor.get(f"/a/acme/contacts/{person}").text
    assert "only this person can come back" in page
    assert "/subscribe/" in page


def test_nobody_is_told_of_leaving_a_list_that_they_were_not_on(runtime, acme):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        list_id = make_list(session, account_id)
        person = make_contact(session, account_id)
    unknown = visitor.post(f"/a/acme/contacts/{person}/unsubscribe", {"list": "999"})
    assert unknown.status_code == 404
    assert "There is no such list." in unknown.text
    visitor.post(f"/a/acme/contacts/{person}/unsubscribe", {"list": str(list_id)})
    assert "was not on the list" in visitor.get(f"/a/acme/contacts/{person}").text


def test_never_again_suppresses_and_deleting_who_left_does_too(runtime, acme):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        list_id = make_list(session, account_id)
        first = make_contact(session, account_id, email="first@a.example")
        second = make_contact(session, account_id, email="second@a.example")
        third = make_contact(session, account_id, email="third@a.example")
        subscribe(session, account_id, list_id, first)
        subscribe(session, account_id, list_id, second, "unsubscribed")
        subscribe(session, account_id, list_id, third)
    visitor.post(f"/a/acme/contacts/{first}/unsubscribe")
    visitor.post(f"/a/acme/contacts/{second}/delete")
    visitor.post(f"/a/acme/contacts/{third}/delete")
    with runtime.transaction(account_id) as session:
        rows = session.execute(select(Suppression.email, Suppression.reason)).all()
    assert sorted(tuple(row) for row in rows) == [
        ("first@a.example", "unsubscribe"),
        ("second@a.example", "unsubscribe"),
    ]
    assert [contact.id for contact in contacts(runtime, account_id)] == [first]


def test_a_viewer_looks_and_changes_nothing(runtime, acme):
    account_id, _ = acme
    with runtime.transaction(account_id) as session:
        person = make_contact(session, account_id)
    viewer = Visitor(create_pages(runtime))
    viewer.enter(runtime, colleague(runtime, account_id, "viewer"))
    assert viewer.get(f"/a/acme/contacts/{person}").status_code == 200
    assert viewer.post(f"/a/acme/contacts/{person}/delete").status_code == 403
    assert viewer.post(f"/a/acme/contacts/{person}", {"email": "x@a.example"}).status_code == 403


def test_another_accounts_contact_is_not_there(runtime, acme):
    _, visitor = acme
    other, _ = company(runtime, "other")
    with runtime.transaction(other) as session:
        person = make_contact(session, other)
        list_id = make_list(session, other)
    assert visitor.get(f"/a/acme/contacts/{person}").status_code == 404
    for path in ("", "/delete", "/unsubscribe"):
        assert visitor.post(f"/a/acme/contacts/{person}{path}").status_code == 404
    answer = visitor.post(f"/a/acme/contacts/{person}/lists", {"list": str(list_id)})
    assert answer.status_code == 404
    assert visitor.get(f"/a/acme/lists/{list_id}").status_code == 404


def test_without_a_token_nothing_happens(runtime, acme):
    account_id, visitor = acme
    answer = visitor.client.post(
        "/a/acme/contacts/new", data={"email": "x@a.example"}, base_url="http://localhost"
    )
    assert answer.status_code == 400
    assert contacts(runtime, account_id) == []
