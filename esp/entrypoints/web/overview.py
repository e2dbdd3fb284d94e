"""The first page of an account: what to do next, what is on its way, what went out."""

from __future__ import annotations

from flask import Blueprint, render_template

from esp.broadcasts import overview
from esp.engagement import counts
from esp.entrypoints.web.frame import current_account_id, runtime, transaction

blueprint = Blueprint("overview", __name__, url_prefix="/a/<slug>")


@blueprint.get("/")
def index() -> str:
    """Where an account stands."""
    account_id = current_account_id()
    with transaction() as session:
        standing = overview.standing(session, account_id, runtime().clock())
        running = overview.running(session, account_id)
        drafts = overview.latest(session, account_id, ("draft",), limit=3)
        sent = overview.latest(session, account_id, ("sent", "cancelled", "failed"))
        numbers = counts.of_broadcasts(session, account_id, [b.id for b in (*running, *sent)])
    return render_template(
        "overview/index.html",
        standing=standing,
        running=running,
        drafts=drafts,
        sent=sent,
        counts=numbers,
        progress={b.id: overview.Progress.of(numbers.get(b.id, {})) for b in running},
    )
