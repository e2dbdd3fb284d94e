"""The local mailbox: every mail that was sent while no transport is set."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, render_template, request, url_for

from esp.broadcasts import queries as broadcasts
from esp.entrypoints.web.frame import current_account_id, is_htmx, runtime, transaction
from esp.mailbox import queries, reading
from esp.senders import transports

blueprint = Blueprint("mailbox", __name__, url_prefix="/a/<slug>/mailbox")

VIEWS = ("html", "text", "headers", "source")


@blueprint.get("")
def index() -> str:
    """The newest first; search and filter are in the query."""
    words, broadcast_id = request.args.get("q", "")[:200], _number("broadcast")
    before = _number("before")
    with transaction() as session:
        found = queries.messages(
            session, current_account_id(), before=before, search=words, broadcast_id=broadcast_id
        )
        leaves = bool(runtime().settings.smtp_url) or bool(
            transports.default_transport(session, current_account_id())
        )
        choices = broadcasts.page(session, current_account_id(), limit=100)

    def address(last: int | None) -> str:
        return url_for(".index", before=last, q=words or None, broadcast=broadcast_id)

    return render_template(
        "mailbox/rows.html" if is_htmx() else "mailbox/index.html",
        rows=found.messages,
        words=words,
        broadcast_id=broadcast_id,
        choices=[b for b in choices if b.state not in ("draft", "scheduled")],
        leaves=leaves,
        older=address(found.before) if found.before else None,
        newest=address(None) if before else None,
    )


@blueprint.get("/<int:message_id>")
def show(message_id: int) -> str:
    """One message: as HTML, text, headers or source (`view` in the query).

    With `uncounted` in the query, looking at it is no open.
    """
    with transaction() as session:
        message = queries.message(session, current_account_id(), message_id)
    letter = reading.read(message.raw)
    view = request.args.get("view", "")
    if view not in VIEWS:
        view = "html" if letter.html is not None else "text"
    return render_template(
        "mailbox/show.html",
        message=message,
        letter=letter,
        view=view,
        has_pixel=reading.has_pixel(letter.html or ""),
        counted="uncounted" not in request.args,
        one_click=_own_one_click(letter),
    )


@blueprint.get("/<int:message_id>/raw")
def raw(message_id: int) -> Response:
    """The bytes as they were sent."""
    with transaction() as session:
        message = queries.message(session, current_account_id(), message_id)
    headers = {"Content-Disposition": f'attachment; filename="message-{message_id}.eml"'}
    return Response(message.raw, content_type="message/rfc822", headers=headers)


def _own_one_click(letter: reading.Letter) -> str | None:
    """The path to post to, when the address is one of ours: forms lead nowhere else."""
    url = letter.one_click
    if url is None or not url.startswith(f"{runtime().settings.public_url}/u/"):
        return None
    return urlsplit(url).path


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        abort(404)
    return int(text)
