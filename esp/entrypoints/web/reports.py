"""The pages of a broadcast's report: figures, recipients, and why somebody did (not) get it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from esp.accounts import roles
from esp.broadcasts import compose
from esp.broadcasts.models import Broadcast
from esp.broadcasts.why import why
from esp.entrypoints.web import broadcast_words, report_chart, report_files
from esp.entrypoints.web.frame import (
    current_account,
    current_account_id,
    is_htmx,
    runtime,
    time_zone,
    transaction,
)
from esp.entrypoints.web.looks import when
from esp.reports import answers, evidence, over_time, queries, recipients
from esp.reports.words import PROVIDERS, REASONS, STATES, SUBSCRIPTIONS, SUPPRESSIONS

blueprint = Blueprint("reports", __name__, url_prefix="/a/<slug>/broadcasts/<int:broadcast_id>")

ON_A_PAGE = 50
SENDER = roles.least_role(roles.SEND)


@blueprint.get("/report")
def report(broadcast_id: int) -> str | Response:
    """Figures, rates, chart, links, providers; `part` asks for what moves while it is sent."""
    part = request.args.get("part") if is_htmx() else None
    with transaction() as session:
        broadcast = compose.get(session, current_account_id(), broadcast_id)
        page = _figures(session, broadcast)
        if part != "figures":
            page |= _details(session, broadcast)
    if part not in ("figures", "details"):
        return render_template("reports/report.html", **page)
    answer = make_response(render_template(f"reports/_{part}.html", **page))
    if request.args.get("seen") != broadcast.state:
        # Head and buttons are others now.
        answer.headers["HX-Refresh"] = "true"
    return answer


def _head(session: Session, broadcast: Broadcast) -> dict[str, Any]:
    """What the head of each of the pages shows."""
    return {
        "broadcast": broadcast,
        "figures": queries.of_broadcast(session, broadcast.account_id, broadcast.id),
        "is_live": broadcast.state in broadcast_words.LIVE
        or (broadcast.state == "cancelled" and broadcast.finished_at is None),
        "is_unsent": broadcast.started_at is None,
        "may_retry": broadcast.state == "sent" and current_account().allows(SENDER),
        "broadcast_states": broadcast_words.STATES,
        "broadcast_tones": broadcast_words.TONES,
        "short_time": report_chart.short_time,
        "broadcast_url": url_for("broadcast_run.show", broadcast_id=broadcast.id),
    }


def _figures(session: Session, broadcast: Broadcast) -> dict[str, Any]:
    return {
        **_head(session, broadcast),
        "tracking": queries.tracking_of(session, broadcast.account_id, broadcast.id),
    }


def _details(session: Session, broadcast: Broadcast) -> dict[str, Any]:
    if broadcast.started_at is None:
        return {}
    ids = (broadcast.account_id, broadcast.id)
    rows = queries.by_hour(session, *ids)
    reasons = queries.by_reason(session, *ids)
    links = queries.by_link(session, *ids)
    return {
        **report_chart.chart(
            rows, broadcast.started_at, runtime().clock(), request.args.get("by", "")
        ),
        "links": links,
        "link_clicks": sum(link.clicks for link in links),
        "providers": queries.by_provider(session, *ids),
        "provider_names": PROVIDERS,
        "reasons": reasons,
        "reason_words": REASONS,
        "states": STATES,
        "retryable": sum(one.recipients for one in reasons if one.may_be_retried),
    }


@blueprint.get("/report/recipients")
def ledger(broadcast_id: int) -> str:
    """The recipients, filtered by `state` and the beginning of an address."""
    wish, email = request.args.get("state", ""), request.args.get("q", "").strip()[:320]
    after, before = _number("after") or 0, _number("before")
    with transaction() as session:
        broadcast = compose.get(session, current_account_id(), broadcast_id)
        page = _head(session, broadcast)
        found = recipients.page(
            session,
            current_account_id(),
            broadcast_id,
            wish=wish,
            email=email,
            after=after,
            before=before,
            limit=ON_A_PAGE + 1,
        )
        reasons = queries.by_reason(session, current_account_id(), broadcast_id)
    more = len(found) > ON_A_PAGE
    if before is None:
        rows, has_newer, has_older = found[:ON_A_PAGE], bool(after), more
    else:
        rows, has_newer, has_older = found[-ON_A_PAGE:], more, bool(found)

    def at(**cursor: int) -> str:
        values: dict[str, Any] = {"state": wish or None, "q": email or None, **cursor}
        return url_for("reports.ledger", broadcast_id=broadcast_id, **values)

    return render_template(
        "reports/recipients.html",
        **page,
        rows=rows,
        newer=at(before=rows[0].seq) if has_newer and rows else None,
        older=at(after=rows[-1].seq) if has_older and rows else None,
        wish=wish,
        email=email,
        wishes=_wishes(page["figures"]),
        states=STATES,
        reason_words=REASONS,
        retryable=sum(one.recipients for one in reasons if one.may_be_retried),
    )


def _wishes(figures: Any) -> list[tuple[str, str, int]]:
    """(key, words, how many) of what one may ask the ledger for."""
    counts = {
        "opened": figures.rate("opened").count,
        "clicked": figures.rate("clicked").count,
        "unsubscribed": figures.rate("unsubscribed").count,
    }
    return [
        (key, words, counts.get(key, getattr(figures, key, 0)))
        for key, words in recipients.WISHES.items()
    ]


@blueprint.get("/report/why")
def why_page(broadcast_id: int) -> str:
    """Why an address did, or did not, get the broadcast."""
    address = request.args.get("address", "").strip()[:320]
    with transaction() as session:
        account_id = current_account_id()
        page = _head(session, compose.get(session, account_id, broadcast_id))
        if address:
            page |= _answer(session, page["broadcast"], address)
    return render_template("reports/why.html", **page, address=address)


def _answer(session: Session, broadcast: Broadcast, address: str) -> dict[str, Any]:
    answer = why(session, broadcast.account_id, broadcast.id, address)
    row = answer.recipient
    words = answers.words(answer.code, row.reason if row else None, broadcast.state)
    at = answer.late.at if answer.code == "bounced" and answer.late else answer.at
    return {
        "answer": answer,
        "words": words,
        "fill": {
            "email": answer.email,
            "domain": answer.email.rpartition("@")[2],
            "when": when(at),
        },
        "evidence": evidence.evidence(session, broadcast.account_id, broadcast.id, answer),
        "states": STATES,
        "reason_words": REASONS,
        "suppressions": SUPPRESSIONS,
        "subscriptions": SUBSCRIPTIONS,
    }


@blueprint.get("/report/recipients.csv")
def recipients_file(broadcast_id: int) -> Response:
    """The ledger; with `state` and `q` only what was asked for."""
    wish, email = request.args.get("state", ""), request.args.get("q", "").strip()[:320]
    name = _name(broadcast_id)
    recipients.check_wish(wish)
    return report_files.as_file(
        report_files.of_recipients(broadcast_id, wish, email), f"{name} {_('recipients')}"
    )


@blueprint.get("/report/links.csv")
def links_file(broadcast_id: int) -> Response:
    """Clicks by link."""
    name = _name(broadcast_id)
    with transaction() as session:
        found = queries.by_link(session, current_account_id(), broadcast_id)
    return report_files.as_file(report_files.of_links(found), f"{name} {_('links')}")


@blueprint.get("/report/providers.csv")
def providers_file(broadcast_id: int) -> Response:
    """Outcomes by provider."""
    name = _name(broadcast_id)
    with transaction() as session:
        found = queries.by_provider(session, current_account_id(), broadcast_id)
    return report_files.as_file(report_files.of_providers(found), f"{name} {_('providers')}")


@blueprint.get("/report/hours.csv")
def hours_file(broadcast_id: int) -> Response:
    """What happened hour by hour."""
    with transaction() as session:
        broadcast = compose.get(session, current_account_id(), broadcast_id)
        rows = queries.by_hour(session, current_account_id(), broadcast_id)
    slots = []
    if broadcast.started_at is not None:
        first, last = over_time.window(rows, broadcast.started_at, runtime().clock())
        slots = over_time.hourly(rows, time_zone(), first, last)
    return report_files.as_file(report_files.of_hours(slots), f"{broadcast.name} {_('hours')}")


def _name(broadcast_id: int) -> str:
    with transaction() as session:
        return compose.get(session, current_account_id(), broadcast_id).name


def _number(name: str) -> int | None:
    """A cursor of the query; what is none is as good as absent."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
