"""What a person changes about themselves."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import PasswordField, SelectChoice, SelectField, StringField

from esp.accounts import audit, memberships, queries, roles, users
from esp.entrypoints.web import sessions
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import (
    current_account,
    current_account_id,
    current_user,
    go,
    notify,
    requires,
    transaction,
)
from esp.errors import N_, Invalid, NotFound
from esp.translations import LANGUAGES

blueprint = Blueprint("profile", __name__, url_prefix="/a/<slug>/settings/profile")

Page = str | tuple[str, int] | Response


class ProfileForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """How one is called and spoken to."""

    name = StringField(__("Your name"))
    language = SelectField(__("Language"), validate_choice=False)


class OwnPasswordForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """A new password, by who knows the old one."""

    current = PasswordField(__("Current password"))
    password = PasswordField(__("New password"))


@blueprint.get("")
@requires("viewer")
def profile() -> str:
    """Everything about oneself."""
    return _page()


@blueprint.post("")
@requires("viewer")
def change() -> Page:
    """Change name and language."""
    form = _profile_form()
    try:
        with transaction() as session:
            users.update_profile(
                session, current_user().user_id, form.name.data or "", form.language.data or None
            )
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(form=form), 422
    notify(_("Your profile is saved."))
    return go(url_for("profile.profile"))


@blueprint.post("/password")
@requires("viewer")
def change_password() -> Page:
    """Set a new password; every other session ends."""
    form = OwnPasswordForm(prefix="p")
    person = current_user()
    try:
        with transaction() as session:
            # Who came in by a link may have no password yet.
            if _has_password(session) and not users.has_password(
                session, person.user_id, form.current.data or ""
            ):
                raise Invalid(N_("This is not your current password."), "current")
            users.set_password(session, person.user_id, form.password.data or "")
            audit.record(
                session, current_account_id(), person.email, "password.change", person.email
            )
            _stay(session)
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(password_form=form), 422
    notify(_("Your password is changed. Other devices are signed out."))
    return go(url_for("profile.profile"))


@blueprint.post("/sign-out-elsewhere")
@requires("viewer")
def sign_out_elsewhere() -> Response:
    """End every session but this one."""
    with transaction() as session:
        users.end_sessions(session, current_user().user_id)
        _stay(session)
    notify(_("Other devices are signed out."))
    return go(url_for("profile.profile"))


@blueprint.post("/leave")
@requires("viewer")
def leave() -> Response:
    """Work in this account no more."""
    person = current_user()
    with transaction() as session:
        memberships.leave(session, current_account_id(), person.user_id)
        audit.record(session, current_account_id(), person.email, "person.leave", person.email)
    notify(_("You have left %(account)s.", account=current_account().name))
    return go("/")


def _page(form: ProfileForm | None = None, password_form: OwnPasswordForm | None = None) -> str:
    with transaction() as session:
        has_password = _has_password(session)
    return render_template(
        "settings/profile.html",
        form=form or _profile_form(),
        password_form=password_form or OwnPasswordForm(formdata=None, prefix="p"),
        has_password=has_password,
        role=_(roles.ROLE_NAMES[current_account().role]),
    )


def _profile_form() -> ProfileForm:
    person = current_user()
    form = ProfileForm(name=person.name, language=person.language or "")
    form.language.choices = [
        SelectChoice("", _("As the account")),
        *(SelectChoice(*language) for language in LANGUAGES.items()),
    ]
    return form


def _has_password(session: Session) -> bool:
    user = queries.user(session, current_user().user_id)
    return user is not None and user.password_hash is not None


def _stay(session: Session) -> None:
    """Keep this browser signed in after the session number was raised."""
    session.expire_all()
    user = queries.user(session, current_user().user_id)
    if user is None:
        raise NotFound()
    sessions.begin(sessions.person_of(session, user))
