"""The small Flask application behind the public pages: who speaks, its language, its errors."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, cast

from flask import Flask, current_app, g, render_template, request
from flask_babel import gettext as _
from flask_babel import refresh
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from esp.accounts.models import Account
from esp.contacts.leave import Way
from esp.entrypoints.public.hits import Hits
from esp.entrypoints.web import looks
from esp.errors import NotFound
from esp.places import sources_change, templates_folder
from esp.runtime import Runtime
from esp.tokens import RecipientRef, read, read_recipient_token, sign
from esp.translations import LANGUAGES

# Forms here hold an address, a name and some numbers.
LARGEST_FORM = 64 * 1024
FORM_SECONDS = 24 * 3600
_FORM = "public-form"


@dataclass(frozen=True)
class Sender:
    """The company that speaks on the page; without a name while the database is away."""

    name: str = ""
    postal_address: str = ""
    language: str = "en"
    tracking: str = "none"
    from_address: str = ""


def create_public_pages(runtime: Runtime, hits: Hits) -> Flask:
    """Pages without sign-in, session or script."""
    from esp.entrypoints.public import clicks, mail, preferences, sign_up, unsubscribe

    app = Flask(__name__, static_folder=None, template_folder=str(templates_folder()))
    app.config["TEMPLATES_AUTO_RELOAD"] = sources_change()
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_FORM, MAX_FORM_MEMORY_SIZE=LARGEST_FORM)
    app.extensions["esp"] = runtime
    app.extensions["esp-hits"] = hits
    looks.dress(app, secure=runtime.settings.secure, language=_language, time_zone=lambda: "UTC")
    app.after_request(_keep_to_ourselves)
    app.register_error_handler(NotFound, lambda error: not_found())
    app.register_error_handler(SQLAlchemyError, _database_away)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
    for area in (unsubscribe, preferences, sign_up, mail, clicks):
        app.register_blueprint(area.blueprint)
    return app


def runtime() -> Runtime:
    """The parts this process was built with."""
    return cast(Runtime, current_app.extensions["esp"])


def hits() -> Hits:
    """The journal of this process."""
    return cast(Hits, current_app.extensions["esp-hits"])


def transaction(account_id: int | None) -> AbstractContextManager[Session]:
    return runtime().transaction(account_id)


def ref_of(token: str) -> RecipientRef:
    """Whose copy the token speaks of; NotFound for what we did not sign."""
    ref = read_recipient_token(runtime().keyring, token)
    if ref is None:
        raise NotFound()
    return ref


def way(source: str, wording: str = "") -> Way:
    """This request as evidence."""
    return Way(source, runtime().clock(), request.remote_addr or "", wording)


def place() -> str:
    """Where the request comes from: an IPv4 address, or the /64 one customer has of IPv6."""
    try:
        found = ip_address(request.remote_addr or "")
    except ValueError:
        return "nowhere"
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found)


def speak_for(session: Session, account_id: int, language: str = "") -> Sender:
    """The account as sender of the page, which speaks the reader's `language` if it can."""
    row = session.execute(
        select(
            Account.name,
            Account.postal_address,
            Account.language,
            Account.tracking,
            Account.from_address,
        ).where(Account.id == account_id)
    ).first()
    if row is None:
        raise NotFound()
    g.sender = Sender(*row)
    g.reader_language = language
    refresh()  # what was said before was said to nobody in particular
    return sender()


def sender() -> Sender:
    """Who speaks on this page."""
    return cast(Sender, g.get("sender", Sender()))


def form_token(*subject: int) -> str:
    """For a form on the page of one link: nothing but that page can send it."""
    expires = int(runtime().clock().timestamp()) + FORM_SECONDS
    return sign(runtime().keyring, _FORM, subject, expires)


def came_from_form(*subject: int) -> bool:
    """Whether the form sent was given out by that page, within a day."""
    now = int(runtime().clock().timestamp())
    return read(runtime().keyring, _FORM, request.form.get("form", ""), now) == subject


def page(template: str, status: int = 200, **values: Any) -> Response:
    """Render for the reader, with the sender's name above."""
    speaking = sender()
    html = render_template(
        f"public/{template}.html",
        sender=speaking.name,
        postal_address=speaking.postal_address,
        **values,
    )
    return Response(html, status, content_type="text/html; charset=utf-8")


def message(title: str, text: str, status: int = 200, tone: str = "") -> Response:
    """A page that only says something."""
    return page("message", status, title=title, text=text, tone=tone)


def not_found() -> Response:
    return message(
        _("This link leads nowhere"),
        _("It may be incomplete, or what it led to is gone. Nothing was changed."),
        404,
    )


def try_again() -> Response:
    answer = message(
        _("Please try again in a minute"),
        _("We can’t reach our records right now. Nothing is lost; nothing was changed."),
        503,
    )
    answer.headers["Retry-After"] = "60"
    return answer


def _language() -> str | None:
    wanted = str(g.get("reader_language", ""))[:2].lower()
    if wanted in LANGUAGES:
        return wanted
    accepted = request.accept_languages.best_match(LANGUAGES)
    return accepted or (sender().language if "sender" in g else None)


def _keep_to_ourselves(response: Response) -> Response:
    # The address of such a page is a key: no other site and no search engine gets it.
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.setdefault("X-Robots-Tag", "noindex")
    return response


def _database_away(error: SQLAlchemyError) -> Response:
    current_app.logger.error("the database did not answer %s", request.endpoint, exc_info=error)
    return try_again()


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()
    if error.code == 404:
        return not_found()
    answer = message(_("This doesn’t work"), _("Go back and try it another way."), error.code)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            answer.headers[name] = value
    return answer


def _unexpected(error: Exception) -> Response:
    current_app.logger.error("unexpected error at %s", request.endpoint, exc_info=error)
    if current_app.testing:
        raise error
    return message(
        _("Something went wrong on our side"),
        _("Nothing you did is the reason. Please try again later."),
        500,
    )
