"""What is on its way: by provider, live, with what receivers answer; pause, resume and limits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField

from esp.accounts import audit
from esp.broadcasts import forecast, queries
from esp.delivery import brakes, overview
from esp.delivery.lines import FREE, lines, standing_of
from esp.delivery.overview import Way, Wishes
from esp.delivery.pacing import limits
from esp.delivery.pacing.key import Key
from esp.entrypoints.web import delivery_words
from esp.entrypoints.web.delivery_words import provider
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import (
    current_account,
    current_account_id,
    go,
    is_htmx,
    notify,
    requires,
    runtime,
    transaction,
)
from esp.entrypoints.web.queried import actor
from esp.errors import N_, Invalid, NotFound
from esp.senders import pools, transports
from esp.senders.models import Provider

blueprint = Blueprint("delivery", __name__, url_prefix="/a/<slug>/delivery")

# More connections, or messages a minute, than any receiver would take.
LARGEST = 1_000_000


class LimitsForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """How much a provider is given at most."""

    max_connections = StringField(__("Connections at a time"))
    messages_per_connection = StringField(__("Messages on a connection"))
    rate_per_minute = StringField(__("Messages a minute"))
    warms_up = BooleanField(
        __("Warm up"),
        description=__(
            "For new addresses: 50 messages on the first day, then more each day, as long as few"
            " are put off or complained about."
        ),
    )

    def values(self) -> Wishes:
        """What was typed; Invalid at the field that is no number."""
        return Wishes(
            **{
                name: _number(self[name].data, name)
                for name in ("max_connections", "messages_per_connection", "rate_per_minute")
            }
        )


def _number(typed: str | None, place: str) -> int | None:
    text = (typed or "").strip().replace(",", "").replace(".", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid(N_("Write a whole number."), place)
    if not 1 <= int(text) <= LARGEST:
        raise Invalid(N_("Use a number from 1 to %(most)s."), place, most=LARGEST)
    return int(text)


def shown(way: Way | None) -> dict[str, Any]:
    """What the form begins with."""
    wishes = way.wishes if way else Wishes()
    return {
        "max_connections": str(wishes.max_connections or ""),
        "messages_per_connection": str(wishes.messages_per_connection or ""),
        "rate_per_minute": str(wishes.rate_per_minute or ""),
        "warms_up": bool(way and way.warm_up),
    }


def keep(session: Session, key: Key, form: LimitsForm, way: Way | None, now: datetime) -> None:
    """Store what was typed; the warm-up begins or ends only where its box was changed."""
    wishes = form.values()
    brakes.set_limits(
        session,
        key,
        wishes.max_connections,
        wishes.messages_per_connection,
        wishes.rate_per_minute,
    )
    warms = bool(form.warms_up.data)
    if warms != bool(way and way.warm_up):
        brakes.start_warm_up(session, key, now if warms else None)


def provider_name(session: Session, provider_id: int) -> str:
    """NotFound if there is no such one."""
    name = session.scalar(select(Provider.name).where(Provider.id == provider_id))
    if name is None:
        raise NotFound()
    return name


def install(app: Flask) -> None:
    """Give templates the words of these pages."""
    delivery_words.install(app)


@blueprint.get("")
def index() -> str:
    """Everything on its way; htmx gets only what changes, every few seconds."""
    account_id, now = current_account_id(), runtime().clock()
    with transaction() as session:
        running = queries.on_the_way(session, account_id)
        queue = overview.queue(
            session, account_id, delivers_directly=runtime().settings.delivers_directly
        )
        ways = forecast.known(session, account_id, now)
        activity = overview.activity(session, account_id, now)
        replies = overview.replies(session, account_id, now)
        names = {pool.id: pool.name for pool in pools.pools(session, account_id)}
    return render_template(
        "delivery/live.html" if is_htmx() else "delivery/index.html",
        lines=lines(queue, activity, ways.own, ways.common, ways.names, now),
        broadcasts=forecast.expected(running, queue, ways, now),
        replies=replies,
        pools=names,
    )


@blueprint.get("/<int:pool_id>/<int:provider_id>")
def way(pool_id: int, provider_id: int) -> str:
    """One provider as a pool sees it, and what people set."""
    return _page(pool_id, provider_id)


@blueprint.post("/<int:pool_id>/<int:provider_id>")
@requires("manager")
def change(pool_id: int, provider_id: int) -> str | tuple[str, int] | Response:
    """Set limits, or begin a warm-up."""
    form, now = LimitsForm(), runtime().clock()
    try:
        with transaction() as session:
            name = _check(session, pool_id, provider_id)
            known = overview.ways(session, current_account_id(), now, [provider_id])
            keep(session, _key(pool_id, provider_id), form, known.get((pool_id, provider_id)), now)
            _record(session, "limits", name, pool_id)
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(pool_id, provider_id, form), 422
    notify(_("The limits are saved. The senders keep to them at once."))
    return go(url_for(".way", pool_id=pool_id, provider_id=provider_id))


@blueprint.post("/<int:pool_id>/<int:provider_id>/hold")
@requires("manager")
def hold(pool_id: int, provider_id: int) -> Response:
    """Begin nothing more to a provider."""
    with transaction() as session:
        name = _check(session, pool_id, provider_id)
        brakes.hold(session, _key(pool_id, provider_id))
        _record(session, "hold", name, pool_id)
    undo = url_for(".lift", pool_id=pool_id, provider_id=provider_id)
    notify(_("Nothing more goes to %(name)s until you resume it.", name=provider(name)), undo=undo)
    return go(url_for(".index"))


@blueprint.post("/<int:pool_id>/<int:provider_id>/lift")
@requires("manager")
def lift(pool_id: int, provider_id: int) -> Response:
    """Go on, whatever held it up."""
    with transaction() as session:
        name = _check(session, pool_id, provider_id)
        brakes.lift(session, _key(pool_id, provider_id))
        _record(session, "lift", name, pool_id)
    undo = url_for(".hold", pool_id=pool_id, provider_id=provider_id)
    notify(_("Mail goes to %(name)s again.", name=provider(name)), undo=undo)
    return go(url_for(".index"))


def _key(pool_id: int, provider_id: int) -> Key:
    return Key(current_account_id(), pool_id, provider_id)


def _check(session: Session, pool_id: int, provider_id: int) -> str:
    """The provider's name; NotFound without it, or if the pool is not the account's."""
    if pool_id:
        pools.pool(session, current_account_id(), pool_id)
    return provider_name(session, provider_id)


def _page(pool_id: int, provider_id: int, form: LimitsForm | None = None) -> str:
    account_id, now = current_account_id(), runtime().clock()
    common_is_direct = runtime().settings.delivers_directly
    with transaction() as session:
        name = _check(session, pool_id, provider_id)
        own = overview.ways(session, account_id, now, [provider_id]).get((pool_id, provider_id))
        common = overview.common_ways(session, account_id, now, [provider_id])
        straight = [t for t in transports.transports(session, account_id) if t.kind == "direct"]
        pool = pools.pool(session, account_id, pool_id).name if pool_id else ""
    is_own = bool(pool_id) or any(one.pool_id is None for one in straight)
    is_shared = common_is_direct and not pool_id
    above = common.get((0, provider_id)) if is_shared else None
    return render_template(
        "delivery/way.html",
        form=form or LimitsForm(data=shown(own)),
        pool_id=pool_id,
        provider_id=provider_id,
        pool=pool,
        name=name,
        standing=standing_of(own, now) if own else FREE,
        above=standing_of(above, now, is_common=True) if above else FREE,
        defaults=limits.of(name, None),
        allowance=own.allowance if own else None,
        sent_today=own.sent_today if own else 0,
        is_own=is_own,
        is_direct=is_own or is_shared,
        manages=current_account().allows("manager"),
    )


def _record(session: Session, act: str, name: str, pool_id: int) -> None:
    audit.record(session, current_account_id(), actor(), f"delivery.{act}", name, {"pool": pool_id})
