"""The account's own fields of contacts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import SelectChoice, SelectField, StringField, TextAreaField

from esp.accounts.audit import record
from esp.contacts import fields
from esp.contacts.merge import COLUMNS
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import current_account_id, go, notify, transaction
from esp.entrypoints.web.queried import actor
from esp.errors import Conflict, Invalid, Refused

blueprint = Blueprint("fields", __name__, url_prefix="/a/<slug>/fields")


class FieldForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """A field to be."""

    label = StringField(__("Name"))
    type = SelectField(__("Type"), validate_choice=False, default="text")
    choices = TextAreaField(
        __("Choices"), description=__("One a line; only for the type “Choice”.")
    )


class ChangeForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """What of a field can change."""

    label = StringField(__("Name"))
    choices = TextAreaField(__("Choices"), description=__("One a line."))


@blueprint.get("")
def index() -> str:
    """All fields, and a form to add one."""
    return _page(_form())


@blueprint.post("")
def add() -> str | tuple[str, int] | Response:
    """Add a field."""
    form = _form()
    try:
        with transaction() as session:
            fields.add(
                session,
                current_account_id(),
                form.label.data or "",
                form.type.data or "",
                (form.choices.data or "").splitlines(),
            )
    except (Invalid, Conflict, Refused) as wrong:
        add_error(form, wrong)
        return _page(form), 422
    notify(_("The field is added."))
    return go(url_for(".index"))


@blueprint.route("/<int:field_id>", methods=["GET", "POST"])
def show(field_id: int) -> str | tuple[str, int] | Response:
    """Rename a field, or change its choices."""
    with transaction() as session:
        field = fields.get(session, current_account_id(), field_id)
    form = ChangeForm(label=field.label, choices="\n".join(map(str, field.choices)))
    if field.type != "choice":
        del form.choices
    status = 200
    if form.is_submitted():
        choices = form.choices.data.splitlines() if field.type == "choice" else None
        try:
            with transaction() as session:
                fields.change(
                    session, current_account_id(), field_id, form.label.data or "", choices
                )
            notify(_("The field is saved."))
            return go(url_for(".index"))
        except Invalid as wrong:
            add_error(form, wrong)
            status = 422
    page = render_template("fields/show.html", field=field, form=form, kinds=fields.KIND_NAMES)
    return page, status


@blueprint.post("/<int:field_id>/delete")
def delete(field_id: int) -> Response:
    """Delete a field and what contacts have in it."""
    with transaction() as session:
        field = fields.get(session, current_account_id(), field_id)
        record(session, current_account_id(), actor(), "field.delete", field.key)
        fields.remove(session, current_account_id(), field_id)
    notify(_("The field is deleted."))
    return go(url_for(".index"))


def _form() -> FieldForm:
    form = FieldForm()
    form.type.choices = [SelectChoice(kind, _(name)) for kind, name in fields.KIND_NAMES.items()]
    return form


def _page(form: FieldForm) -> str:
    with transaction() as session:
        values: dict[str, Any] = {
            "fields": fields.all_fields(session, current_account_id()),
            "filled": fields.filled(session, current_account_id()),
        }
    standard = [name for name in COLUMNS if name != "fields"]
    return render_template(
        "fields/index.html", form=form, kinds=fields.KIND_NAMES, standard=standard, **values
    )
