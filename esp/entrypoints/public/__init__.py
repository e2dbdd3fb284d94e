"""What the links in mails lead to, and sign-up pages: no sign-in, no cookie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from esp.entrypoints.public.frame import create_public_pages
from esp.entrypoints.public.hits import Hits
from esp.entrypoints.public.tracking import Tracking
from esp.runtime import Runtime

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Public:
    """The WSGI application: pixel and clicks are answered in front of Flask, the pages by it."""

    def __init__(self, runtime: Runtime) -> None:
        self._hits = Hits(runtime)
        self.pages = create_public_pages(runtime, self._hits)
        self._tracking = Tracking(runtime, self._hits, self.pages)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        place = environ["PATH_INFO"][:3]
        if place == "/o/":
            return self._tracking.open(environ, start_response)
        if place == "/c/":
            return self._tracking.click(environ, start_response)
        return self.pages(environ, start_response)

    def close(self) -> None:
        """Ship what was heard, if the database is there, and hear no more."""
        self._hits.close()


def create_public(runtime: Runtime) -> Public:
    """The door of one process."""
    return Public(runtime)
