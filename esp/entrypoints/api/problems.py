"""Every error becomes a problem document (RFC 9457), in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from apiflask.exceptions import HTTPError
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from esp.broadcasts.move import NotReady
from esp.entrypoints.api.frame import PREFIX
from esp.errors import Conflict, Error, Invalid, NotFound, Refused

MEDIA_TYPE = "application/problem+json"

# By status: the end of its type's address, and what it means.
KINDS: dict[int, tuple[str, str]] = {
    400: ("malformed", "The request can't be read: the body is not JSON, or not what it says."),
    401: ("no-key", "The request has no key, or one that opens nothing."),
    404: ("not-found", "There is no such thing in the account of this key."),
    405: ("wrong-method", "The address exists, but not for this method."),
    409: ("refused", "Understood, but not possible in the present state; `detail` says why."),
    413: ("too-large", "The request is larger than it may be."),
    415: ("wrong-type", "The body has another content type than the one the address takes."),
    422: ("invalid", "Something in the request is wrong; `errors` says what and where."),
    429: ("too-many", "The key was used too often; `Retry-After` says how long to wait."),
    500: ("ours", "Something went wrong on our side."),
    503: ("away", "The database can't be reached at the moment; try again."),
}
_STATUS: tuple[tuple[type[Error], int], ...] = (
    (NotFound, 404),
    (Refused, 409),
    (Conflict, 409),
    (Invalid, 422),
)
_KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


class Rejected(Exception):
    """The answer is a problem with this status."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.detail, self.headers = status, detail, dict(headers or {})
        super().__init__(detail)


def install(app: Flask) -> None:
    """Translate every error `app` can raise."""
    app.register_error_handler(Rejected, _rejected)
    app.register_error_handler(Error, _own)
    app.register_error_handler(HTTPError, _unfit)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _away)
    app.register_error_handler(Exception, _unexpected)


def problem(
    status: int,
    detail: str = "",
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The document; `errors` are {place, text}."""
    slug, meaning = KINDS.get(status, ("other", HTTPStatus(status).phrase))
    body = {
        "type": f"{PREFIX}/docs#problem-{slug}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or meaning,
        "errors": errors or [],
    }
    response = Response(orjson.dumps(body), status, mimetype=MEDIA_TYPE)
    response.headers.update(headers or {})
    return response


def _rejected(error: Rejected) -> Response:
    return problem(error.status, error.detail, headers=error.headers)


def _own(error: Error) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if status == 500:
        return _unexpected(error)
    return problem(status, str(error), list(_errors_of(error)))


def _errors_of(error: Error) -> Iterator[dict[str, str]]:
    if isinstance(error, NotReady):
        for found in error.problems:
            text = found.text % found.values if found.values else found.text
            yield {"place": found.code, "text": text}
    elif place := getattr(error, "place", ""):
        yield {"place": place, "text": str(error)}


def _unfit(error: HTTPError) -> Response:
    """What a schema refused: {where: {place: [sentence]}}."""
    errors = [
        {"place": "" if place == "_schema" else place, "text": text.removeprefix("Value error, ")}
        for places in _mapping(error.detail).values()
        for place, texts in _mapping(places).items()
        for text in texts
    ]
    detail = errors[0]["text"] if errors else ""
    if errors and errors[0]["place"]:
        detail = f"{errors[0]['place']}: {detail}"
    return problem(error.status_code, detail, errors)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return Response(status=error.code or 500, headers=error.get_headers())
    kept = {name: value for name, value in error.get_headers() if name in _KEPT_HEADERS}
    detail = KINDS[404][1] if error.code == 404 else ""
    return problem(error.code, detail, headers=kept)


def _away(error: OperationalError) -> Response:
    current_app.logger.error("the database can't be reached at %s", request.path, exc_info=error)
    return problem(503, headers={"Retry-After": "5"})


def _unexpected(error: Exception) -> Response:
    current_app.logger.error("unexpected error at %s", request.path, exc_info=error)
    return problem(500)
