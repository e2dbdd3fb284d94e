"""The one route that shows the HTML of mails, for sandboxed frames, and whose eyes to borrow."""

from __future__ import annotations

import re

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import escape
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from esp.broadcasts import compose, preview
from esp.broadcasts.models import Broadcast
from esp.content import ready_made, templates
from esp.content.models import Template
from esp.entrypoints.web import editor
from esp.entrypoints.web.frame import (
    current_account,
    current_account_id,
    go,
    is_htmx,
    transaction,
)
from esp.entrypoints.web.headers import MAIL_POLICY, other_policy
from esp.errors import NotFound
from esp.mailbox import queries as mailbox
from esp.mailbox import reading
from esp.places import templates_folder

blueprint = Blueprint("mail", __name__, url_prefix="/a/<slug>")

other_policy("mail.show", MAIL_POLICY)

READY_MADE = templates_folder() / "ready_made"
# Links leave the frame; `base-uri 'none'` bars an address here, not a target.
BASE = '<base target="_blank">'
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)


@blueprint.get("/mail/<what>/<ident>")
def show(what: str, ident: str) -> Response:
    """A message as its reader sees it; `contact` in the query says whose data fills it.

    `what` is broadcasts, templates, ready-made or mailbox; with `uncounted` in the query, looking
    at a mail of the mailbox is no open.
    """
    with transaction() as session:
        if what == "mailbox":
            html = _kept(session, ident)
        else:
            html = editor.seen(session, _draft(session, what, ident), editor.person_id()).html
    look = "dark" if request.args.get("look") == "dark" else "light"
    return Response(_framed(html, look), content_type="text/html; charset=utf-8")


def _draft(session: Session, what: str, ident: str) -> Broadcast:
    account_id = current_account_id()
    if what == "broadcasts":
        return compose.get(session, account_id, _number(ident))
    account = editor.account_of(session)
    if what == "templates":
        return preview.draft_of(templates.get(session, account_id, _number(ident)), account)
    if what != "ready-made":
        raise NotFound
    language, _hyphen, name = ident.partition("-")
    return preview.draft_of(ready_template(language, name), account)


def ready_template(language: str, name: str) -> Template:
    """A ready-made one as a template that is not stored."""
    found = ready_made.load(READY_MADE, language, name)
    return Template(
        account_id=current_account_id(),
        name=_(found.title),
        kind="mjml",
        subject=found.subject,
        preheader=found.preheader,
        body=found.mjml,
    )


def _kept(session: Session, ident: str) -> str | None:
    message = mailbox.message(session, current_account_id(), _number(ident))
    html = reading.read(message.raw).html
    return reading.without_pixel(html) if html and "uncounted" in request.args else html


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise NotFound
    return int(text)


def _framed(html: str | None, look: str) -> str:
    """As a reader in light or in dark mode sees it, whichever this device is in."""
    if html is None:
        text = escape(_(preview.NO_MESSAGE))
        style = (
            "font:15px/1.5 system-ui,sans-serif;color:#67655e;padding:48px 24px;text-align:center"
        )
        html = f'<!doctype html><meta charset="utf-8"><p style="{style}">{text}</p>'
    html = _SCHEME.sub(lambda m: "(min-width:0)" if m[1].lower() == look else "(max-width:0)", html)
    place = _HEAD.search(html) or _DOCTYPE.match(html)
    at = place.end() if place else 0
    scheme = f"<style>:root{{color-scheme:{look} only!important}}</style>"
    return html[:at] + BASE + scheme + html[at:]


@blueprint.get("/mail/people")
def people() -> str | AnyResponse:
    """Contacts whose eyes the preview can borrow."""
    if not is_htmx():
        return go(url_for("overview.index"))
    with transaction() as session:
        found = preview.choices(session, current_account_id(), request.args.get("q", ""))
    return render_template(
        "editor/people.html", people=found, sample=preview.sample(current_account().language)
    )
