"""The step of a draft that says in whose name, by which way and how fast it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import EmailField, SelectField, StringField

from esp import addresses
from esp.broadcasts import alignment, compose
from esp.broadcasts.models import Broadcast
from esp.entrypoints.web import broadcast_words as words
from esp.entrypoints.web.broadcasts import to_progress
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import current_account_id, go, transaction
from esp.errors import N_, Invalid
from esp.senders import pools, transports

blueprint = Blueprint("broadcast_sender", __name__, url_prefix="/a/<slug>/broadcasts")


class SenderForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """Whose name stands on it, by which way it leaves and how fast."""

    from_name = StringField(__("Sender’s name"))
    from_address = EmailField(__("Sender’s address"))
    reply_to = EmailField(__("Answers go to"))
    transport_id = SelectField(__("Leaves by"), validate_choice=False)
    source = SelectField(__("Leaves from"), validate_choice=False)
    rate_per_minute = StringField(__("Messages a minute, at most"))
    # What is offered as sender’s address, those that work first.
    senders: Sequence[alignment.Sender] = ()

    def values(self) -> dict[str, Any]:
        """What was typed, checked field by field."""
        rate = (self.rate_per_minute.data or "").strip().replace(",", "").replace(".", "")
        if rate and not (rate.isascii() and rate.isdigit() and len(rate) < 9):
            raise Invalid(N_("Write a whole number."), "rate_per_minute")
        name = " ".join((self.from_name.data or "").split())
        if len(name) > 200:
            raise Invalid(N_("This is longer than %(limit)s characters."), "from_name", limit=200)
        chosen = self.transport_id.data or ""
        pool_id, source_address = _source(self.source.data or "")
        return {
            "from_name": name,
            "from_address": _address(self.from_address.data, "from_address"),
            "reply_to": _address(self.reply_to.data, "reply_to"),
            "transport_id": int(chosen) if chosen.isascii() and chosen.isdigit() else None,
            "pool_id": pool_id,
            "source_address": source_address,
            "rate_per_minute": int(rate) if rate else None,
        }


def _source(chosen: str) -> tuple[int | None, str]:
    """Of `pool` or `pool address`."""
    pool_id, _space, address = chosen.partition(" ")
    return (int(pool_id), address) if pool_id.isascii() and pool_id.isdigit() else (None, "")


def _address(typed: str | None, place: str) -> str:
    if not (typed or "").strip():
        return ""
    found = addresses.check(typed or "")
    if found.normalized is None:
        raise Invalid(addresses.REASONS[found.reason or "empty"], place)
    return found.normalized


@blueprint.route("/<int:broadcast_id>/sender", methods=["GET", "POST"], endpoint="sender")
def sender(broadcast_id: int) -> str | tuple[str, int] | Response:
    """Show and store the sender."""
    with transaction() as session:
        broadcast = compose.get(session, current_account_id(), broadcast_id)
        if broadcast.state != "draft":
            return to_progress(broadcast)
        form = SenderForm(data=_shown(broadcast))
        form.transport_id.choices = _choices(session)
        form.source.choices = _sources(session)
        form.senders = alignment.senders(session, current_account_id())
    if not form.is_submitted():
        return _page(form, broadcast)
    try:
        with transaction() as session:
            values = form.values()
            if values["transport_id"] is not None:
                transports.transport(session, current_account_id(), values["transport_id"])
            if values["pool_id"] is not None:
                pools.check_source(
                    session, current_account_id(), values["pool_id"], values["source_address"]
                )
            compose.save(session, current_account_id(), broadcast_id, values)
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(form, broadcast), 422
    return go(url_for("broadcast_run.review", broadcast_id=broadcast_id))


def _shown(broadcast: Broadcast) -> dict[str, Any]:
    return {
        "from_name": broadcast.from_name,
        "from_address": broadcast.from_address,
        "reply_to": broadcast.reply_to,
        "transport_id": str(broadcast.transport_id or ""),
        "source": f"{broadcast.pool_id or ''} {broadcast.source_address}".strip(),
        "rate_per_minute": str(broadcast.rate_per_minute or ""),
    }


def _choices(session: Session) -> list[tuple[str, str]]:
    found = transports.transports(session, current_account_id())
    usual = next((t.name for t in found if t.is_default), None)
    first = _("The usual way (%(name)s)", name=usual) if usual else _("The usual way")
    return [("", first), *((str(t.id), t.name) for t in found if not t.is_default)]


def _sources(session: Session) -> list[tuple[str, str]]:
    found = pools.sources(session, current_account_id())
    choices = [("", _("The usual address"))]
    for pool in pools.pools(session, current_account_id()):
        choices.append((str(pool.id), pool.name))
        choices += [
            (f"{pool.id} {one.address}", f"{pool.name}: {one.address}")
            for one in found.get(pool.id, ())
        ]
    return choices


def _page(form: SenderForm, broadcast: Broadcast) -> str:
    steps = words.steps(broadcast, "sender")
    return render_template("broadcasts/sender.html", form=form, broadcast=broadcast, steps=steps)
