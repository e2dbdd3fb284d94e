"""Contacts over the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apiflask import APIBlueprint
from flask import url_for

from esp import addresses
from esp.contacts import listing, people, queries, subscriptions
from esp.contacts.models import Contact
from esp.contacts.subscriptions import Asked
from esp.entrypoints.api import cursors
from esp.entrypoints.api.frame import (
    PREFIX,
    account_id,
    caller,
    columns,
    named_in_body,
    now,
    record,
    session,
)
from esp.entrypoints.api.problems import Rejected
from esp.entrypoints.api.shapes import contacts as shapes

blueprint = APIBlueprint("contacts", __name__, url_prefix=f"{PREFIX}/contacts", tag="Contacts")


@blueprint.get("")
@blueprint.input(shapes.ContactQuery, location="query", arg_name="query")
@blueprint.output(shapes.ContactPage)
def index(query: shapes.ContactQuery) -> shapes.ContactPage:
    """Find contacts, the newest first"""
    if query.email is not None or query.external_id is not None:
        return shapes.ContactPage(data=_known(query), next_cursor=None)
    wanted = queries.Wanted(query.q or "", query.list_id, query.state or "", query.after)
    found = queries.search(session(), account_id(), wanted, query.limit)
    if found.cut and not found.contacts:
        raise Rejected(422, "There is too much to look through for `q`. Write more of the word.")
    cursor = cursors.encode(found.older) if found.older else None
    return shapes.ContactPage(data=_shown(found.contacts), next_cursor=cursor)


@blueprint.post("")
@blueprint.input(shapes.NewContact, arg_name="wanted")
@blueprint.output(shapes.Contact, status_code=201)
@blueprint.doc(responses={200: "The contact was there, and is changed"})
def create(wanted: shapes.NewContact) -> tuple[shapes.Contact, int, dict[str, str]]:
    """Add a contact, or change the one that is there

    A contact is found by its address, else by its external id. 201: it is new; 200: it was there.
    """
    contact_id, is_new = people.upsert(
        session(), account_id(), _values(wanted), source="api", asked=_asked()
    )
    _relate(contact_id, wanted)
    record("contact.create" if is_new else "contact.change", _name(wanted), id=contact_id)
    location = url_for("contacts.show", contact_id=contact_id)
    return _one(contact_id), 201 if is_new else 200, {"Location": location}


@blueprint.get("/<id:contact_id>")
@blueprint.output(shapes.Contact)
def show(contact_id: int) -> shapes.Contact:
    """One contact, with its subscriptions"""
    return _one(contact_id)


@blueprint.patch("/<id:contact_id>")
@blueprint.input(shapes.ContactChanges, arg_name="changes")
@blueprint.output(shapes.Contact)
def change(contact_id: int, changes: shapes.ContactChanges) -> shapes.Contact:
    """Change a contact"""
    people.update_contact(session(), account_id(), contact_id, _values(changes))
    _relate(contact_id, changes)
    record("contact.change", _name(changes), id=contact_id)
    return _one(contact_id)


@blueprint.delete("/<id:contact_id>")
@blueprint.output({}, status_code=204)
def remove(contact_id: int) -> tuple[str, int]:
    """Delete a contact

    Who had left a list goes on the suppression list, so that no import brings them back.
    """
    people.remove(session(), account_id(), contact_id, now(), caller().actor)
    record("contact.delete", "", id=contact_id)
    return "", 204


@blueprint.post("/<id:contact_id>/unsubscribe")
@blueprint.input(shapes.Unsubscribe, arg_name="wanted")
@blueprint.output(shapes.Contact)
def unsubscribe(contact_id: int, wanted: shapes.Unsubscribe) -> shapes.Contact:
    """Take a contact off lists

    Without `list_ids` off all of them, and the address is suppressed.
    """
    if wanted.list_ids is None:
        subscriptions.unsubscribe_everywhere(session(), account_id(), contact_id, _asked())
    else:
        with named_in_body("list_ids"):
            subscriptions.unsubscribe(
                session(), account_id(), contact_id, wanted.list_ids, _asked()
            )
    record("contact.unsubscribe", "", id=contact_id, lists=wanted.list_ids)
    return _one(contact_id)


def normal(email: str | None) -> str | None:
    """An address as it is kept; one that can't be is compared as it is."""
    if email is None:
        return None
    return addresses.check(email).normalized or email


def _asked() -> Asked:
    return Asked("api", now(), actor=caller().actor)


def _values(wanted: shapes.ContactChanges) -> dict[str, Any]:
    return {
        name: value for name, value in wanted.given().items() if name not in ("lists", "list_ids")
    }


def _relate(contact_id: int, wanted: shapes.ContactChanges) -> None:
    wishes = {wish.list_id: wish.state for wish in wanted.lists}
    wishes |= dict.fromkeys(wanted.list_ids, "subscribed")
    on = sorted(list_id for list_id, state in wishes.items() if state == "subscribed")
    off = sorted(list_id for list_id, state in wishes.items() if state == "unsubscribed")
    with named_in_body("lists"):
        for list_id in on:
            subscriptions.subscribe(session(), account_id(), contact_id, list_id, _asked())
        if off:
            subscriptions.unsubscribe(session(), account_id(), contact_id, off, _asked())


def _name(wanted: shapes.ContactChanges) -> str:
    return wanted.email or wanted.external_id or ""


def _known(query: shapes.ContactQuery) -> list[shapes.Contact]:
    """The one contact with this address or identifier, if it fits the rest as well."""
    rows = listing.known_as(
        session(), account_id(), email=normal(query.email), external_id=query.external_id
    )
    found = _shown(rows)
    if query.list_id is None and query.state is None:
        return found
    return [
        contact
        for contact in found
        if any(
            query.list_id in (None, one.list_id) and query.state in (None, one.state)
            for one in contact.subscriptions
        )
    ]


def _one(contact_id: int) -> shapes.Contact:
    row = people.get(session(), account_id(), contact_id)
    session().refresh(row)
    return _shown([row])[0]


def _shown(rows: Sequence[Contact]) -> list[shapes.Contact]:
    on = listing.subscriptions(session(), account_id(), [row.id for row in rows])
    barred = queries.suppressed(session(), account_id(), [row.email for row in rows])
    return [
        shapes.Contact.model_validate(
            columns(row) | {"subscriptions": on[row.id], "suppressed": row.email in barred}
        )
        for row in rows
    ]
