"""Lists: who is on them, their sign-up pages, merging, archive."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField, TextAreaField

from esp.accounts.audit import record
from esp.contacts import lists
from esp.contacts.lists import Counts, Wording
from esp.contacts.models import List
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import current_account_id, go, notify, runtime, transaction
from esp.entrypoints.web.queried import actor, whole
from esp.errors import N_, Invalid, Refused

blueprint = Blueprint("lists", __name__, url_prefix="/a/<slug>/lists")


class ListForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """What the account says of a list."""

    name = StringField(
        __("Name"), description=__("Subscribers see it: on the sign-up page and in preferences.")
    )
    description = TextAreaField(
        __("What people get"), description=__("One or two sentences for subscribers.")
    )
    consent_text = TextAreaField(
        __("Consent text"),
        description=__("What people agree to when they sign up. It is kept as proof."),
    )
    is_public = BooleanField(
        __("Open to everybody"),
        description=__("The sign-up page takes new people, and the preference page offers it."),
        default=True,
    )


@blueprint.get("")
def index() -> str:
    """Those in use, or those in the archive (`archived` in the query)."""
    archived = bool(request.args.get("archived"))
    with transaction() as session:
        shown = lists.all_lists(session, current_account_id(), archived=archived)
        other = lists.all_lists(session, current_account_id(), archived=not archived)
        numbers = lists.counts(session, current_account_id())
    return render_template(
        "lists/index.html",
        lists=shown,
        counts={one.id: numbers.get(one.id, Counts()) for one in shown},
        archived=archived,
        in_use=len(other) if archived else len(shown),
        in_archive=len(shown) if archived else len(other),
        all_names={one.id: one.name for one in (*shown, *other)},
    )


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> str | tuple[str, int] | Response:
    """Make a list."""
    form = ListForm()
    status = 200
    if form.is_submitted():
        try:
            with transaction() as session:
                list_id = lists.create(session, current_account_id(), _wording(form))
            notify(_("The list is made."))
            return go(url_for(".show", list_id=list_id))
        except Invalid as wrong:
            add_error(form, wrong)
            status = 422
    return render_template("lists/new.html", form=form), status


@blueprint.route("/<int:list_id>", methods=["GET", "POST"])
def show(list_id: int) -> str | tuple[str, int] | Response:
    """A list's numbers, sign-up page and wording."""
    with transaction() as session:
        one = lists.get(session, current_account_id(), list_id)
        numbers = lists.counts(session, current_account_id()).get(list_id, Counts())
        others = [
            other for other in lists.all_lists(session, current_account_id()) if other.id != list_id
        ]
        target = one.merged_into_id and lists.get(session, current_account_id(), one.merged_into_id)
    form = ListForm(obj=one)
    status = 200
    if form.is_submitted():
        try:
            with transaction() as session:
                lists.change(session, current_account_id(), list_id, _wording(form))
            notify(_("The list is saved."))
            return go(url_for(".show", list_id=list_id))
        except Invalid as wrong:
            add_error(form, wrong)
            status = 422
    page = render_template(
        "lists/show.html",
        one=one,
        counts=numbers,
        others=others,
        target=target,
        form=form,
        sign_up_url=f"{runtime().settings.public_url}/subscribe/{one.public_key}",
    )
    return page, status


@blueprint.post("/<int:list_id>/archive")
def archive(list_id: int) -> Response:
    """Put it out of sight."""
    with transaction() as session:
        one = _logged(session, list_id, "list.archive")
        lists.archive(session, current_account_id(), list_id, runtime().clock())
    notify(
        _("“%(name)s” is in the archive.", name=one.name), undo=url_for(".restore", list_id=list_id)
    )
    return go(url_for(".index"))


@blueprint.post("/<int:list_id>/restore")
def restore(list_id: int) -> Response:
    """Take it out of the archive."""
    with transaction() as session:
        one = _logged(session, list_id, "list.restore")
        lists.restore(session, current_account_id(), list_id)
    notify(_("“%(name)s” is in use again.", name=one.name))
    return go(url_for(".show", list_id=list_id))


@blueprint.post("/<int:list_id>/merge")
def merge(list_id: int) -> Response:
    """Bring its people into another list."""
    target_id = whole(request.form.get("target", ""))
    with transaction() as session:
        one = _logged(session, list_id, "list.merge", into=target_id)
        lists.merge(session, current_account_id(), list_id, target_id, runtime().clock())
        target = lists.get(session, current_account_id(), target_id)
    notify(
        _("The people of “%(name)s” are in “%(target)s” now.", name=one.name, target=target.name)
    )
    return go(url_for(".show", list_id=target_id))


@blueprint.post("/<int:list_id>/delete")
def delete(list_id: int) -> Response:
    """Delete it, after its name was typed."""
    with transaction() as session:
        one = lists.get(session, current_account_id(), list_id)
        if request.form.get("name", "").strip() != one.name:
            raise Refused(N_("Type the name of the list as it is written to delete it."))
        _logged(session, list_id, "list.delete")
        lists.remove(session, current_account_id(), list_id)
    notify(_("The list is deleted. The contacts are still there."))
    return go(url_for(".index"))


def _logged(session: Session, list_id: int, action: str, **detail: object) -> List:
    one = lists.get(session, current_account_id(), list_id)
    record(session, current_account_id(), actor(), action, one.name, {"id": list_id, **detail})
    return one


def _wording(form: ListForm) -> Wording:
    return Wording(
        form.name.data or "",
        form.description.data or "",
        form.consent_text.data or "",
        bool(form.is_public.data),
    )
