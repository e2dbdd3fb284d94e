"""Sending domains: their records to copy, what DNS says of them, their keys."""

from __future__ import annotations

from flask import Blueprint, Flask, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField

from esp.accounts import audit
from esp.addresses import display_domain
from esp.broadcasts import alignment
from esp.entrypoints.tasks import wake
from esp.entrypoints.web import domain_words as words
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import (
    current_account_id,
    go,
    notify,
    requires,
    runtime,
    transaction,
)
from esp.entrypoints.web.queried import actor
from esp.errors import Conflict, Invalid
from esp.senders import dkim_keys, domain_checks, sending_domains
from esp.senders.models import SendingDomain
from esp.senders.sending_domains import Changes
from esp.senders.standing import is_signed, signed, state_of

blueprint = Blueprint("domains", __name__, url_prefix="/a/<slug>/domains")


def install(app: Flask) -> None:
    """Names are kept as A-labels and shown as people write them."""
    app.jinja_env.filters["domain"] = display_domain


class DomainForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """A domain to send from."""

    name = StringField(
        __("Domain"), description=__("What stands after the @ of your sender’s address.")
    )


class HostsForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """The names below the domain that its mail uses."""

    return_path_host = StringField(
        __("Host of the return path"), description=__("Empty: the one of this installation.")
    )
    tracking_host = StringField(
        __("Host of the links"), description=__("Empty: the one of this installation.")
    )
    is_signed_by_relay = BooleanField(
        __("My own relay signs mail of this domain"),
        description=__(
            "For an SMTP service of yours that puts its DKIM signature for this domain on the mail."
        ),
    )


@blueprint.get("")
def index() -> str:
    """All domains and how they are."""
    with transaction() as session:
        found = sending_domains.domains(session, current_account_id())
        by_key = signed(session, current_account_id(), found)
    rows = [
        (row, _signature(row, row.id in by_key), {p: words.word(state_of(row, p)) for p in SHORT})
        for row in found
    ]
    return render_template("domains/index.html", rows=rows)


# Of a domain in the list, beside its signature.
SHORT = ("dmarc", "spf", "tracking")


def _signature(row: SendingDomain, by_key: bool) -> words.Word:
    states = [str(one.get("state")) for part, one in row.findings.items() if "dkim" in part]
    if by_key or row.is_signed_by_relay:
        return words.word("working")
    return words.word(next((state for state in states if state != "working"), ""))


@blueprint.route("/new", methods=["GET", "POST"])
@requires("manager")
def add() -> str | tuple[str, int] | Response:
    """Add a domain."""
    form = DomainForm()
    status = 200
    if form.is_submitted():
        try:
            with transaction() as session:
                row = sending_domains.add_domain(
                    session,
                    current_account_id(),
                    form.name.data or "",
                    runtime().cipher,
                    runtime().clock(),
                )
                _record(session, "domain.add", row.name)
            _wake()
            return go(url_for(".show", domain_id=row.id))
        except Invalid as wrong:
            add_error(form, wrong)
            status = 422
        except Conflict as taken:
            add_error(form, Invalid(taken.text, "name"))
            status = 422
    return render_template("domains/new.html", form=form), status


@blueprint.get("/<int:domain_id>")
def show(domain_id: int) -> str:
    """The records to copy, and what DNS has of them."""
    return _page(domain_id)


@blueprint.post("/<int:domain_id>")
@requires("manager")
def change(domain_id: int) -> str | tuple[str, int] | Response:
    """Use other hosts."""
    form = HostsForm()
    changes = Changes(
        form.return_path_host.data or "",
        form.tracking_host.data or "",
        bool(form.is_signed_by_relay.data),
    )
    try:
        with transaction() as session:
            row = sending_domains.domain(session, current_account_id(), domain_id)
            sending_domains.change_domain(
                session, current_account_id(), domain_id, changes, runtime().clock()
            )
            _record(session, "domain.change", row.name)
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(domain_id, form), 422
    _wake()
    notify(_("The domain is saved."))
    return go(url_for(".show", domain_id=domain_id))


@blueprint.get("/<int:domain_id>/records")
def records(domain_id: int) -> str:
    """The part of the page that asks again while DNS is being asked."""
    return _page(domain_id, template="domains/records.html")


@blueprint.post("/<int:domain_id>/check")
def check(domain_id: int) -> Response:
    """Ask DNS now; the page tells when it has answered."""
    with transaction() as session:
        domain_checks.ask_again(session, current_account_id(), domain_id, runtime().clock())
    _wake()
    return go(url_for(".show", domain_id=domain_id))


@blueprint.post("/<int:domain_id>/rotate")
@requires("manager")
def rotate(domain_id: int) -> Response:
    """Make new keys beside the old ones, which sign until DNS shows the new."""
    now = runtime().clock()
    with transaction() as session:
        row = sending_domains.domain(session, current_account_id(), domain_id)
        made = dkim_keys.rotate(session, current_account_id(), domain_id, runtime().cipher, now)
        if made:
            _record(session, "domain.rotate", row.name)
            domain_checks.ask_again(session, current_account_id(), domain_id, now)
    if made:
        notify(_("Publish the new key’s record. Until DNS shows it, the old key signs."))
    else:
        notify(_("A new key waits for its DNS record already."), "info")
    _wake()
    return go(url_for(".show", domain_id=domain_id))


@blueprint.post("/<int:domain_id>/ed25519")
@requires("manager")
def add_ed25519(domain_id: int) -> Response:
    """Make an Ed25519 key, whose signature stands beside that with RSA."""
    now = runtime().clock()
    with transaction() as session:
        row = sending_domains.domain(session, current_account_id(), domain_id)
        dkim_keys.create_key(
            session, current_account_id(), domain_id, "ed25519", runtime().cipher, now
        )
        _record(session, "domain.key", row.name)
        domain_checks.ask_again(session, current_account_id(), domain_id, now)
    _wake()
    notify(_("Publish the new key’s record; then it signs beside the RSA key."))
    return go(url_for(".show", domain_id=domain_id))


@blueprint.post("/<int:domain_id>/delete")
@requires("manager")
def delete(domain_id: int) -> Response:
    """Forget a domain."""
    with transaction() as session:
        name = alignment.remove_domain(session, current_account_id(), domain_id)
        _record(session, "domain.delete", name)
    notify(_("The domain %(name)s is removed. Its DNS records may go too.", name=name))
    return go(url_for(".index"))


def _page(
    domain_id: int, form: HostsForm | None = None, template: str = "domains/show.html"
) -> str:
    settings, now = runtime().settings, runtime().clock()
    with transaction() as session:
        row = sending_domains.domain(session, current_account_id(), domain_id)
        setup = domain_checks.setup_of(session, settings, row)
        by_key = is_signed(session, row)
    return render_template(
        template,
        domain=row,
        parts=words.parts(row, setup),
        is_signed=by_key,
        checking=domain_checks.is_being_checked(row, now),
        has_ed25519=any(k.algorithm == "ed25519" and k.state != "retired" for k in setup.keys),
        form=form or HostsForm(obj=row),
    )


def _wake() -> None:
    wake(runtime(), "domains", current_account_id())


def _record(session: Session, action: str, subject: str) -> None:
    audit.record(session, current_account_id(), actor(), action, subject)
