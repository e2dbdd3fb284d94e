"""Pixel and clicks: token, journal, answer, without waiting for the database; plain WSGI."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from esp.delivery.facts import encode_hit
from esp.engagement.agents import kind_of
from esp.entrypoints.public.clicks import REASON
from esp.entrypoints.public.hits import Hits
from esp.entrypoints.public.links import TEST_SEQ, Links, UnreachableError
from esp.runtime import Runtime
from esp.tokens import RecipientRef, read_recipient_token

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

# The smallest picture there is: one transparent pixel.
PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
_PIXEL_HEADERS = [
    ("Content-Type", "image/gif"),
    ("Content-Length", str(len(PIXEL))),
    ("Cache-Control", "no-store, private, max-age=0"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("Referrer-Policy", "no-referrer"),
]
_REDIRECT_HEADERS = [
    ("Content-Length", "0"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex"),
]
_LONGEST_NUMBER = 5


class Tracking:
    """Answers /o/<token>.gif and /c/<token>/<number>; what it can't redirect gets a page."""

    def __init__(self, runtime: Runtime, hits: Hits, page: WSGIApplication) -> None:
        self._keyring = runtime.keyring
        self._clock = runtime.clock
        self._note = hits.note
        self._links = Links(runtime)
        self._page = page

    def open(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Always the picture: what fails must not be seen in a mail (TRK-06)."""
        token = environ["PATH_INFO"][3:]
        ref = read_recipient_token(self._keyring, token.removesuffix(".gif"))
        if ref is not None and environ["REQUEST_METHOD"] == "GET":
            self._keep(ref, None, environ)
        start_response("200 OK", _PIXEL_HEADERS)
        return (PIXEL,) if environ["REQUEST_METHOD"] != "HEAD" else ()

    def click(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Off to the link's target; only to one that was in that mail (TRK-01)."""
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            start_response("405 Method Not Allowed", [("Allow", "GET, HEAD")])
            return ()
        token, _, number = environ["PATH_INFO"][3:].partition("/")
        ref = read_recipient_token(self._keyring, token)
        target = None
        if ref is not None and _is_number(number):
            try:
                target = self._links.location(ref, int(number))
            except UnreachableError:
                environ[REASON] = "unreachable"
        if ref is None or target is None:
            if ref is not None and ref.seq == TEST_SEQ:
                environ.setdefault(REASON, "test")
            return self._page(environ, start_response)
        if method == "GET":
            self._keep(ref, int(number), environ)
        start_response("302 Found", [("Location", target), *_REDIRECT_HEADERS])
        return ()

    def _keep(self, ref: RecipientRef, link: int | None, environ: WSGIEnvironment) -> None:
        if ref.seq == TEST_SEQ:
            return
        agent = kind_of(environ.get("HTTP_USER_AGENT", "")[:400])
        try:
            self._note(encode_hit(*ref, link, self._clock(), agent))
        except Exception:
            # Neither disk nor database took it; the reader has their page all the same.
            log.exception("A hit was lost")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
