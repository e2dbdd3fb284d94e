"""The suppression list: search, add, lift, download."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, render_template, request, stream_with_context, url_for
from flask import Response as FlaskResponse
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_babel import ngettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import TextAreaField

from esp.contacts.reading.rejected import cells
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import (
    current_account_id,
    go,
    is_htmx,
    notify,
    requires,
    runtime,
    transaction,
)
from esp.entrypoints.web.queried import actor, number, words
from esp.errors import N_, Invalid
from esp.suppression import by_hand, queries

blueprint = Blueprint("suppressions", __name__, url_prefix="/a/<slug>/suppressions")

REASONS = {
    "bounce": N_("Undeliverable"),
    "complaint": N_("Marked as spam"),
    "unsubscribe": N_("Unsubscribed"),
    "manual": N_("By hand"),
    "import": N_("From a file"),
    "erased": N_("Erased"),
}


class AddForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """Addresses that are to get no mail."""

    addresses = TextAreaField(
        __("Addresses"), description=__("One or many: a line each, or apart by commas.")
    )


@blueprint.get("")
def index() -> str:
    """The newest first; search and reason are in the query."""
    return _page(AddForm())


@blueprint.post("")
def add() -> str | tuple[str, int] | Response:
    """Suppress what was pasted."""
    form = AddForm()
    try:
        with transaction() as session:
            added = by_hand.add(session, current_account_id(), form.addresses.data or "", actor())
    except Invalid as wrong:
        add_error(form, wrong)
        return _page(form), 422
    if added.new:
        said = ngettext("%(num)s address is suppressed.", "%(num)s addresses are suppressed.",
                        added.new)  # fmt: skip
        notify(said)
    if added.known:
        notify(_("%(count)s were on the list already.", count=added.known), "info")
    if added.wrong:
        shown = ", ".join(added.wrong[:3])[:200]
        notify(_("Not an address: %(text)s", text=shown), "warning")
    return go(url_for(".index"))


@blueprint.post("/<int:suppression_id>/lift")
@requires("manager")
def lift(suppression_id: int) -> Response:
    """Let an address have mail again; it goes into the log."""
    with transaction() as session:
        email = by_hand.take_off(session, current_account_id(), suppression_id, actor())
    notify(_("%(email)s can get mail again.", email=email))
    return go(url_for(".index"))


@blueprint.get("/download")
def download() -> FlaskResponse:
    """All of them as CSV."""
    head = [_("Address"), _("Reason"), _("Since"), _("Source"), _("By"), _("Evidence")]
    reasons = {code: _(name) for code, name in REASONS.items()}
    account_id, here = current_account_id(), runtime()

    def lines() -> Iterator[bytes]:
        yield b"\xef\xbb\xbf" + cells(head)
        with here.transaction(account_id) as session:
            for row in queries.everything(session, account_id):
                since = row.created_at.isoformat(timespec="seconds")
                reason = reasons.get(row.reason, row.reason)
                yield cells([row.email, reason, since, row.source, row.actor, row.evidence])

    response = FlaskResponse(stream_with_context(lines()), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="suppressions.csv"'
    return response


def _page(form: AddForm) -> str:
    reason = request.args.get("reason", "")
    reason = reason if reason in REASONS else ""
    before, said = number("before"), words()
    with transaction() as session:
        rows = queries.page(
            session,
            current_account_id(),
            words=said,
            reason=reason,
            before=before,
            limit=queries.PAGE + 1,
        )
        total = queries.count(session, current_account_id())
    more, rows = len(rows) > queries.PAGE, rows[: queries.PAGE]

    def address(last: int | None) -> str:
        return url_for(".index", q=said or None, reason=reason or None, before=last)

    return render_template(
        "suppressions/rows.html" if is_htmx() else "suppressions/index.html",
        form=form,
        rows=rows,
        total=total,
        words=said,
        reason=reason,
        reasons=REASONS,
        older=address(rows[-1].id) if more else None,
        newest=address(None) if before else None,
    )
