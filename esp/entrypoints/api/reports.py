"""What became of a broadcast, over the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC

from apiflask import APIBlueprint

from esp.broadcasts import compose, queries, why
from esp.delivery.models import Recipient
from esp.engagement import counts
from esp.entrypoints.api import cursors
from esp.entrypoints.api.frame import PREFIX, account_id, session
from esp.entrypoints.api.shapes import results as shapes
from esp.reports import answers
from esp.reports import queries as reports
from esp.reports.figures import figures

blueprint = APIBlueprint(
    "reports", __name__, url_prefix=f"{PREFIX}/broadcasts/<id:broadcast_id>", tag="Reports"
)
_COUNTED = ("unique_opens", "unique_clicks", "unsubscribed", "complained")


@blueprint.get("/report")
@blueprint.output(shapes.Report)
def report(broadcast_id: int) -> shapes.Report:
    """The figures of a broadcast, live while it is sent"""
    broadcast = compose.get(session(), account_id(), broadcast_id)
    which = (session(), account_id(), broadcast_id)
    counted = counts.of_broadcast(*which)
    head = figures(counted)
    hours = [
        shapes.HourCount(hour=hour, name=name, count=count)
        for hour, name, count in reports.by_hour(*which)
    ]
    return shapes.Report.model_validate(
        asdict(head)
        | {name: counted.get(name, 0) for name in _COUNTED}
        | {
            "broadcast_id": broadcast_id,
            "state": broadcast.state,
            "rates": head.rates,
            "links": reports.by_link(*which),
            "hours": hours,
            "providers": reports.by_provider(*which),
        }
    )


@blueprint.get("/recipients")
@blueprint.input(shapes.RecipientQuery, location="query", arg_name="query")
@blueprint.output(shapes.RecipientPage)
def recipients(broadcast_id: int, query: shapes.RecipientQuery) -> shapes.RecipientPage:
    """The ledger: who got it, who did not, and why"""
    compose.get(session(), account_id(), broadcast_id)
    after = query.after or 0
    rows: Sequence[Recipient] = ()
    # No recipient has a number beyond PostgreSQL's integer.
    if after < 2**31:
        rows = queries.recipients(
            session(),
            account_id(),
            broadcast_id,
            state=query.state,
            email=query.email or "",
            after=after,
            limit=query.limit + 1,
        )
    page = rows[: query.limit]
    cursor = cursors.encode(page[-1].seq) if len(rows) > query.limit else None
    shown = [shapes.Recipient.model_validate(row) for row in page]
    return shapes.RecipientPage(data=shown, next_cursor=cursor)


@blueprint.get("/recipients/why")
@blueprint.input(shapes.WhyQuery, location="query", arg_name="query")
@blueprint.output(shapes.Why)
def why_not(broadcast_id: int, query: shapes.WhyQuery) -> shapes.Why:
    """Why somebody did, or did not, get it"""
    broadcast = compose.get(session(), account_id(), broadcast_id)
    answer = why.why(session(), account_id(), broadcast_id, query.email)
    reason = answer.recipient.reason if answer.recipient else None
    words = answers.words(answer.code, reason, broadcast.state)
    at = answer.late.at if answer.code == "bounced" and answer.late else answer.at
    fill = {
        "email": answer.email,
        "domain": answer.email.rpartition("@")[2],
        "when": at.astimezone(UTC).isoformat(timespec="seconds") if at else "",
    }
    return shapes.Why(
        code=answer.code,
        verdict=words.verdict,
        text=words.text % fill,
        advice=words.advice % fill,
        email=answer.email,
        at=at,
        recipient=shapes.Recipient.model_validate(answer.recipient) if answer.recipient else None,
        suppressed=answer.suppression.reason if answer.suppression else None,
    )
