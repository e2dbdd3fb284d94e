"""Contacts: search, add, edit, their lists, what they got and did."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from esp.broadcasts import of_contact
from esp.contacts import fields, lists, people, queries, subscriptions
from esp.contacts.models import Contact
from esp.contacts.queries import Wanted
from esp.contacts.subscriptions import Asked
from esp.entrypoints.web.contact_form import (
    MAIN,
    MORE,
    PLACE,
    contact_form,
    suggested_languages,
    values_of,
)
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import (
    current_account_id,
    go,
    is_htmx,
    notify,
    runtime,
    transaction,
)
from esp.entrypoints.web.queried import actor, number, whole, words
from esp.errors import Conflict, Invalid
from esp.suppression import queries as suppressions

blueprint = Blueprint("contacts", __name__, url_prefix="/a/<slug>/contacts")

STATES = ("subscribed", "pending", "unsubscribed", "suppressed")
GROUPS = {"main": MAIN, "more": MORE, "place": PLACE}


class Moment(NamedTuple):
    """A line of a contact's history; `broadcast_id` leads to its report."""

    at: datetime
    kind: str
    name: str = ""
    detail: str = ""
    broadcast_id: int | None = None


@blueprint.get("")
def index() -> str:
    """The newest first; search and filters are in the query."""
    state = request.args.get("state", "")
    wanted = Wanted(words(), number("list"), state if state in STATES else "", number("before"))
    with transaction() as session:
        found = queries.search(session, current_account_id(), wanted)
        ids = [contact.id for contact in found.contacts]
        parts = {
            "found": found,
            "names": queries.list_names(session, current_account_id(), ids),
            "suppressed": queries.suppressed(
                session, current_account_id(), [contact.email for contact in found.contacts]
            ),
        }
        if not is_htmx():
            parts["lists"] = lists.all_lists(session, current_account_id())
            parts["total"] = queries.count(session, current_account_id())
    older = replace(wanted, before=found.older) if found.older else None
    return render_template(
        "contacts/rows.html" if is_htmx() else "contacts/index.html",
        wanted=wanted,
        older=_address(older) if older else None,
        newest=_address(replace(wanted, before=None)) if wanted.before else None,
        states=STATES,
        **parts,
    )


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> str | tuple[str, int] | Response:
    """Add one person by hand."""
    with transaction() as session:
        own = fields.all_fields(session, current_account_id())
        choices = lists.all_lists(session, current_account_id())
    form = contact_form(own)
    status = 200
    if form.is_submitted():
        try:
            with transaction() as session:
                contact_id = people.create(
                    session, current_account_id(), values_of(form, own), source="page"
                )
                for list_id in sorted({whole(one) for one in request.form.getlist("list")}):
                    subscriptions.subscribe(
                        session, current_account_id(), contact_id, list_id, _asked()
                    )
            notify(_("The contact is added."))
            return go(url_for(".show", contact_id=contact_id))
        except (Invalid, Conflict) as wrong:
            add_error(form, wrong)
            status = 422
    page = render_template(
        "contacts/new.html",
        form=form,
        own=own,
        groups=GROUPS,
        lists=choices,
        chosen=request.form.getlist("list") or request.args.getlist("list"),
        languages_offered=suggested_languages(),
    )
    return page, status


@blueprint.route("/<int:contact_id>", methods=["GET", "POST"])
def show(contact_id: int) -> str | tuple[str, int] | Response:
    """One person: what is known, their lists, what they got and did."""
    with transaction() as session:
        contact = people.get(session, current_account_id(), contact_id)
        own = fields.all_fields(session, current_account_id())
    form = contact_form(own, contact)
    status = 200
    if form.is_submitted():
        try:
            with transaction() as session:
                people.update_contact(
                    session, current_account_id(), contact_id, values_of(form, own)
                )
            notify(_("The contact is saved."))
            return go(url_for(".show", contact_id=contact_id))
        except (Invalid, Conflict) as wrong:
            add_error(form, wrong)
            status = 422
    with transaction() as session:
        parts = _about(session, contact)
    page = render_template(
        "contacts/show.html",
        contact=contact,
        form=form,
        own=own,
        groups=GROUPS,
        languages_offered=suggested_languages(),
        public_url=runtime().settings.public_url,
        **parts,
    )
    return page, status


@blueprint.post("/<int:contact_id>/delete")
def delete(contact_id: int) -> Response:
    """Delete a person; who had left a list is suppressed by it."""
    with transaction() as session:
        people.remove(session, current_account_id(), contact_id, runtime().clock(), actor())
    notify(_("The contact is deleted."))
    return go(url_for(".index"))


@blueprint.post("/<int:contact_id>/lists")
def subscribe(contact_id: int) -> Response:
    """Put a person on a list, on the account's word that they agreed."""
    list_id = whole(request.form.get("list", ""))
    with transaction() as session:
        state = subscriptions.subscribe(
            session, current_account_id(), contact_id, list_id, _asked()
        )
    if state == "subscribed":
        notify(_("Subscribed."))
    else:
        notify(_("Nothing is changed: only this person can come back to the list."), "warning")
    return go(url_for(".show", contact_id=contact_id))


@blueprint.post("/<int:contact_id>/unsubscribe")
def unsubscribe(contact_id: int) -> Response:
    """Take a person off one list, or (without one) off all and never mail them again."""
    text = request.form.get("list", "")
    with transaction() as session:
        if text:
            left = subscriptions.unsubscribe(
                session, current_account_id(), contact_id, [whole(text)], _asked()
            )
        else:
            left = subscriptions.unsubscribe_everywhere(
                session, current_account_id(), contact_id, _asked()
            )
    if text and not left:
        notify(_("Nothing is changed: this person was not on the list."), "warning")
    else:
        notify(_("Unsubscribed."))
    return go(url_for(".show", contact_id=contact_id))


def _about(session: Session, contact: Contact) -> dict[str, Any]:
    account_id = current_account_id()
    on = queries.memberships(session, account_id, contact.id)
    taken = {membership.list.id for membership in on}
    now = runtime().clock()
    return {
        "memberships": on,
        "free": [one for one in lists.all_lists(session, account_id) if one.id not in taken],
        "suppression": suppressions.of_email(session, account_id, contact.email)
        if contact.email
        else None,
        "moments": _moments(session, contact, now),
        "proofs": queries.proofs(session, account_id, contact.id, 50),
        "list_names": {m.list.id: m.list.name for m in on},
    }


def _moments(session: Session, contact: Contact, now: datetime) -> list[Moment]:
    sent = of_contact.recent(session, contact.account_id, contact.id)
    names = {one.broadcast.id: one.name for one in sent}
    moments = [
        Moment(
            one.recipient.at or one.broadcast.started_at or one.broadcast.created_at,
            one.recipient.state,
            one.name,
            one.recipient.reason or "",
            one.broadcast.id,
        )
        for one in sent
    ]
    of_lists = {one.id: one.name for one in lists.all_lists(session, contact.account_id)}
    for event in queries.recent_events(session, contact.account_id, contact.id, now):
        about = names.get(event.broadcast_id or 0) or of_lists.get(event.list_id or 0) or ""
        moments.append(Moment(event.at, event.kind, about, "", event.broadcast_id))
    moments.append(Moment(contact.created_at, "created", contact.source))
    return sorted(moments, key=lambda moment: moment.at, reverse=True)[:60]


def _asked() -> Asked:
    return Asked("page", runtime().clock(), actor())


def _address(wanted: Wanted) -> str:
    return url_for(
        ".index",
        q=wanted.text or None,
        list=wanted.list_id,
        state=wanted.state or None,
        before=wanted.before,
    )
