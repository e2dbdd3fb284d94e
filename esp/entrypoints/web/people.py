"""Who works in the account: invited, given a role, removed."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import EmailField, SelectChoice, SelectField

from esp.accounts import audit, memberships, queries, roles, users
from esp.accounts.models import User
from esp.entrypoints.tasks import wake
from esp.entrypoints.web import letters
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import (
    current_account,
    current_account_id,
    current_user,
    go,
    notify,
    requires,
    runtime,
    transaction,
)
from esp.errors import Conflict, Invalid, NotFound, Refused

blueprint = Blueprint("people", __name__, url_prefix="/a/<slug>/settings/people")


class InviteForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """Who comes in, as what."""

    email = EmailField(__("E-mail address"))
    role = SelectField(__("Role"), validate_choice=False, default="editor")


class RoleForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """What a person may do from now on."""

    role = SelectField(__("Role"), validate_choice=False)


@blueprint.get("")
@requires("manager")
def index() -> str:
    """Everybody, and a form to invite more."""
    return _page(_invite_form())


@blueprint.post("")
@requires("manager")
def invite() -> str | tuple[str, int] | Response:
    """Let somebody in and write to them."""
    form = _invite_form()
    try:
        with transaction() as session:
            user = _person(session, form.email.data or "")
            memberships.add_member(
                session, current_account_id(), user.id, form.role.data or "", current_account().role
            )
            _write_to(session, user)
            _record(session, "person.invite", user.email, role=form.role.data)
    except (Invalid, Conflict, Refused) as wrong:
        add_error(form, wrong)
        return _page(form), 422
    wake(runtime(), "send", current_account_id())
    notify(_("%(email)s is invited.", email=user.email))
    return go(url_for("people.index"))


@blueprint.post("/<int:user_id>/invite")
@requires("manager")
def invite_again(user_id: int) -> Response:
    """Write once more to somebody who has not come yet."""
    with transaction() as session:
        user = _member(session, user_id)
        _write_to(session, user)
        _record(session, "person.invite", user.email)
    wake(runtime(), "send", current_account_id())
    notify(_("The invitation is sent again."))
    return go(url_for("people.index"))


@blueprint.route("/<int:user_id>", methods=["GET", "POST"])
@requires("manager")
def person(user_id: int) -> str | tuple[str, int] | Response:
    """One person's role."""
    with transaction() as session:
        user = _member(session, user_id)
        role = memberships.role_of(session, current_account_id(), user_id)
    form = RoleForm(role=role)
    form.role.choices = _role_choices()
    status = 200
    if form.is_submitted():
        try:
            with transaction() as session:
                before = memberships.change_role(
                    session,
                    current_account_id(),
                    user_id,
                    form.role.data or "",
                    current_account().role,
                )
                _record(session, "person.role", user.email, before=before, after=form.role.data)
            notify(_("The role is changed."))
            return go(url_for("people.index"))
        except (Invalid, Refused) as wrong:
            add_error(form, wrong)
            status = 422
    page = render_template(
        "settings/person.html", form=form, user=user, role=role, sentences=roles.ROLE_SENTENCES
    )
    return page, status


@blueprint.post("/<int:user_id>/remove")
@requires("manager")
def remove(user_id: int) -> Response:
    """Take somebody out; they can be invited again."""
    with transaction() as session:
        user = _member(session, user_id)
        role = memberships.remove_member(
            session, current_account_id(), user_id, current_account().role
        )
        _record(session, "person.remove", user.email, role=role)
    notify(_("%(email)s is removed.", email=user.email))
    return go("/" if user_id == current_user().user_id else url_for("people.index"))


def _page(form: InviteForm) -> str:
    with transaction() as session:
        people = queries.people(session, current_account_id())
    return render_template(
        "settings/people.html",
        form=form,
        people=people,
        role_names=roles.ROLE_NAMES,
        sentences=roles.ROLE_SENTENCES,
    )


def _invite_form() -> InviteForm:
    form = InviteForm()
    form.role.choices = _role_choices()
    return form


def _role_choices() -> list[SelectChoice]:
    """Roles this person may give."""
    own = current_account().role
    given = [role for role in roles.ROLES if roles.may_change(own, None, role)]
    return [SelectChoice(role, _(roles.ROLE_NAMES[role])) for role in given]


def _person(session: Session, email: str) -> User:
    user = users.find_user(session, users.normal_email(email))
    if user is None:
        new_id = users.create_user(session, email, language=current_account().language)
        user = queries.user(session, new_id)
    if user is None:
        raise NotFound()
    return user


def _member(session: Session, user_id: int) -> User:
    member = memberships.role_of(session, current_account_id(), user_id)
    user = queries.user(session, user_id) if member else None
    if user is None:
        raise NotFound()
    return user


def _write_to(session: Session, user: User) -> None:
    account = queries.account(session, current_account_id())
    by = current_user()
    letters.send_invitation(session, account, user, by.name or by.email)


def _record(session: Session, action: str, subject: str, **detail: str | None) -> None:
    audit.record(session, current_account_id(), current_user().email, action, subject, detail)
