"""Delivery of all accounts together, and the pace of the installation's own way out."""

from __future__ import annotations

import logging

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from esp.delivery import brakes, overview, sums
from esp.delivery.lines import FREE, common_lines, standing_of
from esp.delivery.pacing import limits
from esp.delivery.pacing.key import Key
from esp.entrypoints.web.delivery import LimitsForm, keep, provider_name, shown
from esp.entrypoints.web.delivery_words import provider
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import current_user, go, is_htmx, notify, runtime
from esp.entrypoints.web.queried import actor
from esp.errors import Invalid, NotFound

blueprint = Blueprint("operator", __name__, url_prefix="/operator/delivery")
log = logging.getLogger(__name__)


@blueprint.before_request
def _only_operators() -> None:
    # Whether there is such a page is nobody else's business. Without a session nobody comes here.
    if not current_user().is_operator:
        raise NotFound()


@blueprint.get("")
def index() -> str:
    """Sums of all accounts; htmx gets only what changes."""
    now = runtime().clock()
    with runtime().transaction(0) as session:
        found = sums.sums_by_provider(session, now)
        accounts = sums.sums_by_account(session, now)
        ways = overview.ways(session, 0, now)
        replies = overview.replies(session, 0, now)
    return render_template(
        "delivery/all_live.html" if is_htmx() else "delivery/all.html",
        lines=common_lines(found, ways, now),
        accounts=accounts,
        replies=replies,
    )


@blueprint.get("/<int:provider_id>")
def way(provider_id: int) -> str:
    """The installation's own way to a provider."""
    return _page(provider_id)


@blueprint.post("/<int:provider_id>")
def change(provider_id: int) -> str | tuple[str, int] | Response:
    """Set limits, or begin a warm-up, for all accounts that send by it."""
    form, now = LimitsForm(), runtime().clock()
    try:
        with runtime().transaction(0) as session:
            name = provider_name(session, provider_id)
            known = overview.ways(session, 0, now, [provider_id]).get((0, provider_id))
            keep(session, Key(0, 0, provider_id), form, known, now)
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(provider_id, form), 422
    log.info("%s set limits for %s", actor(), name)
    notify(_("The limits are saved. The senders keep to them at once."))
    return go(url_for(".way", provider_id=provider_id))


@blueprint.post("/<int:provider_id>/hold")
def hold(provider_id: int) -> Response:
    """Begin nothing more to a provider by the installation's own way."""
    with runtime().transaction(0) as session:
        name = provider_name(session, provider_id)
        brakes.hold(session, Key(0, 0, provider_id))
    log.info("%s paused %s", actor(), name)
    undo = url_for(".lift", provider_id=provider_id)
    notify(_("Nothing more goes to %(name)s until you resume it.", name=provider(name)), undo=undo)
    return go(url_for(".index"))


@blueprint.post("/<int:provider_id>/lift")
def lift(provider_id: int) -> Response:
    """Go on, whatever held it up."""
    with runtime().transaction(0) as session:
        name = provider_name(session, provider_id)
        brakes.lift(session, Key(0, 0, provider_id))
    log.info("%s resumed %s", actor(), name)
    undo = url_for(".hold", provider_id=provider_id)
    notify(_("Mail goes to %(name)s again.", name=provider(name)), undo=undo)
    return go(url_for(".index"))


def _page(provider_id: int, form: LimitsForm | None = None) -> str:
    now = runtime().clock()
    with runtime().transaction(0) as session:
        name = provider_name(session, provider_id)
        known = overview.ways(session, 0, now, [provider_id]).get((0, provider_id))
    return render_template(
        "delivery/common_way.html",
        form=form or LimitsForm(data=shown(known)),
        provider_id=provider_id,
        name=name,
        standing=standing_of(known, now) if known else FREE,
        defaults=limits.of(name, None),
        allowance=known.allowance if known else None,
        sent_today=known.sent_today if known else 0,
        is_used=runtime().settings.delivers_directly,
    )
