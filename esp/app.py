"""The web application: one WSGI dispatcher in front of the tracking door, the API and the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from esp.entrypoints.api import create_api
from esp.entrypoints.proxies import behind
from esp.entrypoints.public import create_public
from esp.entrypoints.web import create_pages
from esp.runtime import Runtime

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def create_app(runtime: Runtime) -> WSGIApplication:
    """Links in mails go to the public door, /api to the API, the rest to the pages."""
    api, public, pages = create_api(runtime), create_public(runtime), create_pages(runtime)

    def dispatch(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        door: Callable[..., Iterable[bytes]] = pages
        if path.startswith("/api/"):
            door = api
        elif path[:3] in PUBLIC or path.startswith(PUBLIC_PAGES):
            door = public
        return door(environ, start_response)

    return behind(dispatch, runtime.settings.trusted_proxies)


# Links in mails: open, click, unsubscribe, preferences, view in the browser.
PUBLIC = frozenset(("/o/", "/c/", "/u/", "/p/", "/v/"))
PUBLIC_PAGES = ("/subscribe/", "/confirm/", "/media/")
