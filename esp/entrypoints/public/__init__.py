"""What the links in mails lead to, and sign-up pages: no sign-in, no cookie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from esp.entrypoints.public.frame import create_public_pages
from esp.entrypoints.public.hits import Hits
from esp.entrypoints.public.tracking import Tracking
from esp.runtime import Runtime

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def create_public(runtime: Runtime) -> WSGIApplication:
    """Pixel and clicks are answered in front of Flask, the pages by it."""
    hits = Hits(runtime)
    pages = create_public_pages(runtime, hits)
    tracking = Tracking(runtime, hits, pages)

    def door(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        place = environ["PATH_INFO"][:3]
        if place == "/o/":
            return tracking.open(environ, start_response)
        if place == "/c/":
            return tracking.click(environ, start_response)
        return pages(environ, start_response)

    return door
