"""The ways an account's mail leaves: SMTP servers, or straight to the receivers' own."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import (
    BooleanField,
    PasswordField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
)

from esp.accounts import audit
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import (
    current_account_id,
    current_user,
    go,
    notify,
    requires,
    runtime,
    transaction,
)
from esp.errors import Invalid
from esp.senders import pools, transports
from esp.senders.models import Transport
from esp.senders.transports import TransportSettings

blueprint = Blueprint("transports", __name__, url_prefix="/a/<slug>/settings/transports")

TLS = (
    SelectChoice("required", __("STARTTLS (usual on port 587)")),
    SelectChoice("tls", __("TLS from the start (usual on port 465)")),
    SelectChoice("starttls", __("STARTTLS where the server offers it")),
    SelectChoice("none", __("Not encrypted")),
)


# Everything but the password.
SHOWN = (
    "name", "host", "port", "tls", "username", "max_connections", "is_default", "pool_id",
)  # fmt: skip


class TransportForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """An SMTP server and how to talk to it."""

    name = StringField(__("Name"), description=__("For you; empty: the server’s name."))
    host = StringField(__("Server"))
    port = StringField(__("Port"), default="587")
    tls = RadioField(__("Encryption"), choices=TLS, default="required", validate_choice=False)
    username = StringField(__("User name"))
    password = PasswordField(__("Password"))
    max_connections = StringField(
        __("Connections at once"), default="10", description=__("As many as the server allows.")
    )
    pool_id = SelectField(__("Leaves from"), validate_choice=False)
    is_default = BooleanField(__("Send the account’s mail by this server"), default=True)

    def values(self, *, new: bool) -> TransportSettings:
        """What was typed; no password keeps the stored one of a server that is there."""
        return TransportSettings(
            name=self.name.data or "",
            host=self.host.data or "",
            port=_whole(self.port.data, "port"),
            tls=self.tls.data or "",
            username=self.username.data or "",
            password=self.password.data or ("" if new or not self.username.data else None),
            max_connections=_whole(self.max_connections.data, "max_connections"),
            is_default=bool(self.is_default.data),
            pool_id=_number(self.pool_id.data),
        )


class DirectForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """Delivery to the receivers' own servers."""

    name = StringField(__("Name"), description=__("For you; what your colleagues know it by."))
    pool_id = SelectField(__("Leaves from"), validate_choice=False)
    is_default = BooleanField(__("Send the account’s mail this way"), default=True)

    def values(self, *, new: bool) -> TransportSettings:
        """What was typed."""
        return TransportSettings(
            name=self.name.data or "",
            is_default=bool(self.is_default.data),
            kind="direct",
            pool_id=_number(self.pool_id.data),
        )


@blueprint.get("")
@requires("manager")
def index() -> str:
    """The account's servers."""
    with transaction() as session:
        found = transports.transports(session, current_account_id())
        leaves_from = {one.id: one.name for one in pools.pools(session, current_account_id())}
    settings = runtime().settings
    return render_template(
        "settings/transports.html",
        transports=found,
        pools=leaves_from,
        secure=settings.secure,
        installation=bool(settings.smtp_url),
        direct=settings.delivers_directly,
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("manager")
def add() -> str | tuple[str, int] | Response:
    """Add a server."""
    return _add(TransportForm(), _("The server is added."))


@blueprint.route("/direct", methods=["GET", "POST"])
@requires("manager")
def add_direct() -> str | tuple[str, int] | Response:
    """Deliver to the receivers' own servers."""
    return _add(DirectForm(), _("Mail can leave straight to the receivers."))


@blueprint.route("/<int:transport_id>", methods=["GET", "POST"])
@requires("manager")
def change(transport_id: int) -> str | tuple[str, int] | Response:
    """Change a way out; a password is never shown again."""
    with transaction() as session:
        stored = transports.transport(session, current_account_id(), transport_id)
    shown = {name: getattr(stored, name) for name in SHOWN} | {"pool_id": str(stored.pool_id or "")}
    form = _form_of(stored.kind)(data=shown)
    if not form.is_submitted():
        return _page(form, stored)
    settings = runtime().settings
    try:
        values = form.values(new=False)
        with transaction() as session:
            transports.change_transport(
                session,
                current_account_id(),
                transport_id,
                values,
                runtime().cipher,
                secure=settings.secure,
            )
            _record(session, "transport.change", values.host or values.name)
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(form, stored), 422
    notify(_("The server is saved.") if stored.kind == "relay" else _("Saved."))
    return go(url_for("transports.index"))


@blueprint.post("/<int:transport_id>/default")
@requires("manager")
def make_default(transport_id: int) -> Response:
    """Let mail leave by this server."""
    with transaction() as session:
        transports.make_default(session, current_account_id(), transport_id)
        _record(session, "transport.default", str(transport_id))
    notify(_("Mail leaves by this server from now on."))
    return go(url_for("transports.index"))


@blueprint.post("/<int:transport_id>/delete")
@requires("manager")
def delete(transport_id: int) -> Response:
    """Forget a server."""
    with transaction() as session:
        name = transports.delete_transport(session, current_account_id(), transport_id)
        _record(session, "transport.delete", name)
    notify(_("The server “%(name)s” is deleted.", name=name))
    return go(url_for("transports.index"))


def _add(form: TransportForm | DirectForm, done: str) -> str | tuple[str, int] | Response:
    if not form.is_submitted():
        return _page(form)
    try:
        values = form.values(new=True)
        with transaction() as session:
            transports.add_transport(
                session,
                current_account_id(),
                values,
                runtime().cipher,
                secure=runtime().settings.secure,
            )
            _record(session, "transport.add", values.host or values.name)
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(form), 422
    notify(done)
    return go(url_for("transports.index"))


def _form_of(kind: str) -> type[TransportForm] | type[DirectForm]:
    return DirectForm if kind == "direct" else TransportForm


def _page(form: TransportForm | DirectForm, stored: Transport | None = None) -> str:
    with transaction() as session:
        found = pools.pools(session, current_account_id())
    form.pool_id.choices = [
        ("", _("The system’s usual address")), *((str(one.id), one.name) for one in found),
    ]  # fmt: skip
    template = "direct" if isinstance(form, DirectForm) else "transport"
    return render_template(
        f"settings/{template}.html",
        form=form,
        stored=stored,
        pools=found,
        secure=runtime().settings.secure,
    )


def _record(session: Session, action: str, subject: str) -> None:
    audit.record(session, current_account_id(), current_user().email, action, subject)


def _whole(text: object, place: str) -> int:
    digits = str(text or "").strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 6:
        raise Invalid(_("Write a whole number."), place)
    return int(digits)


def _number(chosen: object) -> int | None:
    digits = str(chosen or "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
