"""The CSV files of a report."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask import Response, stream_with_context
from flask_babel import gettext as _

from esp.delivery.models import Recipient
from esp.entrypoints.web.frame import current_account_id, runtime, time_zone
from esp.reports import recipients, sheets
from esp.reports.over_time import Slot
from esp.reports.queries import LinkFigures, ProviderFigures
from esp.reports.sheets import Sheet
from esp.reports.words import STATES, reason_words

# Rows a transaction reads: none stays open while a slow reader takes the file.
_PAGE = 2_000


def sheet() -> Sheet:
    """In the language and the zone of this request."""
    return Sheet(_, time_zone())


def as_file(lines: Iterator[bytes], name: str) -> Response:
    """A download called after the broadcast."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80]
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{stem}.csv"'
    return response


def of_recipients(broadcast_id: int, wish: str, email: str) -> Iterator[bytes]:
    """The ledger, or what of it was asked for, read page by page while it is sent."""
    out, account_id, after = sheet(), current_account_id(), 0
    yield out.head(sheets.RECIPIENTS)
    while True:
        with runtime().transaction(account_id) as session:
            rows = recipients.page(
                session,
                account_id,
                broadcast_id,
                wish=wish,
                email=email,
                after=after,
                limit=_PAGE,
            )
            lines = b"".join(_recipient(out, row) for row in rows)
            after = rows[-1].seq if rows else after
        yield lines
        if len(rows) < _PAGE:
            return


def _recipient(out: Sheet, row: Recipient) -> bytes:
    return out.line(
        (
            row.email,
            _(STATES[row.state]),
            _(reason_words(row.reason)) if row.reason else "",
            row.code,
            row.reply,
            row.attempts,
            row.at,
            row.opened_at,
            row.opens,
            row.clicked_at,
            row.clicks,
            row.bounced_at,
            row.unsubscribed_at,
        )
    )


def of_links(found: list[LinkFigures]) -> Iterator[bytes]:
    """Clicks by target."""
    out, total = sheet(), sum(link.clicks for link in found)
    yield out.head(sheets.LINKS)
    for link in found:
        share = link.clicks / total if total else None
        yield out.line((link.label, link.target, link.clicks, link.unique_clicks, share))


def of_providers(found: list[ProviderFigures]) -> Iterator[bytes]:
    """What became of the recipients of each provider."""
    out = sheet()
    yield out.head(sheets.PROVIDERS)
    for one in found:
        yield out.line(
            (
                one.provider,
                one.recipients,
                one.sent,
                one.failed,
                one.bounced,
                one.opened,
                one.clicked,
            )
        )


def of_hours(slots: list[Slot]) -> Iterator[bytes]:
    """What happened in each hour."""
    out = sheet()
    yield out.head([sheets.HOUR, *(words for _name, words in sheets.HOURS)])
    for slot in slots:
        yield out.line((slot.start, *(slot.counts[name] for name, _words in sheets.HOURS)))
