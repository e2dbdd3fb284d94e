"""Each request: a key, a body, then one transaction; workers are woken after its commit."""

from __future__ import annotations

import hashlib
from typing import Any

from apiflask import APIFlask
from flask import Response, g, request

from esp.accounts import api_keys, idempotency
from esp.accounts.idempotency import Answer
from esp.entrypoints.api.frame import Caller, caller, now, runtime
from esp.entrypoints.api.problems import Rejected
from esp.entrypoints.api.rates import Rates
from esp.entrypoints.api.reading import ApiRequest
from esp.entrypoints.tasks import wake

REALM = 'Bearer realm="api"'


class Api(APIFlask):
    """Opens the door to programs with a key."""

    request_class = ApiRequest

    def dispatch_request(self) -> Any:
        """The answer of the view, inside its transaction; errors roll it back."""
        view = self.view_functions.get(request.endpoint or "")
        if request.routing_exception is not None or view is None or hasattr(view, "is_open"):
            return super().dispatch_request()
        g.caller = _authenticate()
        self._count()
        # Read before the transaction, so that a slow sender holds none open.
        fingerprint = _read(for_files=hasattr(view, "is_for_files"))
        g.wakes = []
        with runtime().transaction(caller().account_id) as session:
            g.session = session
            response = self._once(fingerprint)
        for name in g.wakes:
            wake(runtime(), name, caller().account_id)
        return response

    def _count(self) -> None:
        rates: Rates = self.extensions["esp-rates"]
        wait = rates.wait(caller().key_id, now())
        if wait:
            text = f"A key may be used {rates.per_minute:,} times a minute. Wait {wait} seconds."
            raise Rejected(429, text, {"Retry-After": str(wait)})

    def _once(self, fingerprint: bytes) -> Response:
        """The view's answer, or for a repeated idempotency key the one already given."""
        key = request.headers.get("Idempotency-Key")
        if key is None or request.method != "POST":
            return self.make_response(super().dispatch_request())
        account_id = caller().account_id
        if not key.isprintable():
            raise Rejected(400, "An idempotency key is printable text.")
        given = idempotency.replay(g.session, account_id, key, fingerprint)
        if given is not None:
            return _again(given)
        response = self.make_response(super().dispatch_request())
        body = f"{response.headers.get('Location', '')}\n{response.get_data(as_text=True)}"
        answer = Answer(response.status_code, body)
        idempotency.remember(g.session, account_id, key, fingerprint, answer, now())
        return response


def _again(given: Answer) -> Response:
    location, _, body = given.body.partition("\n")
    response = Response(body, given.status, mimetype="application/json")
    response.headers["Idempotent-Replayed"] = "true"
    if location:
        response.headers["Location"] = location
    return response


def _authenticate() -> Caller:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        text = "Send your key in the header Authorization: Bearer esp_…"
        raise Rejected(401, text, {"WWW-Authenticate": REALM})
    with runtime().transaction(None) as session:
        found = api_keys.open_with_key(session, key.strip(), now())
    if found is None:
        challenge = f'{REALM}, error="invalid_token"'
        raise Rejected(401, "This key opens nothing.", {"WWW-Authenticate": challenge})
    return Caller(found.account_id, found.key_id, found.name)


def _read(*, for_files: bool) -> bytes:
    """Take the whole body in; what tells one request from another of the same key."""
    told = hashlib.sha256(f"{request.method} {request.full_path}\n".encode())
    if not for_files:
        told.update(request.get_data())
        return told.digest()
    if request.mimetype != "multipart/form-data":
        raise Rejected(415, "Send the file as multipart/form-data.")
    request.max_content_length = runtime().settings.upload_limit_mb * 1024 * 1024
    for name, value in sorted(request.form.items(multi=True)):
        told.update(f"{name}={value}\n".encode())
    for name, file in sorted(request.files.items(multi=True), key=lambda pair: pair[0]):
        told.update(f"{name}:{file.filename}\n".encode())
        while piece := file.stream.read(1 << 20):
            told.update(piece)
        file.stream.seek(0)
    return told.digest()
