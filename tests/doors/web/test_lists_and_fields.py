"""Lists and fields by page."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from esp.accounts.models import AuditEntry
from esp.contacts import fields
from esp.contacts.models import Contact, Field, List, Subscription
from esp.entrypoints.web import create_pages
from tests.doors.web.visitor import Visitor, company
from tests.factories import make_contact, make_list, subscribe


@pytest.fixture
def acme(runtime):
    account_id, user_id = company(runtime)
    visitor = Visitor(create_pages(runtime))
    visitor.enter(runtime, user_id)
    return account_id, visitor


def test_a_list_is_made_renamed_archived_and_restored(runtime, acme):
    account_id, visitor = acme
    assert "No lists yet" in visitor.get("/a/acme/lists").text
    answer = visitor.post("/a/acme/lists/new", {"name": "News", "is_public": "y"})
    list_id = int(answer.location.rsplit("/", 1)[1])
    page = visitor.get(f"/a/acme/lists/{list_id}").text
    assert "/subscribe/" in page
    visitor.post(f"/a/acme/lists/{list_id}", {"name": "Weekly", "consent_text": "Yes, weekly."})
    visitor.post(f"/a/acme/lists/{list_id}/archive")
    assert "Weekly" in visitor.get("/a/acme/lists?archived=1").text
    visitor.post(f"/a/acme/lists/{list_id}/restore")
    with runtime.transaction(account_id) as session:
        one = session.scalars(select(List)).one()
    assert (one.name, one.consent_text, one.is_public, one.archived_at) == (
        "Weekly",
        "Yes, weekly.",
        False,
        None,
    )


def test_a_list_needs_a_name(acme):
    _, visitor = acme
    answer = visitor.post("/a/acme/lists/new", {"name": " ", "description": "kept"})
    assert answer.status_code == 422
    assert "Give it a name." in answer.text
    assert "kept" in answer.text


# What a person is on the source and on the target, and then on the target.
MERGED = [
    ("subscribed", None, "subscribed"),
    ("pending", None, "pending"),
    ("unsubscribed", None, "unsubscribed"),
    ("subscribed", "pending", "subscribed"),
    ("subscribed", "unsubscribed", "unsubscribed"),
    ("unsubscribed", "subscribed", "subscribed"),
    ("pending", "subscribed", "subscribed"),
    ("unsubscribed", "unsubscribed", "unsubscribed"),
    (None, "subscribed", "subscribed"),
]


def test_merging_keeps_the_better_state_and_brings_nobody_back(runtime, acme):
    account_id, visitor = acme
    people = {}
    with runtime.transaction(account_id) as session:
        source, target = make_list(session, account_id), make_list(session, account_id)
        for before, there, after in MERGED:
            person = make_contact(session, account_id)
            people[person] = after
            for list_id, state in ((source, before), (target, there)):
                if state:
                    subscribe(session, account_id, list_id, person, state)
    visitor.post(f"/a/acme/lists/{source}/merge", {"target": str(target)})
    with runtime.transaction(account_id) as session:
        rows = session.execute(
            select(Subscription.contact_id, Subscription.state).where(
                Subscription.list_id == target
            )
        )
        assert dict(rows.all()) == people
        old = session.scalars(select(List).where(List.id == source)).one()
    assert old.merged_into_id == target
    assert old.archived_at is not None
    answer = visitor.post(f"/a/acme/lists/{source}/delete", {"name": old.name})
    assert answer.status_code in (303, 409)
    with runtime.transaction(account_id) as session:
        assert len(session.scalars(select(List)).all()) == 2


def test_deleting_a_list_needs_its_name_and_keeps_the_people(runtime, acme):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        list_id = make_list(session, account_id, name="News")
        subscribe(session, account_id, list_id, make_contact(session, account_id))
    visitor.post(f"/a/acme/lists/{list_id}/delete", {"name": "news"})
    with runtime.transaction(account_id) as session:
        assert len(session.scalars(select(List)).all()) == 1
    visitor.post(f"/a/acme/lists/{list_id}/delete", {"name": "News"})
    with runtime.transaction(account_id) as session:
        assert session.scalars(select(List)).all() == []
        assert session.scalars(select(Subscription)).all() == []
        assert len(session.scalars(select(Contact)).all()) == 1
        assert "list.delete" in session.scalars(select(AuditEntry.action)).all()


def test_fields_are_added_changed_and_deleted_with_their_values(runtime, acme):
    account_id, visitor = acme
    assert "No fields of your own yet" in visitor.get("/a/acme/fields").text
    form = {"label": "Colour", "type": "choice", "choices": "red\nblue"}
    assert visitor.post("/a/acme/fields", form).status_code == 303
    with runtime.transaction(account_id) as session:
        field = session.scalars(select(Field)).one()
        make_contact(session, account_id, fields={"colour": "red", "other": 1})
    assert (field.key, field.choices) == ("colour", ["red", "blue"])
    visitor.post(f"/a/acme/fields/{field.id}", {"label": "Farbe", "choices": "red\ngreen"})
    page = visitor.get("/a/acme/fields").text
    assert "Farbe" in page
    assert "{{ contact.fields.colour }}" in page
    visitor.post(f"/a/acme/fields/{field.id}/delete")
    with runtime.transaction(account_id) as session:
        assert session.scalars(select(Contact.fields)).all() == [{"other": 1}]
        assert fields.all_fields(session, account_id) == []


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"label": "", "type": "text"}, "Give it a name."),
        ({"label": "Size", "type": "choice", "choices": ""}, "Write the choices"),
        ({"label": "Taken", "type": "text"}, "There is a field with this key already"),
        ({"label": "你好", "type": "text"}, "Begin with a letter"),
        ({"label": "Size", "type": "matrix"}, "no such type"),
    ],
)
def test_wrong_fields_are_said(runtime, acme, form, said):
    account_id, visitor = acme
    with runtime.transaction(account_id) as session:
        fields.add(session, account_id, "Taken")
    answer = visitor.post("/a/acme/fields", form)
    assert answer.status_code == 422
    assert said in answer.text
