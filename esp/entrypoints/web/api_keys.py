"""Keys of programs that use the API."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField

from esp.accounts import api_keys, audit, queries
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

blueprint = Blueprint("api_keys", __name__, url_prefix="/a/<slug>/settings/keys")


class KeyForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """What the key is for."""

    name = StringField(
        __("Name"), description=__("The program that will use it, for example “shop”.")
    )


@blueprint.get("")
@requires("manager")
def index() -> str:
    """The keys that open the account."""
    return _page(KeyForm())


@blueprint.post("")
@requires("manager")
def create() -> str | tuple[str, int]:
    """Make a key and show it, this once."""
    form = KeyForm()
    try:
        with transaction() as session:
            made = api_keys.create_key(session, current_account_id(), form.name.data or "")
            audit.record(
                session,
                current_account_id(),
                current_user().email,
                "key.create",
                (form.name.data or "").strip(),
                {"prefix": made.prefix},
            )
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(form), 422
    # Not behind a redirect: a key must not be kept in a cookie until the next page.
    return _page(KeyForm(formdata=None), new_key=made.key)


@blueprint.post("/<int:key_id>/revoke")
@requires("manager")
def revoke(key_id: int) -> Response:
    """End a key at once and for ever."""
    with transaction() as session:
        name = api_keys.revoke_key(session, current_account_id(), key_id, runtime().clock())
        audit.record(session, current_account_id(), current_user().email, "key.revoke", name)
    notify(_("The key “%(name)s” opens nothing any more.", name=name))
    return go(url_for("api_keys.index"))


def _page(form: KeyForm, new_key: str = "") -> str:
    with transaction() as session:
        keys = queries.keys(session, current_account_id())
    url = runtime().settings.public_url
    return render_template("settings/keys.html", form=form, keys=keys, new_key=new_key, url=url)
