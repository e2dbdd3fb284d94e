"""A broadcast's sender and review, and its run: scheduled, watched, paused, cancelled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from esp.accounts import audit, roles
from esp.broadcasts import compose, forecast, move, overview, times
from esp.broadcasts.funnel import funnel
from esp.broadcasts.message import examine
from esp.broadcasts.models import Broadcast
from esp.broadcasts.tidy import retry_failed
from esp.engagement import counts
from esp.entrypoints.tasks import wake
from esp.entrypoints.web import broadcast_words as words
from esp.entrypoints.web import editor
from esp.entrypoints.web.broadcasts import to_progress
from esp.entrypoints.web.frame import (
    current_account,
    current_account_id,
    current_user,
    go,
    is_htmx,
    notify,
    requires,
    runtime,
    sentence,
    transaction,
)
from esp.errors import Invalid

blueprint = Blueprint("broadcast_run", __name__, url_prefix="/a/<slug>/broadcasts")

SENDS = roles.least_role(roles.SEND)
Page = str | tuple[str, int] | Response
# While one of these lasts, the page asks again.
MOVING = frozenset(("scheduled", "preparing", "sending"))


@blueprint.get("/<int:broadcast_id>/review")
def review(broadcast_id: int) -> Page:
    """Everything once more, and what is missing."""
    with transaction() as session:
        broadcast = compose.get(session, current_account_id(), broadcast_id)
        if broadcast.state != "draft":
            return to_progress(broadcast)
        return _review(session, broadcast)


def _review(session: Session, broadcast: Broadcast, send_at: str = "", error: str = "") -> str:
    account_id = current_account_id()
    smtp_url = runtime().settings.smtp_url
    examined = examine(session, broadcast, measured=False, smtp_url=smtp_url)
    include, exclude = compose.lists_of(session, account_id, broadcast.id)
    counted = funnel(session, account_id, include, exclude)
    chosen = {choice.id: choice for choice in overview.list_choices(session, account_id)}
    warnings = [p for p in examined.problems if p.kind == "warning"]
    tomorrow = runtime().clock() + timedelta(days=1)
    return render_template(
        "broadcasts/review.html",
        broadcast=broadcast,
        steps=words.steps(broadcast, "review"),
        blockers=[words.mend(broadcast, problem) for problem in examined.blockers],
        warnings=[words.mend(broadcast, problem) for problem in warnings],
        everybody=overview.reaches_everybody(session, account_id, counted),
        funnel=counted,
        include=[chosen[i].name for i in include if i in chosen],
        exclude=[chosen[i].name for i in exclude if i in chosen],
        sight=editor.sight(session, broadcast, ()),
        mail=url_for("mail.show", what="broadcasts", ident=broadcast.id),
        may_send=current_account().allows(SENDS),
        send_at=send_at or times.local_field(tomorrow, current_account().time_zone),
        earliest=times.local_field(runtime().clock(), current_account().time_zone),
        error=error,
        undo_seconds=runtime().settings.undo_seconds,
    )


@blueprint.get("/<int:broadcast_id>/forecast")
def foretell(broadcast_id: int) -> Page:
    """When it would be through; a part of pages that have it loaded after themselves."""
    now = runtime().clock()
    with transaction() as session:
        broadcast = compose.get(session, current_account_id(), broadcast_id)
        if not is_htmx() or broadcast.state not in ("draft", "scheduled"):
            name = ".review" if broadcast.state == "draft" else ".show"
            return go(url_for(name, broadcast_id=broadcast_id))
        found = forecast.forecast(session, runtime().settings, broadcast, now)
    return render_template("broadcasts/forecast.html", forecast=found)


@blueprint.post("/<int:broadcast_id>/schedule")
@requires(SENDS)
def schedule(broadcast_id: int) -> Page:
    """Send it at the chosen time of the account's zone."""
    typed = request.form.get("send_at", "")
    try:
        return _schedule(broadcast_id, times.moment(typed, current_account().time_zone))
    except Invalid as wrong:
        with transaction() as session:
            broadcast = compose.get(session, current_account_id(), broadcast_id)
            return _review(session, broadcast, typed, sentence(wrong)), 422


@blueprint.post("/<int:broadcast_id>/send")
@requires(SENDS)
def send(broadcast_id: int) -> Page:
    """Send it now, but for a moment in which that can be taken back."""
    undo = timedelta(seconds=runtime().settings.undo_seconds)
    return _schedule(broadcast_id, runtime().clock() + undo)


def _schedule(broadcast_id: int, send_at: datetime) -> Page:
    now = runtime().clock()
    try:
        with transaction() as session:
            move.schedule(
                session,
                current_account_id(),
                broadcast_id,
                send_at,
                now,
                smtp_url=runtime().settings.smtp_url,
            )
            _record(session, broadcast_id, "schedule", send_at=send_at.isoformat())
    except move.NotReady:
        with transaction() as session:
            broadcast = compose.get(session, current_account_id(), broadcast_id)
            return _review(session, broadcast), 409
    wake(runtime(), "broadcasts", current_account_id())
    return go(url_for(".show", broadcast_id=broadcast_id))


@blueprint.post("/<int:broadcast_id>/unschedule")
@requires(SENDS)
def unschedule(broadcast_id: int) -> Response:
    """Back to a draft, while it has not begun."""
    with transaction() as session:
        move.unschedule(session, current_account_id(), broadcast_id)
        _record(session, broadcast_id, "unschedule")
    notify(_("It is a draft again. Nothing was sent."))
    return go(url_for(".review", broadcast_id=broadcast_id))


@blueprint.get("/<int:broadcast_id>")
def show(broadcast_id: int) -> str | Response:
    """How far it has come; htmx gets only that part, every two seconds."""
    now = runtime().clock()
    with transaction() as session:
        broadcast = compose.get(session, current_account_id(), broadcast_id)
        if broadcast.state == "draft":
            return go(url_for("broadcasts.message", broadcast_id=broadcast_id))
        numbers = counts.of_broadcast(session, current_account_id(), broadcast_id)
        include, exclude = compose.lists_of(session, current_account_id(), broadcast_id)
        waiting = None
        if broadcast.state == "scheduled":
            waiting = funnel(session, current_account_id(), include, exclude).final
        chosen = {c.id: c.name for c in overview.list_choices(session, current_account_id())}
    undo = timedelta(seconds=runtime().settings.undo_seconds + 1)
    open_end = broadcast.finished_at is None and broadcast.state == "cancelled"
    return render_template(
        "broadcasts/progress.html" if is_htmx() else "broadcasts/show.html",
        broadcast=broadcast,
        progress=overview.Progress.of(numbers),
        numbers=numbers,
        waiting=waiting,
        now=now,
        moving=broadcast.state in MOVING or open_end,
        undoing=broadcast.state == "scheduled"
        and broadcast.send_at is not None
        and broadcast.send_at - now <= undo,
        may_send=current_account().allows(SENDS),
        include=[chosen[i] for i in include if i in chosen],
        exclude=[chosen[i] for i in exclude if i in chosen],
    )


@blueprint.post("/<int:broadcast_id>/pause")
@requires(SENDS)
def pause(broadcast_id: int) -> Response:
    """Begin no further message."""
    return _moved(broadcast_id, "pause", move.pause)


@blueprint.post("/<int:broadcast_id>/resume")
@requires(SENDS)
def resume(broadcast_id: int) -> Response:
    """Go on."""
    return _moved(broadcast_id, "resume", move.resume)


@blueprint.post("/<int:broadcast_id>/cancel")
@requires(SENDS)
def cancel(broadcast_id: int) -> Response:
    """End it here."""
    now = runtime().clock()
    return _moved(broadcast_id, "cancel", lambda s, a, b: move.cancel(s, a, b, now))


@blueprint.post("/<int:broadcast_id>/retry")
@requires(SENDS)
def retry(broadcast_id: int) -> Response:
    """Try those again who failed."""
    answer = _moved(broadcast_id, "retry", retry_failed)
    notify(_("Those who failed are tried again."))
    return answer


def _moved(broadcast_id: int, name: str, act: Callable[[Session, int, int], object]) -> Response:
    with transaction() as session:
        act(session, current_account_id(), broadcast_id)
        _record(session, broadcast_id, name)
    for task in ("broadcasts", "send"):
        wake(runtime(), task, current_account_id())
    return go(url_for(".show", broadcast_id=broadcast_id))


def _record(session: Session, broadcast_id: int, name: str, **detail: Any) -> None:
    actor = current_user().email
    audit.record(
        session, current_account_id(), actor, f"broadcast.{name}", str(broadcast_id), detail
    )
