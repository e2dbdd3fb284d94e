"""Signing in and out, links that let in once, and a way back for who forgot the password."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import EmailField, HiddenField, PasswordField, StringField

from esp.accounts import audit, links, queries, users
from esp.accounts.links import Opened
from esp.accounts.models import User
from esp.db import enter_account
from esp.entrypoints.tasks import wake
from esp.entrypoints.web import letters, limits, sessions
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import go, notify, public, runtime, signed_in
from esp.errors import N_, Invalid

blueprint = Blueprint("sign_in", __name__)

Page = str | tuple[str, int] | Response


class SignInForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """Who one is."""

    email = EmailField(__("E-mail address"))
    password = PasswordField(__("Password"))
    next = HiddenField()


class ForgottenForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """Where the way back goes."""

    email = EmailField(__("E-mail address"))


class PasswordForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """A first or a new password."""

    name = StringField(__("Your name"))
    password = PasswordField(__("New password"))


def install(app: Flask) -> None:
    """Bind sessions to people, and limit how often one may try."""
    sessions.install(app)
    limiter = limits.make_limiter(app, app.extensions["esp"])
    limits.guard(app, limiter, "sign_in.sign_in")
    limits.guard(app, limiter, "sign_in.forgotten")


@blueprint.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> Page:
    """Ask for address and password."""
    form = SignInForm(next=request.args.get("next", ""))
    if request.method == "GET" and signed_in():
        return go(inside(form.next.data))
    if not form.is_submitted():
        return render_template("sign_in/sign_in.html", form=form)
    with runtime().transaction(None) as session:
        user = users.authenticate(
            session, form.email.data or "", form.password.data or "", runtime().clock()
        )
        if user is not None:
            sessions.begin(sessions.person_of(session, user))
    if user is None:
        # One sentence for both, so that nobody learns who has an account.
        return render_template("sign_in/sign_in.html", form=form, wrong=True), 422
    return go(inside(form.next.data))


@blueprint.post("/sign-out")
@public
def sign_out() -> Response:
    """End this browser's session."""
    sessions.end()
    notify(_("You are signed out."))
    return go("/sign-in")


@blueprint.route("/sign-in/<token>", methods=["GET", "POST"])
@public
def by_link(token: str) -> Page:
    """Let in by a link: programs that open links in mails press no button."""
    now = runtime().clock()
    with runtime().transaction(None) as session:
        opened = links.look_at_link(session, token, now)
        user = _user_of(session, opened, "sign_in")
        if user is None:
            return _worthless()
        if request.method == "GET":
            return render_template("sign_in/by_link.html", user=user)
        if links.use_link(session, token, now) is None:
            return _worthless()
        users.note_sign_in(session, user.id, now)
        sessions.begin(sessions.person_of(session, user))
    return go("/")


@blueprint.route("/password", methods=["GET", "POST"])
@public
def forgotten() -> Page:
    """Send a way back; the answer is the same for every address."""
    form = ForgottenForm(email=request.args.get("email", ""))
    if not form.is_submitted():
        return render_template("sign_in/forgotten.html", form=form)
    try:
        email = users.normal_email(form.email.data or "")
    except Invalid as wrong:
        add_error(form, wrong)
        return render_template("sign_in/forgotten.html", form=form), 422
    with runtime().transaction(None) as session:
        account_id = _send_reset(session, email)
    if account_id is not None:
        wake(runtime(), "send", account_id)
    return render_template("sign_in/reset_sent.html", email=email)


@blueprint.route("/password/<token>", methods=["GET", "POST"])
@public
def set_password(token: str) -> Page:
    """Take a first or a new password from who holds the link, and let them in."""
    now = runtime().clock()
    form = PasswordForm()
    with runtime().transaction(None) as session:
        opened = links.look_at_link(session, token, now)
        user = _user_of(session, opened, "reset", "invite")
        if opened is None or user is None:
            return _worthless()
        page: dict[str, Any] = {"form": form, "user": user, "invited": opened.purpose == "invite"}
        if not form.is_submitted():
            return render_template("sign_in/password.html", **page)
        try:
            with session.begin_nested():
                _accept(session, token, opened, form)
        except Invalid as wrong:
            add_error(form, wrong)
            return render_template("sign_in/password.html", **page), 422
        session.refresh(user)
        sessions.begin(sessions.person_of(session, user))
    notify(_("Your password is set."))
    return go("/")


def inside(wanted: str | None) -> str:
    """`wanted` if it is a path of ours, else the overview."""
    # "//host" and "/\host" are other hosts to a browser.
    good = (wanted or "").startswith("/") and wanted[1:2] not in ("/", "\\")  # type: ignore[index]
    return wanted if wanted and good and wanted.isprintable() else "/"


def _accept(session: Session, token: str, opened: Opened, form: PasswordForm) -> None:
    now = runtime().clock()
    if links.use_link(session, token, now) is None:
        raise Invalid(N_("This link was used meanwhile."), "password")
    if opened.purpose == "invite":
        users.update_profile(session, opened.user_id, form.name.data or "", None)
    users.set_password(session, opened.user_id, form.password.data or "")
    users.note_sign_in(session, opened.user_id, now)


def _user_of(session: Session, opened: Opened | None, *purposes: str) -> User | None:
    if opened is None or opened.purpose not in purposes:
        return None
    return queries.user(session, opened.user_id)


def _send_reset(session: Session, email: str) -> int | None:
    user = users.find_user(session, email)
    accesses = queries.accesses_of(session, user.id) if user else ()
    if user is None or not accesses:
        return None
    account_id = accesses[0].account_id
    enter_account(session, account_id)
    try:
        with session.begin_nested():
            letters.send_reset(session, queries.account(session, account_id), user)
    except Invalid:
        # Nobody may learn from the answer that this address is known.
        return None
    audit.record(session, account_id, user.email, "password.forgotten", user.email)
    return account_id


def _worthless() -> tuple[str, int]:
    return render_template("sign_in/worthless.html"), 410
