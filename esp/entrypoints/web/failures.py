"""Errors become pages, notices or answers for htmx, in one place."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, current_app, make_response, redirect, render_template, request
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from esp.entrypoints.web.frame import NotAllowed, is_htmx, notify, sentence
from esp.errors import Conflict, Error, Invalid, NotFound, Refused

# The first that fits.
STATUS: dict[type[Error], int] = {
    NotAllowed: 403,
    NotFound: 404,
    Refused: 409,
    Conflict: 409,
    Invalid: 422,
}
# Those with a page of their own; every other status has `error.html`.
PAGES = frozenset((403, 404, 413, 429, 500))


def install(app: Flask) -> None:
    """Translate every error `app` can raise."""
    app.register_error_handler(Error, _own)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def add_error(form: FlaskForm, error: Invalid | Refused | Conflict) -> None:
    """Show what a capability refused at the field it names, else above the form."""
    place = getattr(error, "place", "")
    target = form[place].errors if place in form else form.form_errors
    if isinstance(target, tuple):
        form[place].errors = [*target, sentence(error)]
    else:
        target.append(sentence(error))


def _own(error: Error) -> AnyResponse:
    status = next((s for kind, s in STATUS.items() if isinstance(error, kind)), 500)
    if status == 500:
        return _unexpected(error)
    came_from = _own_page(request.referrer)
    if request.method == "POST" and not is_htmx() and came_from and status in (409, 422):
        notify(sentence(error), "error")
        return redirect(came_from, 303)
    return _answer(status, sentence(error))


def _own_page(referrer: str | None) -> str | None:
    """Path of the page a form was on, if it is ours; other sites' addresses lead nowhere."""
    parts = urlsplit(referrer or "")
    if (
        parts.netloc != request.host
        or not parts.path.startswith("/")
        or parts.path.startswith("//")
    ):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _csrf(error: CSRFError) -> AnyResponse:
    return _answer(
        400, _("This page was open for too long. Load it again and repeat what you did.")
    )


def _http(error: HTTPException) -> AnyResponse:
    # Redirects and answers that a view made itself pass.
    if error.code is None or error.code < 400 or error.response is not None:
        return error.get_response()
    return _answer(error.code, "", headers=_kept(error))


def _kept(error: HTTPException) -> dict[str, str]:
    """Allow and Retry-After are for the client's program."""
    wanted = ("Allow", "Retry-After")
    return {name: value for name, value in error.get_headers() if name in wanted}


def _unexpected(error: Exception) -> AnyResponse:
    current_app.logger.error("unexpected error at %s", request.path, exc_info=error)
    if current_app.testing:
        raise error
    return _answer(500, "")


def _answer(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    if is_htmx():
        body = render_template("components/notice_only.html", text=text or _said(status))
        response = make_response(body, status)
        response.headers.update({"HX-Retarget": "#notices", "HX-Reswap": "beforeend"})
    else:
        page = f"errors/{status}.html" if status in PAGES else "errors/error.html"
        body = render_template(
            page, text=text, status=status, retry=(headers or {}).get("Retry-After")
        )
        response = make_response(body, status)
    response.headers.update(headers or {})
    return response


def _said(status: int) -> str:
    sayings: dict[int, str] = {
        403: _("Your role in this account doesn't allow this."),
        404: _("There is no such thing here."),
        413: _("That is too large."),
        429: _("That was too often. Wait a moment and try again."),
    }
    return sayings.get(status) or str(_("Something went wrong on our side. Try again."))
