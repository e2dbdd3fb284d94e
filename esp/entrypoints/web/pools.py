"""The pools of source addresses that an account's mail leaves from."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField

from esp.accounts import audit
from esp.delivery.greeting import helo
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
from esp.senders import pools
from esp.senders.models import Pool
from esp.senders.mx import ptr
from esp.senders.mx.questions import Questions
from esp.senders.pools import PoolSettings

blueprint = Blueprint("pools", __name__, url_prefix="/a/<slug>/settings/pools")


class PoolForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """A name and addresses, one a line."""

    name = StringField(__("Name"))
    sources = TextAreaField(__("Addresses"))

    def values(self) -> PoolSettings:
        """What was typed; Invalid names the line that is wrong."""
        return PoolSettings(self.name.data or "", pools.read_sources(self.sources.data or ""))


@blueprint.get("")
@requires("manager")
def index() -> str:
    """The account's pools."""
    with transaction() as session:
        found = pools.pools(session, current_account_id())
        sources = pools.sources(session, current_account_id())
    return render_template("settings/pools.html", pools=found, sources=sources)


@blueprint.route("/new", methods=["GET", "POST"])
@requires("manager")
def add() -> str | tuple[str, int] | Response:
    """Make a pool."""
    form = PoolForm()
    if not form.is_submitted():
        return _page(form)
    try:
        with transaction() as session:
            values = form.values()
            pools.add_pool(session, current_account_id(), values)
            _record(session, "pool.add", values.name)
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(form), 422
    notify(_("The pool is added."))
    return go(url_for("pools.index"))


@blueprint.route("/<int:pool_id>", methods=["GET", "POST"])
@requires("manager")
def change(pool_id: int) -> str | tuple[str, int] | Response:
    """Change a pool."""
    with transaction() as session:
        stored = pools.pool(session, current_account_id(), pool_id)
        known = pools.sources(session, current_account_id()).get(pool_id, ())
    form = PoolForm(data={"name": stored.name, "sources": pools.written(known)})
    if not form.is_submitted():
        return _page(form, stored)
    try:
        with transaction() as session:
            values = form.values()
            pools.change_pool(session, current_account_id(), pool_id, values)
            _record(session, "pool.change", values.name)
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(form, stored), 422
    notify(_("The pool is saved. Mail leaves from the new addresses within half a minute."))
    return go(url_for("pools.index"))


@blueprint.get("/<int:pool_id>/names")
@requires("manager")
def names(pool_id: int) -> str:
    """What the DNS says of each address, asked now; a part of the pool's page."""
    with transaction() as session:
        pools.pool(session, current_account_id(), pool_id)
        known = pools.sources(session, current_account_id()).get(pool_id, ())
    settings = runtime().settings
    ours = {one.address: one.helo_name or helo(settings) for one in known}
    findings = ptr.check(Questions(settings.dns), ours, seconds=3.0)
    return render_template("settings/pool_names.html", findings=findings)


@blueprint.post("/<int:pool_id>/delete")
@requires("manager")
def delete(pool_id: int) -> Response:
    """Forget a pool that nothing leaves from."""
    with transaction() as session:
        name = pools.delete_pool(session, current_account_id(), pool_id)
        _record(session, "pool.delete", name)
    notify(_("The pool “%(name)s” is deleted.", name=name))
    return go(url_for("pools.index"))


def _page(form: PoolForm, stored: Pool | None = None) -> str:
    return render_template("settings/pool.html", form=form, stored=stored)


def _record(session: Session, action: str, subject: str) -> None:
    audit.record(session, current_account_id(), current_user().email, action, subject)
